#include <algorithm>
#include <limits>

#include "formats/layout.h"
#include "formats/tflite/lift.h"
#include "graph/known_numbers.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::tflite {
namespace {

const TensorInfo no_tensor;

constexpr int64_t most_numbers = 1 << 16;  // axes, sizes and the like that an operator has

// Of a view's node or value besides its name: only so that a count of them is a count of bytes.
constexpr uint64_t memory_of_one = 256;

std::optional<Shape> permuted(const std::optional<Shape>& shape, const std::vector<int>& permutation) {
  if (!shape || shape->size() != permutation.size()) return std::nullopt;
  Shape out;
  for (int axis : permutation) out.push_back((*shape)[static_cast<size_t>(axis)]);
  return out;
}

std::vector<int64_t> as_ints(const std::vector<int>& values) {
  return {values.begin(), values.end()};
}

// Operators whose output has the shape of their first operand.
bool keeps_shape(const std::string& type) {
  return type == "DequantizeLinear" || type == "QuantizeLinear" || type == "Relu" || type == "Clip" ||
         type == "Tanh" || type == "Cast" || type == "Identity";
}

}  // namespace

Operation::Operation(Lifter& lifter, int index)
    : lifter_(lifter),
      index_(index),
      wire_(*lifter.native_.operators()->Get(static_cast<uint32_t>(index))),
      builtin_(builtin_of(*lifter.file_.model->operator_codes()->Get(wire_.opcode_index()))) {}

int Operation::tensor(int slot) const {
  return slot >= 0 && slot < operands() ? wire_.inputs()->Get(static_cast<uint32_t>(slot)) : -1;
}

bool Operation::has(int slot) const {
  return tensor(slot) >= 0;
}

const TensorInfo& Operation::info(int slot) const {
  return has(slot) ? lifter_.tensors_[static_cast<size_t>(tensor(slot))] : no_tensor;
}

const TensorInfo& Operation::out_info(int output) const {
  if (output >= outputs() || wire_.outputs()->Get(static_cast<uint32_t>(output)) < 0) return no_tensor;
  return lifter_.tensors_[static_cast<size_t>(wire_.outputs()->Get(static_cast<uint32_t>(output)))];
}

bool Operation::is_constant(int slot) const {
  return info(slot).constant;
}

std::string Operation::label() const {
  return out_info().index >= 0 ? out_info().name : builtin_name(builtin_);
}

DType Operation::dtype_of(const Operand& value) const {
  return lifter_.out_.graph.value(value.id).dtype;
}

void Operation::note(const std::string& what) {
  lifter_.out_.notes.push_back("operator " + std::to_string(index_) + " (" + builtin_name(builtin_) +
                               "): " + what);
}

Result<Operand> Operation::raw(int slot) {
  if (!has(slot)) return unsupported("operand " + std::to_string(slot) + " is missing");
  FETAFIX_CHECK(lifter_.check_memory());
  FETAFIX_TRY(ValueId id, lifter_.value_of(tensor(slot)));
  return Operand{id, slot};
}

Result<Operand> Operation::in(int slot) {
  FETAFIX_TRY(Operand value, raw(slot));
  return info(slot).quantization
             ? dequantized(value, info(slot), is_constant(slot) ? Role::constant : Role::dequantize)
             : value;
}

std::vector<Operand> Operation::parameters_of(const TensorInfo& info, int scales, int zero_points) {
  const Quantization& q = *info.quantization;
  const Shape shape = q.per_axis() ? Shape{static_cast<int64_t>(q.scale.size())} : Shape{};
  Operand scale = number("scale", Tensor::of(q.scale, shape));
  auto narrow = fetafix::cast(Tensor::of(q.zero_point, shape), info.dtype);
  Operand zero_point = number("zero_point", narrow.ok() ? std::move(narrow).value() : Tensor());
  for (const auto& [operand, name] : {std::pair{scale, "scale"}, std::pair{zero_point, "zero_point"}})
    lifter_.out_.graph.value(operand.id).lens = graph::Lens{info.index, name, {}, {}};
  scale.slot = scales;
  zero_point.slot = zero_points;
  return {scale, zero_point};
}

Operand Operation::dequantized(const Operand& value, const TensorInfo& info, Role role) {
  const auto parameters = parameters_of(info, scale_slot + value.slot, zero_point_slot + value.slot);
  Attributes attributes;
  if (info.quantization->per_axis()) attributes["axis"] = int64_t{info.quantization->axis};
  return node("DequantizeLinear", {value, parameters[0], parameters[1]}, attributes, role, DType::float32);
}

