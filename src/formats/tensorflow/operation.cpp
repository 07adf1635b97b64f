#include <algorithm>
#include <limits>

#include "formats/layout.h"
#include "formats/tensorflow/lift.h"
#include "graph/infer_shape.h"
#include "graph/known_numbers.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::tensorflow {
namespace {

constexpr int64_t most_numbers = 4096;  // of a shape, an order of axes, ...

// Whether an output is a list of tensors.
bool gives_list(const wire::Node& node, int output) {
  constexpr int variant = 21;
  if (node.op().starts_with("TensorList"))
    return node.op() != "TensorListStack" && node.op() != "TensorListGetItem";
  const wire::Attribute* types = wire::find_attribute(node, "T");
  if (!types) return false;
  if (types->value_case() == wire::Attribute::kType) return types->type() == variant;
  return output < types->list().type_size() && types->list().type(output) == variant;
}

}  // namespace

Operation::Operation(Lifter& lifter, int index)
    : lifter_(lifter), index_(index), op_(lifter.out_.program.ops[static_cast<size_t>(index)]) {}

int64_t Operation::integer(const std::string& key, int64_t otherwise) const {
  const wire::Attribute* found = attribute(key);
  return found && found->has_i() ? found->i() : otherwise;
}

float Operation::number(const std::string& key, float otherwise) const {
  const wire::Attribute* found = attribute(key);
  return found && found->has_f() ? found->f() : otherwise;
}

bool Operation::flag(const std::string& key, bool otherwise) const {
  const wire::Attribute* found = attribute(key);
  return found && found->has_b() ? found->b() : otherwise;
}

std::string Operation::text(const std::string& key, const std::string& otherwise) const {
  const wire::Attribute* found = attribute(key);
  return found && found->has_s() ? found->s() : otherwise;
}

std::vector<int64_t> Operation::integers(const std::string& key) const {
  const wire::Attribute* found = attribute(key);
  if (!found) return {};
  std::vector<int64_t> out(found->list().i().begin(), found->list().i().end());
  // Sums and products of a few of them fit in 64 bits.
  constexpr std::numeric_limits<int32_t> countable;
  for (int64_t& number : out) number = std::clamp<int64_t>(number, countable.min(), countable.max());
  return out;
}

DType Operation::element_type(const std::string& key) const {
  const wire::Attribute* found = attribute(key);
  return found && found->value_case() == wire::Attribute::kType ? wire::dtype_from_code(found->type())
                                                                : DType::unknown;
}

int Operation::function(const std::string& key) const {
  return function_at(lifter_.file_.graph(), *op_.node, key);
}

bool Operation::channels_last() const {
  return !text("data_format", "NHWC").starts_with("NC");
}

Result<Source> Operation::source(int slot) const {
  if (slot < 0 || slot >= operands())
    return unsupported("it has " + std::to_string(operands()) + " operands, expected more than " +
                       std::to_string(slot));
  return op_.inputs[static_cast<size_t>(slot)];
}

bool Operation::is_constant(int slot) const {
  const auto from = source(slot);
  return from.ok() && lifter_.is_constant(*from);
}

Result<Operand> Operation::in(int slot) {
  FETAFIX_TRY(const Source from, source(slot));
  FETAFIX_TRY(const ValueId id, lifter_.value_of(from));
  return Operand{id, slot};
}

Result<Operand> Operation::parameter(int slot, const std::vector<int>& permutation, const Shape& shape,
                                     DType dtype) {
  FETAFIX_TRY(const Source from, source(slot));
  if (lifter_.is_constant(from)) {
    FETAFIX_TRY(const ValueId id, lifter_.constant_of(from, permutation, shape, dtype));
    return Operand{id, slot};
  }
  FETAFIX_TRY(Operand value, in(slot));
  if (!permutation.empty()) {
    if (const int rank = rank_of(slot); rank >= 0 && rank != static_cast<int>(permutation.size()))
      return unsupported("operand " + std::to_string(slot) + " has " + std::to_string(rank) +
                         " dimensions, expected " + std::to_string(permutation.size()));
    value = bridge(value, permutation);
  }
  if (!shape.empty()) value = node("Reshape", {value, number("", Tensor::vector(shape))}, {}, Role::bridge);
  return dtype == DType::unknown ? value : cast(value, dtype);
}

