#include "formats/tflite/lift.h"

#include <algorithm>

#include "formats/tflite/metadata.h"
#include "formats/tflite/sound.h"
#include "formats/tflite/tensors.h"

namespace fetafix::formats::tflite {
namespace {

constexpr uint64_t least_memory = uint64_t{256} << 20;

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

// Tensors that some operator writes, and model inputs.
std::vector<bool> computed_tensors(const schema::SubGraph& graph) {
  std::vector<bool> out(count_of(graph.tensors()), false);
  for (int32_t input : copy_of(graph.inputs())) out[static_cast<size_t>(input)] = true;
  for (uint32_t i = 0; i < count_of(graph.operators()); ++i)
    for (int32_t output : copy_of(graph.operators()->Get(i)->outputs()))
      if (output >= 0) out[static_cast<size_t>(output)] = true;
  return out;
}

bool has_dynamic_input(const schema::SubGraph& graph) {
  for (int32_t input : copy_of(graph.inputs()))
    for (int32_t dimension : copy_of(graph.tensors()->Get(static_cast<uint32_t>(input))->shape_signature()))
      if (dimension < 0) return true;
  return false;
}

}  // namespace

Lifter::Lifter(const File& file, uint32_t subgraph, int depth)
    : file_(file),
      native_(*file.model->subgraphs()->Get(subgraph)),
      subgraph_(subgraph),
      depth_(depth),
      read_{subgraph},
      dynamic_(has_dynamic_input(native_)),
      tensors_(count_of(native_.tensors())),
      value_(tensors_.size(), graph::no_value),
      stored_as_(tensors_.size(), -1),
      memory_(least_memory, file.bytes->size()) {}

bool Lifter::spend(uint64_t bytes) {
  return memory_.spend(bytes);
}

Status Lifter::check_memory() const {
  if (!memory_.exhausted()) return {};
  return broken("the view of this file of " + std::to_string(file_.bytes->size()) +
                " bytes would not fit in memory (it repeats a large part, or asks for large variables)");
}

std::string Lifter::unique(const std::string& base) {
  std::string name = base;
  int& next = next_[base];
  while (!names_.insert(name).second) name = base + "#" + std::to_string(++next);
  return name;
}

Status Lifter::describe_tensors() {
  const std::vector<bool> computed = computed_tensors(native_);
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const auto& wire = *native_.tensors()->Get(static_cast<uint32_t>(i));
    TensorInfo& info = tensors_[i];
    info.index = static_cast<int>(i);
    info.native_name = text_of(wire.name());
    info.name = unique(info.native_name.empty() ? "tensor" + std::to_string(i) : info.native_name);
    info.dtype = view_dtype(wire.type());
    info.quantization = quantization_of(wire);
    const bool has_data = !buffer_bytes(file_, wire.buffer()).empty() || element_count(shape_of(wire)) == 0;
    info.constant = !computed[i] && !wire.is_variable() && has_data && unreadable(wire).empty();
    const auto signature = copy_of(wire.shape_signature());
    info.shape = signature.empty() ? shape_of(wire) : Shape(signature.begin(), signature.end());
    if (!computed[i]) {
      info.shape = shape_of(wire);
    } else if (dynamic_ && signature.empty()) {
      std::fill(info.shape->begin(), info.shape->end(), -1);  // `shape` holds one example
    }
    // Without dimensions and without the promise that this is a scalar: rank not known.
    if (computed[i] && info.shape->empty() && !wire.has_rank()) info.shape.reset();
  }
  return {};
}

ValueId Lifter::add_tensor_value(const TensorInfo& info) {
  spend(info.name.size() + info.native_name.size());
  graph::Value value;
  value.name = info.name;
  value.native_name = info.native_name;
  value.dtype = info.dtype;
  value.shape = info.shape;
  value.native_tensor = info.index;
  return value_[static_cast<size_t>(info.index)] = out_.graph.add_value(std::move(value));
}

Status Lifter::add_inputs() {
  for (int32_t input : copy_of(native_.inputs())) {
    TensorInfo& info = tensors_[static_cast<size_t>(input)];
    if (value_[static_cast<size_t>(input)] != graph::no_value)
      return broken("two model inputs are tensor " + std::to_string(input));
    if (!info.shape) info.shape = Shape{};
    out_.graph.inputs.push_back(add_tensor_value(info));
  }
  return {};
}