Result<Operand> Operation::parameter(int slot, const std::vector<int>& permutation, const Shape& shape,
                                     DType dtype) {
  if (!is_constant(slot)) {
    FETAFIX_TRY(Operand value, in(slot));
    if (dtype != DType::unknown) value = cast(value, dtype);
    value = permutation.empty() ? value : bridge(value, permutation);
    return shape.empty() ? value
                         : node("Reshape", {value, number("shape", Tensor::vector(shape))}, {}, Role::bridge);
  }
  const TensorInfo& stored = info(slot);
  if (stored.dtype == DType::int32 && dtype == DType::unknown && info(0).dtype == DType::float32)
    return unsupported("the operator's numbers are called integers, and what it reads is not");
  FETAFIX_TRY(ValueId id, lifter_.constant_of(tensor(slot), permutation, shape,
                                              dtype != DType::unknown ? dtype : stored.dtype));
  if (!stored.quantization) return Operand{id, slot};
  TensorInfo seen = stored;
  if (seen.quantization->per_axis()) {
    if (!shape.empty()) return unsupported("a reshaped parameter has a scale for each channel");
    for (size_t i = 0; i < permutation.size(); ++i)
      if (permutation[i] == stored.quantization->axis) seen.quantization->axis = static_cast<int>(i);
  }
  return dequantized({id, slot}, seen, Role::constant);
}

Result<Operand> Operation::bias(int slot, int input_slot, int weight_slot) {
  const TensorInfo& stored = info(slot);
  if (stored.dtype != DType::int32 && stored.dtype != DType::int64) return in(slot);
  if (!info(input_slot).quantization || !info(weight_slot).quantization)
    return unsupported("the bias is an integer, but input or weights have no scale");
  std::vector<float> scale = info(weight_slot).quantization->scale;
  for (float& s : scale) s *= info(input_slot).quantization->scale[0];
  const Shape shape = scale.size() > 1 ? Shape{static_cast<int64_t>(scale.size())} : Shape{};
  if (scale.size() > 1 && stored.shape != shape)
    return unsupported("bias and weights have different numbers of channels");
  FETAFIX_TRY(Operand value, raw(slot));
  const Operand step = number("bias_scale", Tensor::of(scale, shape));
  // Kernels do not look at the bias's own scale; it says in which steps the converter counted.
  const auto* about = lifter_.native_.tensors()->Get(static_cast<uint32_t>(tensor(slot)))->quantization();
  if (about && static_cast<int64_t>(count_of(about->scale())) == element_count(shape)) {
    const Operand claim = number("claimed_scale", Tensor::of(copy_of(about->scale()), shape));
    lifter_.out_.graph.value(claim.id).lens->native_tensor = stored.index;
  }
  if (stored.dtype == DType::int64)
    return node("Mul", {cast(value, DType::float32, Role::bias), step}, {}, Role::bias, DType::float32);
  return node("DequantizeLinear", {value, step},
              scale.size() > 1 ? Attributes{{"axis", int64_t{0}}} : Attributes{}, Role::bias, DType::float32);
}

Result<Operand> Operation::int64s(int slot, const Shape& shape) {
  return parameter(slot, {}, shape, DType::int64);
}

Result<Operand> Operation::scalar(int slot) {
  FETAFIX_TRY(Operand value, in(slot));
  if (info(slot).shape && info(slot).shape->empty()) return value;
  return node("Squeeze", {value}, {}, Role::bridge);
}

Status Operation::stores_as_float16() {
  if (out_info().index < 0) return {};
  TensorInfo& unpacked = lifter_.tensors_[static_cast<size_t>(out_info().index)];
  unpacked.constant = true;
  unpacked.shape = lifter_.tensors_[static_cast<size_t>(tensor(0))].shape;
  lifter_.stored_as_[static_cast<size_t>(unpacked.index)] = tensor(0);
  return {};
}

Result<Tensor> Operation::constant(int slot) const {
  if (!is_constant(slot)) return unsupported("operand " + std::to_string(slot) + " is computed");
  FETAFIX_TRY(ValueId id, lifter_.constant_of(tensor(slot), {}, {}, info(slot).dtype));
  return lifter_.out_.graph.value(id).constant;
}

Result<std::vector<int64_t>> Operation::ints(int slot) const {
  FETAFIX_TRY(Tensor data, constant(slot));
  if (data.size() > most_numbers)
    return unsupported("operand " + std::to_string(slot) + " holds " + std::to_string(data.size()) +
                       " numbers");
  FETAFIX_TRY(std::vector<int64_t> numbers, to_int64s(data));
  constexpr std::numeric_limits<int32_t> countable;
  for (int64_t& number : numbers) number = std::clamp<int64_t>(number, countable.min(), countable.max());
  return numbers;
}

Result<std::vector<int64_t>> Operation::sizes(int slot) const {
  if (is_constant(slot) || !has(slot)) return ints(slot);
  FETAFIX_TRY(const ValueId id, lifter_.value_of(tensor(slot)));
  const auto known = graph::known_numbers(lifter_.out_.graph, id);
  if (known.empty()) return unsupported("operand " + std::to_string(slot) + " is computed");
  std::vector<int64_t> out;
  for (const auto& number : known)
    out.push_back(std::clamp<int64_t>(number.value_or(-1), -1, std::numeric_limits<int32_t>::max()));
  return out;
}

Operand Operation::number(const std::string& attribute, Tensor tensor) {
  graph::Lens lens;
  lens.attribute = attribute;
  if (!lifter_.spend(memory_of_one + 3 * label().size() + tensor.byte_size())) tensor = Tensor::scalar(0.f);
  return {lifter_.out_.graph.add_constant(lifter_.unique(label() + "/" + attribute), std::move(tensor), lens),
          -1};
}

