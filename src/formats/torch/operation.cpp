#include <algorithm>
#include <limits>

#include "base/json.h"
#include "formats/torch/lift.h"
#include "graph/infer_shape.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::torch {
namespace {

constexpr size_t most_numbers = 4096;  // of a shape, an order of axes, ...

// Sums and products of a few of them fit in 64 bits.
int64_t countable(int64_t number) {
  constexpr std::numeric_limits<int32_t> limits;
  return std::clamp<int64_t>(number, limits.min(), limits.max());
}

std::optional<double> number_of(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (json == "Infinity") return std::numeric_limits<double>::infinity();
  if (json == "-Infinity") return -std::numeric_limits<double>::infinity();
  if (json == "NaN") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

// An integer, plain or as one of the schema's sizes.
std::optional<int64_t> integer_of(const Json& json) {
  if (json.is_number_integer()) return countable(json.get<int64_t>());
  if (json.is_object() && json.contains("as_int") && json["as_int"].is_number_integer())
    return countable(json["as_int"].get<int64_t>());
  return std::nullopt;
}

}  // namespace

Operation::Operation(Lifter& lifter, int index)
    : lifter_(lifter), index_(index), op_(lifter.out_.program.ops[static_cast<size_t>(index)]) {}

const Argument* Operation::argument(const std::string& name) const {
  const Argument* found = op_.argument(name);
  return found && found->kind != "as_none" ? found : nullptr;
}

std::optional<int64_t> Operation::whole(const Json& json) const {
  const Json* size = &json;
  if (json.is_object() && json.contains("as_sym_int")) size = &json["as_sym_int"];
  if (size->is_object() && size->contains("as_name") && (*size)["as_name"].is_string()) {
    const auto known = lifter_.known_.find((*size)["as_name"].get<std::string>());
    if (known != lifter_.known_.end()) return countable(known->second);
  }
  return integer_of(*size);
}

bool Operation::has(const std::string& name) const {
  return argument(name);
}

bool Operation::is_tensor(const std::string& name) const {
  const Argument* found = argument(name);
  return found && found->kind == "as_tensor";
}

int64_t Operation::integer(const std::string& name, int64_t otherwise) const {
  const Argument* found = argument(name);
  return found ? whole(*found->value).value_or(otherwise) : otherwise;
}

double Operation::number(const std::string& name, double otherwise) const {
  const Argument* found = argument(name);
  if (found && found->kind == "as_bool") return *found->value == true ? 1 : 0;
  return found ? number_of(*found->value).value_or(otherwise) : otherwise;
}

bool Operation::flag(const std::string& name, bool otherwise) const {
  const Argument* found = argument(name);
  return found && found->value->is_boolean() ? found->value->get<bool>() : otherwise;
}

std::string Operation::text(const std::string& name, const std::string& otherwise) const {
  const Argument* found = argument(name);
  return found && found->value->is_string() ? found->value->get<std::string>() : otherwise;
}

std::vector<int64_t> Operation::integers(const std::string& name) const {
  const Argument* found = argument(name);
  if (!found) return {};
  if (const auto one = whole(*found->value)) return {*one};
  std::vector<int64_t> out;
  if (found->value->is_array() && found->value->size() <= most_numbers)
    for (const Json& item : *found->value)
      if (const auto number = whole(item)) out.push_back(*number);
  return out;
}

std::vector<double> Operation::numbers(const std::string& name) const {
  const Argument* found = argument(name);
  std::vector<double> out;
  if (found && found->value->is_array() && found->value->size() <= most_numbers)
    for (const Json& item : *found->value)
      if (const auto number = number_of(item)) out.push_back(*number);
  return out;
}

Result<std::vector<int64_t>> Operation::each(const std::string& name, size_t count, int64_t otherwise) const {
  auto out = integers(name);
  if (out.empty()) return std::vector<int64_t>(count, otherwise);
  if (out.size() == 1) out.assign(count, out[0]);
  if (out.size() == count) return out;
  return unsupported("'" + name + "' has " + std::to_string(out.size()) + " numbers, expected " +
                     std::to_string(count));
}

DType Operation::element_type(const std::string& name) const {
  const Argument* found = argument(name);
  return found && found->value->is_number_integer() ? dtype_from_code(found->value->get<int64_t>())
                                                    : DType::unknown;
}

Result<Operand> Operation::named(const Json& tensor, int slot) {
  if (!tensor.is_object() || !tensor.contains("name") || !tensor["name"].is_string())
    return unsupported("an operand is no tensor");
  FETAFIX_TRY(const ValueId id, lifter_.value_of(tensor["name"].get<std::string>()));
  return Operand{id, slot};
}

Result<Operand> Operation::in(const std::string& name) {
  const Argument* found = argument(name);
  if (!found || found->kind != "as_tensor") return unsupported("argument '" + name + "' is no tensor");
  return named(*found->value, slot_of(name));
}

Result<Operand> Operation::optional(const std::string& name) {
  if (!has(name)) return Operand{graph::no_value, slot_of(name)};
  return in(name);
}

Result<Operand> Operation::parameter(const std::string& name, const std::vector<int>& permutation,
                                     const Shape& shape) {
  const Argument* found = argument(name);
  if (!found || found->kind != "as_tensor") return unsupported("argument '" + name + "' is no tensor");
  if (const Input* input = lifter_.stored_input((*found->value)["name"].get<std::string>())) {
    FETAFIX_TRY(const ValueId id, lifter_.constant_of(*input, permutation, shape));
    return Operand{id, slot_of(name)};
  }
  FETAFIX_TRY(Operand value, in(name));
  if (!permutation.empty()) {
    const auto known = this->shape(value);
    if (!known || known->size() != permutation.size())
      return unsupported("argument '" + name + "' does not have " + std::to_string(permutation.size()) +
                         " known dimensions");
    value = bridge(value, permutation);
  }
  return shape.empty() ? value : node("Reshape", {value, int64s("", shape)}, {}, Role::bridge);
}

size_t Operation::list_size(const std::string& name) const {
  const Argument* found = argument(name);
  return found && found->value->is_array() ? found->value->size() : 0;
}

Result<Operand> Operation::element(const std::string& name, size_t element) {
  if (element >= list_size(name)) return unsupported("'" + name + "' has fewer elements");
  const Argument* found = argument(name);
  const Json& one = (*found->value)[element];
  const int slot = slot_of(name, static_cast<int>(element));
  if (found->kind == "as_optional_tensors")
    return one.is_object() && one.contains("as_tensor") ? named(one["as_tensor"], slot)
                                                        : Result<Operand>(Operand{graph::no_value, slot});
  return named(one, slot);
}

Result<Operand> Operation::scalar(const std::string& name, DType dtype) {
  if (is_tensor(name)) {
    FETAFIX_TRY(const Operand value, in(name));
    return cast(value, dtype);
  }
  const Argument* found = argument(name);
  const auto known = known_size(name);
  const bool is_size = found && found->kind == "as_sym_int";
  if (is_size && !known) {
    FETAFIX_TRY(const Operand value, size(name));
    return cast(value, dtype);
  }
  const auto value = found && found->value->is_boolean() ? std::optional(found->value->get<bool>() ? 1. : 0.)
                     : is_size                           ? std::optional(static_cast<double>(*known))
                     : found                             ? number_of(*found->value)
                                                         : std::nullopt;
  if (!value) return unsupported("argument '" + name + "' is no number");
  FETAFIX_TRY(Tensor typed,
              fetafix::cast(Tensor::scalar(*value), dtype == DType::unknown ? DType::float32 : dtype));
  return constant(name, std::move(typed));
}

Result<Operand> Operation::sizes(const std::string& name) {
  const Argument* found = argument(name);
  if (!found) return unsupported("argument '" + name + "' is left out");
  if (const auto known = known_sizes(name); known.ok()) return int64s(name, *known);
  if (!found->value->is_array()) return unsupported("argument '" + name + "' is no list of sizes");
  std::vector<Operand> parts;
  for (const Json& item : *found->value) {
    if (const auto number = whole(item)) {
      parts.push_back(int64s("", {*number}));
      continue;
    }
    if (!item.is_object() || !item.contains("as_name") || !item["as_name"].is_string())
      return unsupported("a size of '" + name + "' is of a kind that is not known");
    FETAFIX_TRY(const ValueId id, lifter_.value_of(item["as_name"].get<std::string>()));
    parts.push_back(node("Unsqueeze", {{id, -1}, int64s("", {0})}, {}, Role::bridge));
  }
  if (parts.empty()) return unsupported("argument '" + name + "' has no sizes");
  return node("Concat", parts, {{"axis", int64_t{0}}}, Role::bridge);
}

Result<std::vector<int64_t>> Operation::known_sizes(const std::string& name) const {
  const Argument* found = argument(name);
  if (!found || !found->value->is_array() || found->value->size() > most_numbers)
    return unsupported("argument '" + name + "' is no list of sizes");
  std::vector<int64_t> out;
  for (const Json& item : *found->value) {
    const auto number = whole(item);
    if (!number) return unsupported("'" + name + "' depends on the run");
    out.push_back(*number);
  }
  return out;
}

Result<Operand> Operation::rearranged(const std::string& name, size_t element,
                                      const std::function<Result<Tensor>(const Tensor&)>& form) {
  if (element >= list_size(name)) return unsupported("'" + name + "' has fewer elements");
  const Json& one = (*argument(name)->value)[element];
  const Input* input = one.is_object() && one.contains("name")
                           ? lifter_.stored_input(one["name"].get<std::string>())
                           : nullptr;
  if (!input) return unsupported("a weight of '" + name + "' is computed");
  FETAFIX_TRY(const Tensor stored, lifter_.stored(*input));
  FETAFIX_CHECK(afford(stored.byte_size()));
  FETAFIX_TRY(Tensor view, form(stored));
  graph::Lens lens;
  lens.native_tensor = lifter_.tensor_of(input->name);
  lens.native_shape = stored.shape();
  auto& graph = lifter_.out_.lifted.graph;
  const ValueId id = graph.add_constant(lifter_.unique(input->target + "/view"), std::move(view), lens);
  graph.value(id).native_name = input->target;
  return Operand{id, slot_of(name, static_cast<int>(element))};
}

// ... and nothing has written into them since: then their value has another name.
bool Operation::starts_from_zeros(const std::string& name) const {
  const Argument* found = argument(name);
  if (!found) return true;
  const auto is_zeros = [&](const Json& tensor) {
    if (!tensor.is_object() || !tensor.contains("name")) return false;
    const auto value = lifter_.values_.find(tensor["name"].get<std::string>());
    if (value == lifter_.values_.end() || value->second == graph::no_value) return false;
    const std::string& maker = lifter_.out_.lifted.graph.value(value->second).native_name;
    return std::ranges::any_of(lifter_.out_.program.ops, [&](const Op& op) {
      return op.target == "aten.zeros.default" && op.outputs.size() == 1 && op.outputs[0] == maker;
    });
  };
  return found->value->is_array() ? std::ranges::all_of(*found->value, is_zeros) : is_zeros(*found->value);
}

Result<Operand> Operation::size(const std::string& name) {
  const Argument* found = argument(name);
  if (!found) return unsupported("argument '" + name + "' is left out");
  if (const auto number = whole(*found->value)) return constant(name, Tensor::scalar(*number));
  if (!found->value->is_object() || !found->value->contains("as_name") ||
      !(*found->value)["as_name"].is_string())
    return unsupported("argument '" + name + "' is no size");
  FETAFIX_TRY(const ValueId id, lifter_.value_of((*found->value)["as_name"].get<std::string>()));
  return Operand{id, slot_of(name)};
}

std::optional<int64_t> Operation::known_size(const std::string& name) const {
  const Argument* found = argument(name);
  return found ? whole(*found->value) : std::nullopt;
}

std::optional<Shape> Operation::shape(const Operand& value) const {
  const graph::Value& found = lifter_.out_.lifted.graph.value(value.id);
  return found.is_constant() ? found.constant.shape() : found.shape;
}

std::optional<Shape> Operation::shape_of(const std::string& name) const {
  const Argument* found = argument(name);
  if (!found || found->kind != "as_tensor") return std::nullopt;
  const std::string tensor = (*found->value)["name"].get<std::string>();
  const auto value = lifter_.values_.find(tensor);
  if (value != lifter_.values_.end() && value->second != graph::no_value) return shape({value->second, -1});
  if (const Input* input = lifter_.stored_input(tensor)) return input->stored->meta.sizes;
  return std::nullopt;
}

Result<int> Operation::rank(const std::string& name) const {
  const auto known = shape_of(name);
  if (!known) return unsupported("the number of dimensions of '" + name + "' is not known");
  return static_cast<int>(known->size());
}

Result<int64_t> Operation::axis(const std::string& name, int64_t otherwise, int64_t rank) const {
  const int64_t given = integer(name, otherwise), axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= std::max<int64_t>(rank, 1))
    return unsupported("'" + name + "' is " + std::to_string(given) + ", outside of " + std::to_string(rank) +
                       " dimensions");
  return axis;
}