Result<ValueId> Lifter::constant_of(int tensor, const std::vector<int>& permutation, const Shape& shape,
                                    DType dtype) {
  const TensorInfo& info = tensors_[static_cast<size_t>(tensor)];
  std::string key = std::to_string(tensor) + "/" + std::string(dtype_name(dtype)) + to_string(shape);
  for (int axis : permutation) key += "," + std::to_string(axis);
  if (auto found = constants_.find(key); found != constants_.end()) return found->second;
  const int stored = stored_as_[static_cast<size_t>(tensor)];
  const auto& wire = *native_.tensors()->Get(static_cast<uint32_t>(stored >= 0 ? stored : tensor));
  FETAFIX_TRY(Tensor data, read_constant(file_, wire));
  if (!permutation.empty() && permutation.size() != data.shape().size())
    return Operation::unsupported("operand '" + info.name + "' has " + std::to_string(data.rank()) +
                                  " dimensions, expected " + std::to_string(permutation.size()));
  if (!shape.empty() && element_count(shape) != data.size())
    return Operation::unsupported("operand '" + info.name + "' has shape " + to_string(data.shape()));
  if (data.dtype() != dtype || !permutation.empty())
    spend(static_cast<uint64_t>(data.size()) * element_size(dtype));
  spend(info.name.size() + info.native_name.size());
  FETAFIX_CHECK(check_memory());
  FETAFIX_TRY(Tensor typed, cast(data, dtype));
  graph::Lens lens;
  lens.native_tensor = stored >= 0 ? stored : tensor;
  lens.permutation = permutation;
  lens.native_shape = data.shape();
  const bool first = names_.count(info.name + "/constant") == 0;
  const std::string name = first ? info.name : unique(info.name + "/view");
  names_.insert(info.name + "/constant");
  const ValueId id = out_.graph.add_constant(name, to_view(typed, permutation, shape), lens);
  out_.graph.value(id).native_name = info.native_name;
  if (data.dtype() == DType::float16 && dtype != DType::float16) out_.graph.value(id).stored = data.dtype();
  return constants_[key] = id;
}

Result<ValueId> Lifter::value_of(int tensor) {
  ValueId& value = value_[static_cast<size_t>(tensor)];
  if (value != graph::no_value) return value;
  const TensorInfo& info = tensors_[static_cast<size_t>(tensor)];
  if (info.constant) return constant_of(tensor, {}, {}, info.dtype);
  const auto& wire = *native_.tensors()->Get(static_cast<uint32_t>(tensor));
  const std::string why = unreadable(wire);
  if (!why.empty()) return Operation::unsupported("operand '" + info.name + "' is " + why);
  if (!wire.is_variable()) return broken("tensor '" + info.name + "' is read before anything computes it");
  const auto count = element_count(shape_of(wire));
  if (!count) return Operation::unsupported("variable '" + info.name + "' has no fixed size");
  spend(static_cast<uint64_t>(*count) * element_size(info.dtype));
  FETAFIX_CHECK(check_memory());
  FETAFIX_TRY(Tensor zeros, Tensor::zeros(info.dtype, shape_of(wire)));
  out_.notes.push_back("variable '" + info.name + "' is taken as zero, its value before the first run");
  return value = out_.graph.add_constant(info.name, std::move(zeros));
}

// What a failed lift left behind is taken away; then the operator is one node with its operands as stored.
Status Lifter::add_opaque(int index, const std::string& why) {
  const auto& wire = *native_.operators()->Get(static_cast<uint32_t>(index));
  graph::Node node;
  node.type = operator_name(*file_.model, wire);
  spend(count_of(wire.inputs()) * sizeof(ValueId) + 2 * node.type.size() + why.size());
  FETAFIX_CHECK(check_memory());
  node.domain = "tflite";
  node.opaque = true;
  node.native = {"", index};
  const auto operands = copy_of(wire.inputs());
  for (size_t slot = 0; slot < operands.size(); ++slot) {
    auto value = operands[slot] < 0 ? Result<ValueId>(graph::no_value) : value_of(operands[slot]);
    if (!value.ok() && value.error().kind == ErrorKind::file) return std::move(value).error();
    node.inputs.push_back(value.ok() ? *value : graph::no_value);
    node.slots.push_back(static_cast<int>(slot));
  }
  for (int32_t output : copy_of(wire.outputs()))
    node.outputs.push_back(output < 0 ? graph::no_value
                                      : add_tensor_value(tensors_[static_cast<size_t>(output)]));
  node.name =
      node.outputs.empty() || node.outputs[0] < 0 ? node.type : out_.graph.value(node.outputs[0]).name;
  out_.graph.add_node(std::move(node));
  out_.notes.push_back("operator " + std::to_string(index) + " (" + operator_name(*file_.model, wire) +
                       ") is opaque: " + why);
  return {};
}