Result<Operand> Operation::int64s(int slot, const Shape& shape) {
  return parameter(slot, {}, shape, DType::int64);
}

Result<Tensor> Operation::constant(int slot) const {
  FETAFIX_TRY(const Source from, source(slot));
  const auto tensor = lifter_.stored(from);
  if (!tensor) return unsupported("operand " + std::to_string(slot) + " is computed");
  return *tensor;
}

Result<Operand> Operation::operand_of(const Slot& from, int slot) {
  const Source source =
      lifter_.out_.program.ops[static_cast<size_t>(from.op)].inputs[static_cast<size_t>(from.slot)];
  FETAFIX_TRY(const ValueId id, lifter_.value_of(source));
  return Operand{id, slot};
}

Result<Operand> Operation::list_of(const Slot& from, int slot) {
  const Source source =
      lifter_.out_.program.ops[static_cast<size_t>(from.op)].inputs[static_cast<size_t>(from.slot)];
  const auto tensor = lifter_.stored(source);
  if (!tensor || !tensor->ok()) return unsupported("a parameter is computed");
  FETAFIX_TRY(const ValueId id, lifter_.constant_of(source, {}, {tensor->value().size()}, DType::float32));
  return Operand{id, slot};
}

// What follows from constants alone is as good as one.
Result<std::vector<int64_t>> Operation::ints(int slot) const {
  if (!is_constant(slot)) {
    FETAFIX_TRY(auto sizes, this->sizes(slot));
    if (std::ranges::count(sizes, -1) > 0)
      return unsupported("operand " + std::to_string(slot) + " is computed");
    return sizes;
  }
  FETAFIX_TRY(const Tensor data, constant(slot));
  if (data.size() > most_numbers)
    return unsupported("operand " + std::to_string(slot) + " holds " + std::to_string(data.size()) +
                       " numbers");
  FETAFIX_TRY(std::vector<int64_t> numbers, to_int64s(data));
  constexpr std::numeric_limits<int32_t> countable;
  for (int64_t& number : numbers) number = std::clamp<int64_t>(number, countable.min(), countable.max());
  return numbers;
}

Result<std::vector<int64_t>> Operation::sizes(int slot) const {
  if (is_constant(slot)) return ints(slot);
  FETAFIX_TRY(const Source from, source(slot));
  const auto found = lifter_.values_.find(from);
  const auto known = found == lifter_.values_.end()
                         ? std::vector<std::optional<int64_t>>()
                         : graph::known_numbers(lifter_.out_.lifted.graph, found->second);
  if (known.empty()) return unsupported("operand " + std::to_string(slot) + " is computed");
  std::vector<int64_t> out;
  for (const auto& number : known)
    out.push_back(std::clamp<int64_t>(number.value_or(-1), -1, std::numeric_limits<int32_t>::max()));
  return out;
}

std::optional<Shape> Operation::shape(const Operand& value) const {
  const graph::Value& found = lifter_.out_.lifted.graph.value(value.id);
  return found.is_constant() ? found.constant.shape() : found.shape;
}

std::optional<Shape> Operation::shape_of(int slot) const {
  const auto from = source(slot);
  if (!from.ok()) return std::nullopt;
  if (const auto tensor = lifter_.stored(*from))
    return tensor->ok() ? std::optional(tensor->value().shape()) : std::nullopt;
  const auto found = lifter_.values_.find(*from);
  return found == lifter_.values_.end() ? std::nullopt : shape({found->second, slot});
}

int Operation::rank_of(int slot) const {
  const auto known = shape_of(slot);
  return known ? static_cast<int>(known->size()) : -1;
}

DType Operation::dtype(const Operand& value) const {
  return lifter_.out_.lifted.graph.value(value.id).dtype;
}