DType Operation::dtype(const Operand& value) const {
  return lifter_.out_.lifted.graph.value(value.id).dtype;
}

DType Operation::dtype_of(const std::string& name) const {
  const Argument* found = argument(name);
  if (!found || found->kind != "as_tensor") return DType::unknown;
  const auto meta = lifter_.out_.program.metas.find((*found->value)["name"].get<std::string>());
  return meta == lifter_.out_.program.metas.end() ? DType::unknown : meta->second.dtype;
}

DType Operation::result_type() const {
  const auto meta = op_.outputs.empty() ? lifter_.out_.program.metas.end()
                                        : lifter_.out_.program.metas.find(op_.outputs[0]);
  return meta == lifter_.out_.program.metas.end() ? DType::unknown : meta->second.dtype;
}

Status Operation::afford(uint64_t bytes) {
  lifter_.spend(bytes);
  return lifter_.check_memory();
}

Operand Operation::constant(const std::string& name, Tensor tensor) {
  graph::Lens lens;
  lens.attribute = name;
  const std::string label = label_of(op_) + "/" + (name.empty() ? "constant" : name);
  auto& graph = lifter_.out_.lifted.graph;
  lifter_.spend(512 + label.size());
  return {graph.add_constant(lifter_.unique(label), std::move(tensor),
                             name.empty() ? std::nullopt : std::optional(lens)),
          name.empty() ? -1 : slot_of(name)};
}