std::vector<Operand> Operation::nodes(const std::string& type, const std::vector<Operand>& inputs,
                                      Attributes attributes, int count, DType dtype) {
  lifter_.spend((memory_of_one + 3 * label().size()) * static_cast<uint64_t>(count + 1));
  graph::Node made;
  made.type = type;
  made.attributes = std::move(attributes);
  made.native = {"", index_};
  made.name = label();
  for (const Operand& input : inputs) {
    made.inputs.push_back(input.id);
    made.slots.push_back(input.slot);
  }
  std::vector<Operand> outputs;
  for (int i = 0; i < count; ++i) {
    graph::Value value;
    value.name = lifter_.unique(label() + "/" + type);
    value.dtype = dtype != DType::unknown || inputs.empty() ? dtype : dtype_of(inputs[0]);
    if (keeps_shape(type)) value.shape = lifter_.out_.graph.value(inputs[0].id).shape;
    outputs.push_back({lifter_.out_.graph.add_value(std::move(value)), -1});
    made.outputs.push_back(outputs.back().id);
  }
  lifter_.out_.graph.add_node(std::move(made));
  return outputs;
}

Operand Operation::node(const std::string& type, const std::vector<Operand>& inputs, Attributes attributes,
                        Role role, DType dtype) {
  const Operand out = nodes(type, inputs, std::move(attributes), 1, dtype)[0];
  lifter_.out_.graph.nodes.back().role = role;
  return out;
}

Operand Operation::bridge(const Operand& value, const std::vector<int>& permutation) {
  const auto shape = permuted(lifter_.out_.graph.value(value.id).shape, permutation);
  const Operand out = node("Transpose", {value}, {{"perm", as_ints(permutation)}}, Role::bridge);
  lifter_.out_.graph.value(out.id).shape = shape;
  return out;
}

Operand Operation::cast(const Operand& value, DType dtype, Role role) {
  if (dtype_of(value) == dtype) return value;
  return node("Cast", {value}, {{"to", graph::onnx_type(dtype)}}, role, dtype);
}

void Operation::know_shape(const Operand& value, const std::optional<Shape>& shape) {
  auto& graph = lifter_.out_.graph;
  ValueId id = value.id;
  for (size_t n = graph.nodes.size(); n-- > 0 && graph.nodes[n].native.index == index_;) {
    if (!graph.value(id).shape) graph.value(id).shape = shape;
    const graph::Node& node = graph.nodes[n];
    if (node.outputs[0] == id && keeps_shape(node.type)) id = node.inputs[0];
  }
}

Operand Operation::to_channels_first(const Operand& value, int rank) {
  return bridge(value, channels_first(rank));
}

Operand Operation::to_channels_last(const Operand& value, int rank) {
  know_shape(value, permuted(out_info().shape, channels_first(rank)));
  return bridge(value, channels_last(rank));
}

Result<Operand> Operation::activated(const Operand& value, schema::ActivationFunctionType function) {
  using Function = schema::ActivationFunctionType;
  const auto clip = [&](float low, float high) {
    return node("Clip", {value, number("activation_min", low), number("activation_max", high)}, {},
                Role::activation);
  };
  switch (function) {
    case Function::NONE:
      return value;
    case Function::RELU:
      return node("Relu", {value}, {}, Role::activation);
    case Function::RELU6:
      return clip(0, 6);
    case Function::RELU_N1_TO_1:
      return clip(-1, 1);
    case Function::TANH:
      return node("Tanh", {value}, {}, Role::activation);
    default:
      return unsupported("fused activation function " + std::to_string(static_cast<int>(function)));
  }
}

Status Operation::out(int output, const Operand& given) {
  const TensorInfo& info = out_info(output);
  if (info.index < 0) return {};
  auto& graph = lifter_.out_.graph;
  Operand value = given;
  if (info.quantization && dtype_of(value) != info.dtype) {
    know_shape(value, info.shape);
    const auto parameters = parameters_of(info, output_scale_slot + output, output_zero_point_slot + output);
    value = node("QuantizeLinear", {value, parameters[0], parameters[1]}, {}, Role::quantize, info.dtype);
  }
  // A value that is something else already (an operand, another tensor) gets a node of its own.
  if (graph.value(value.id).is_constant() || graph.value(value.id).native_tensor >= 0 || value.slot >= 0)
    value = node("Identity", {value});
  know_shape(value, info.shape);
  graph::Value& result = graph.value(value.id);
  result.name = info.name;
  result.native_name = info.native_name;
  result.native_tensor = info.index;
  result.dtype = info.dtype;
  result.shape = info.shape;
  results_.emplace_back(info.index, value.id);
  return {};
}

Status Operation::finish(const Operand& value, schema::ActivationFunctionType function) {
  FETAFIX_TRY(Operand result, activated(value, function));
  return out(result);
}

}  // namespace fetafix::formats::tflite