Operand Operation::number(const std::string& attribute, Tensor tensor) {
  graph::Lens lens;
  lens.attribute = attribute;
  const std::string name =
      lifter_.name_of({-1, index_, 0}) + "/" + (attribute.empty() ? "constant" : attribute);
  auto& graph = lifter_.out_.lifted.graph;
  return {graph.add_constant(lifter_.unique(name), std::move(tensor),
                             attribute.empty() ? std::nullopt : std::optional(lens)),
          -1};
}

std::vector<Operand> Operation::nodes(const std::string& type, const std::vector<Operand>& inputs,
                                      Attributes attributes, int count, Role role, DType dtype) {
  const std::string label = lifter_.name_of({-1, index_, 0});
  lifter_.spend((Lifter::memory_of_one + 3 * label.size()) * static_cast<uint64_t>(count + 1));
  auto& graph = lifter_.out_.lifted.graph;
  graph::Node made;
  made.type = type;
  made.attributes = std::move(attributes);
  made.native = {"", index_};
  made.role = role;
  made.name = label;
  for (const Operand& input : inputs) {
    made.inputs.push_back(input.id);
    made.slots.push_back(input.slot);
  }
  std::vector<Operand> outputs;
  for (int i = 0; i < count; ++i) {
    graph::Value value;
    value.name = lifter_.unique(made.name + "/" + type);
    value.dtype = dtype != DType::unknown || inputs.empty() ? dtype : this->dtype(inputs[0]);
    outputs.push_back({graph.add_value(std::move(value)), -1});
    made.outputs.push_back(outputs.back().id);
  }
  const bool alike = count == 1 || type == "Split";
  for (const Operand& output : outputs)
    if (alike) graph.value(output.id).shape = graph::infer_shape(graph, made);
  graph.add_node(std::move(made));
  return outputs;
}

Operand Operation::node(const std::string& type, const std::vector<Operand>& inputs, Attributes attributes,
                        Role role, DType dtype) {
  return nodes(type, inputs, std::move(attributes), 1, role, dtype)[0];
}

Operand Operation::bridge(const Operand& value, const std::vector<int>& permutation) {
  return node("Transpose", {value}, {{"perm", std::vector<int64_t>(permutation.begin(), permutation.end())}},
              Role::bridge);
}

Operand Operation::cast(const Operand& value, DType dtype, Role role) {
  if (this->dtype(value) == dtype) return value;
  return node("Cast", {value}, {{"to", graph::onnx_type(dtype)}}, role, dtype);
}

Operand Operation::to_channels_first(const Operand& value, int rank) {
  return channels_last() ? bridge(value, channels_first(rank)) : value;
}

Operand Operation::to_channels_last(const Operand& value, int rank) {
  return channels_last() ? bridge(value, formats::channels_last(rank)) : value;
}

Status Operation::out(int output, const Operand& given) {
  auto& graph = lifter_.out_.lifted.graph;
  Operand value = given;
  // A value that is something else already (an operand, another output) gets a node of its own.
  if (graph.value(value.id).is_constant() || graph.value(value.id).native_tensor >= 0 || value.slot >= 0)
    value = node("Identity", {value});
  const Source source{-1, index_, output};
  graph::Value& result = graph.value(value.id);
  result.name = lifter_.unique(lifter_.name_of(source));
  result.native_name = lifter_.name_of(source);
  // A list is no tensor in the file, whatever it is in the view: it can't be given, and nothing fits behind
  // it.
  if (!gives_list(wire(), output)) result.native_tensor = lifter_.tensor_of(source);
  result.shape = graph::merged_shape(result.shape, lifter_.declared_shape(source));
  results_.emplace_back(output, value.id);
  return {};
}

void Operation::note(const std::string& what) {
  lifter_.out_.lifted.notes.push_back("'" + lifter_.name_of({-1, index_, 0}) + "' (" + type() + ") " + what);
}

}  // namespace fetafix::formats::tensorflow