std::vector<Operand> Operation::nodes(const std::string& type, const std::vector<Operand>& inputs,
                                      Attributes attributes, int count, Role role) {
  const std::string label = label_of(op_);
  lifter_.spend((1024 + 3 * label.size()) * static_cast<uint64_t>(count + 1));
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
    value.name = lifter_.unique(label + "/" + type);
    value.dtype = inputs.empty() || inputs[0].absent() ? DType::unknown : dtype(inputs[0]);
    outputs.push_back({graph.add_value(std::move(value)), -1});
    made.outputs.push_back(outputs.back().id);
  }
  if (count == 1) graph.value(outputs[0].id).shape = graph::infer_shape(graph, made);
  graph.add_node(std::move(made));
  return outputs;
}

Operand Operation::node(const std::string& type, const std::vector<Operand>& inputs, Attributes attributes,
                        Role role, DType dtype) {
  const Operand out = nodes(type, inputs, std::move(attributes), 1, role)[0];
  if (dtype != DType::unknown) lifter_.out_.lifted.graph.value(out.id).dtype = dtype;
  return out;
}

Operand Operation::bridge(const Operand& value, const std::vector<int>& permutation) {
  return node("Transpose", {value}, {{"perm", std::vector<int64_t>(permutation.begin(), permutation.end())}},
              Role::bridge);
}