Status Lifter::add_operator(int index) {
  const size_t nodes = out_.graph.nodes.size();
  const size_t notes = out_.notes.size();
  Operation operation(*this, index);
  for (int32_t output : copy_of(operation.wire().outputs()))
    if (output >= 0 && value_[static_cast<size_t>(output)] != graph::no_value)
      return broken("writes tensor '" + tensors_[static_cast<size_t>(output)].name +
                    "', which exists already");
  const LiftRule* rule = find_lift_rule(operation.builtin());
  Status status = rule ? rule->lift(operation) : Operation::unsupported("no ONNX operator says this");
  FETAFIX_CHECK(check_memory());
  if (status.ok()) {
    for (const auto& [tensor, value] : operation.results_) value_[static_cast<size_t>(tensor)] = value;
    return {};
  }
  if (status.error().kind != ErrorKind::unsupported) return status;
  // Values that only the dropped nodes knew stay in the list, without a producer and without a reader.
  out_.graph.nodes.resize(nodes);
  out_.notes.resize(notes);
  for (const auto& [tensor, value] : operation.results_) {
    graph::Value& dropped = out_.graph.value(value);
    dropped.name = unique(dropped.name + "/dropped");
    dropped.native_tensor = -1;
    dropped.native_name.clear();
  }
  return add_opaque(index, status.error().message);
}

Status Lifter::add_outputs() {
  for (int32_t output : copy_of(native_.outputs())) {
    FETAFIX_TRY(ValueId value, value_of(output));
    out_.graph.outputs.push_back(value);
  }
  return {};
}

// A view is in order, whatever the file's is. On a cycle some operator reads what is not there yet, and says
// so.
std::vector<int> Lifter::order() {
  std::vector<std::vector<int32_t>> reads, writes;
  for (uint32_t i = 0; i < count_of(native_.operators()); ++i) {
    reads.push_back(copy_of(native_.operators()->Get(i)->inputs()));
    writes.push_back(copy_of(native_.operators()->Get(i)->outputs()));
  }
  const auto sequence = order_of(reads, writes).sequence;
  std::vector<int> out(sequence.begin(), sequence.end());
  out_.in_order = std::is_sorted(out.begin(), out.end());
  return out;
}

Result<Lifted> Lifter::run() {
  if (file_.model->version() != 3)
    return Error{ErrorKind::unsupported, "schema version is " + std::to_string(file_.model->version()) +
                                             ", expected 3 (convert the model again)"};
  FETAFIX_CHECK(describe_tensors());
  FETAFIX_CHECK(add_inputs());
  for (int i : order())
    if (auto status = add_operator(i); !status.ok())
      return in_context("operator " + std::to_string(i) + " (" +
                            operator_name(*file_.model, *native_.operators()->Get(static_cast<uint32_t>(i))) +
                            ")",
                        std::move(status).error());
  FETAFIX_CHECK(add_outputs());
  if (const size_t others = file_.model->subgraphs()->size() - read_.size(); others && depth_ == 0)
    out_.notes.push_back(std::to_string(others) + " other subgraph(s) are kept as they are");
  FETAFIX_CHECK(graph::verify(out_.graph));
  return std::move(out_);
}

Result<Lifted> lift_file(const File& file) {
  FETAFIX_TRY(Lifted out, Lifter(file, main_subgraph(*file.model)).run());
  out.stated_inputs = stated_inputs(file);
  return out;
}

}  // namespace fetafix::formats::tflite