Operand Operation::cast(const Operand& value, DType dtype, Role role) {
  if (dtype == DType::unknown || this->dtype(value) == dtype) return value;
  return node("Cast", {value}, {{"to", graph::onnx_type(dtype)}}, role, dtype);
}

void Operation::know_shape(const Operand& value, const Shape& shape) {
  lifter_.out_.lifted.graph.value(value.id).shape = shape;
}

Status Operation::out_size(int64_t size) {
  auto& graph = lifter_.out_.lifted.graph;
  lifter_.known_[op_.outputs[0]] = size;
  results_.emplace_back(
      0, graph.add_constant(lifter_.unique(op_.outputs[0]), Tensor::scalar(size), std::nullopt));
  return {};
}

Status Operation::out(size_t output, const Operand& given) {
  if (output >= op_.outputs.size() || op_.outputs[output].empty()) return {};
  auto& graph = lifter_.out_.lifted.graph;
  Operand value = given;
  // A value that is something else already (an operand, another output) gets a node of its own.
  if (graph.value(value.id).is_constant() || graph.value(value.id).native_tensor >= 0 || value.slot >= 0)
    value = node("Identity", {value});
  const std::string& name = op_.outputs[output];
  graph::Value& result = graph.value(value.id);
  result.name = lifter_.unique(name);
  result.native_name = name;
  const auto meta = lifter_.out_.program.metas.find(name);
  if (meta != lifter_.out_.program.metas.end()) {
    result.native_tensor = lifter_.tensor_of(name);  // sizes are no tensors: they can't be looked at
    if (meta->second.ranked) result.shape = graph::merged_shape(result.shape, meta->second.sizes);
    if (result.dtype == DType::unknown) result.dtype = meta->second.dtype;
  }
  results_.emplace_back(output, value.id);
  return {};
}

}  // namespace fetafix::formats::torch
