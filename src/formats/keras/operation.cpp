#include <algorithm>

#include "formats/keras/lift.h"
#include "formats/layout.h"
#include "graph/infer_shape.h"
#include "graph/lens.h"

namespace fetafix::formats::keras {
bool is_order(std::vector<int64_t> axes) {
  std::ranges::sort(axes);
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] != static_cast<int64_t>(i)) return false;
  return true;
}

Operation::Operation(Lifter& lifter, const Layer& layer, const Call& call, std::vector<ValueId> operands,
                     int index)
    : lifter_(lifter), layer_(layer), call_(call), operands_(std::move(operands)), index_(index) {}

const Json& Operation::setting(const std::string& name) const {
  static const Json none;
  return layer_.config->is_object() && layer_.config->contains(name) ? (*layer_.config)[name] : none;
}

std::string Operation::text(const std::string& name, const std::string& otherwise) const {
  const Json& value = setting(name);
  return value.is_string() ? value.get<std::string>() : otherwise;
}

bool Operation::flag(const std::string& name, bool otherwise) const {
  const Json& value = setting(name);
  return value.is_boolean() ? value.get<bool>() : otherwise;
}

double Operation::number(const std::string& name, double otherwise) const {
  const Json& value = setting(name);
  return value.is_number() ? value.get<double>() : otherwise;
}

std::optional<int64_t> Operation::integer(const std::string& name) const {
  const Json& value = setting(name);
  if (!value.is_number_integer()) return std::nullopt;
  return value.get<int64_t>();
}

Result<std::vector<int64_t>> Operation::integers(const std::string& name, size_t count,
                                                 int64_t otherwise) const {
  const Json& value = setting(name);
  if (value.is_null()) return std::vector<int64_t>(count, otherwise);
  std::vector<int64_t> out;
  if (value.is_number_integer()) out.assign(count, value.get<int64_t>());
  if (value.is_array())
    for (const Json& item : value) {
      if (!item.is_number_integer()) return unsupported("setting '" + name + "' is not made of integers");
      out.push_back(item.get<int64_t>());
    }
  if (out.size() != count)
    return unsupported("setting '" + name + "' has " + std::to_string(out.size()) + " numbers, expected " +
                       std::to_string(count));
  for (int64_t v : out)
    if (v < -(int64_t{1} << 24) || v > int64_t{1} << 24)
      return unsupported("setting '" + name + "' is out of range");
  return out;
}

size_t Operation::spatial_axes() const {
  for (size_t n = 1; n <= 3; ++n)
    if (layer_.class_name.find(std::to_string(n) + "D") != std::string::npos) return n;
  return 2;
}

Result<Operand> Operation::image() const {
  FETAFIX_TRY(const Operand x, in(0));
  const size_t wanted = spatial_axes() + 2;
  if (rank(x) != static_cast<int>(wanted))
    return unsupported("its input does not have " + std::to_string(wanted) + " known dimensions");
  return x;
}

Result<Operand> Operation::in(size_t operand) const {
  if (operand >= operands_.size())
    return unsupported("it is called with " + std::to_string(operands_.size()) + " tensors");
  return Operand{operands_[operand], static_cast<int>(operand)};
}

std::optional<Shape> Operation::shape(const Operand& value) const {
  return lifter_.out_.lifted.graph.value(value.id).shape;
}

DType Operation::dtype(const Operand& value) const {
  return lifter_.out_.lifted.graph.value(value.id).dtype;
}

int Operation::rank(const Operand& value) const {
  const auto known = shape(value);
  return known ? static_cast<int>(known->size()) : -1;
}

Result<Shape> Operation::weight_shape(size_t k) const {
  if (k >= layer_.weights.size() || layer_.weights[k] < 0)
    return unsupported("weight " + std::to_string(k) + " is not in the file, which has " +
                       std::to_string(layer_.weights.size()) + " of the layer");
  return lifter_.tree_.weights[static_cast<size_t>(layer_.weights[k])].shape;
}

Result<Operand> Operation::weight(size_t k, const std::vector<int>& permutation, const Shape& shape) {
  FETAFIX_TRY(const Shape stored, weight_shape(k));
  if (!permutation.empty() && permutation.size() != stored.size())
    return unsupported("weight " + std::to_string(k) + " has shape " + to_string(stored) + ", expected " +
                       std::to_string(permutation.size()) + " dimensions");
  if (!shape.empty() && element_count(shape) != element_count(stored))
    return unsupported("weight " + std::to_string(k) + " has shape " + to_string(stored) + ", which is not " +
                       to_string(shape));
  FETAFIX_TRY(const ValueId id, lifter_.weight(layer_.weights[k], permutation, shape));
  return Operand{id, weight_slot + static_cast<int>(k)};
}

Operand Operation::constant(const std::string& setting, Tensor tensor) {
  return constant(setting, tensor, {}, {});
}

Operand Operation::constant(const std::string& setting, const Tensor& said,
                            const std::vector<int>& permutation, const Shape& shape) {
  graph::Lens lens;
  lens.attribute = setting;
  lens.permutation = permutation;
  lens.native_shape = said.shape();
  return {lifter_.out_.lifted.graph.add_constant(lifter_.unique(layer_.path + "/" + setting),
                                                 graph::to_view(said, permutation, shape), lens),
          setting_slot + settings_++};
}

Result<Tensor> Operation::stored(size_t k) const {
  FETAFIX_CHECK(weight_shape(k));
  return lifter_.file_.store->read(lifter_.tree_.weights[static_cast<size_t>(layer_.weights[k])]);
}

Result<Operand> Operation::rearranged(size_t k, Tensor view) {
  FETAFIX_CHECK(weight_shape(k));
  const int index = layer_.weights[k];
  const std::string& path = lifter_.tree_.weights[static_cast<size_t>(index)].path;
  // As with other weights, a layer that is called in several places has them once.
  ValueId& id =
      lifter_.constants_.try_emplace("gates " + std::to_string(index) + layer_.path, graph::no_value)
          .first->second;
  if (id == graph::no_value) {
    graph::Lens lens;
    lens.native_tensor = index;
    id = lifter_.out_.lifted.graph.add_constant(lifter_.unique(path), std::move(view), lens);
    lifter_.out_.lifted.graph.value(id).native_name = path;
  }
  return Operand{id, weight_slot + static_cast<int>(k)};
}

namespace {

size_t tensors_in(const Argument& argument) {
  size_t out = argument.tensor ? 1 : 0;
  for (const Argument& item : argument.list) out += tensors_in(item);
  return out;
}

}  // namespace

const Argument* Operation::argument(size_t position, const std::string& name) const {
  return position < call_.positional.size() ? &call_.positional[position] : call_.named(name);
}

std::optional<Operand> Operation::tensor(size_t position, const std::string& name) const {
  const Argument* wanted = argument(position, name);
  if (!wanted || !wanted->tensor) return std::nullopt;
  size_t before = 0;
  for (const Argument& one : call_.positional) {
    if (&one == wanted) return *in(before);
    before += tensors_in(one);
  }
  for (const auto& [key, one] : call_.keyword) {
    if (&one == wanted) return *in(before);
    before += tensors_in(one);
  }
  return std::nullopt;
}

std::vector<Operand> Operation::nodes(const std::string& type, const std::vector<Operand>& inputs,
                                      Attributes attributes, int count, Role role, DType dtype) {
  auto& graph = lifter_.out_.lifted.graph;
  graph::Node made;
  made.type = type;
  made.attributes = std::move(attributes);
  made.native = {"", index_};
  made.role = role;
  made.name = layer_.path;
  for (const Operand& input : inputs) {
    made.inputs.push_back(input.id);
    made.slots.push_back(input.slot);
  }
  std::vector<Operand> outputs;
  for (int i = 0; i < count; ++i) {
    graph::Value value;
    value.name = lifter_.unique(layer_.path + "/" + type);
    value.dtype = dtype != DType::unknown || inputs.empty() ? dtype : this->dtype(inputs[0]);
    outputs.push_back({graph.add_value(std::move(value)), -1});
    made.outputs.push_back(outputs.back().id);
  }
  if (count == 1) graph.value(outputs[0].id).shape = graph::infer_shape(graph, made);
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

Operand Operation::to_channels_first(const Operand& value) {
  const int dimensions = rank(value);
  return channels_last() && dimensions > 2 ? bridge(value, channels_first(dimensions)) : value;
}

Operand Operation::to_channels_last(const Operand& value) {
  const int dimensions = rank(value);
  return channels_last() && dimensions > 2 ? bridge(value, formats::channels_last(dimensions)) : value;
}

Operand Operation::reshape(const Operand& value, const Shape& shape, Role role) {
  return node("Reshape", {value, constant("shape", Tensor::vector(shape))}, {}, role);
}

void Operation::know_shape(const Operand& value, const Shape& shape) {
  lifter_.out_.lifted.graph.value(value.id).shape = shape;
}

void Operation::note(const std::string& what) {
  lifter_.out_.lifted.notes.push_back("layer '" + layer_.path + "': " + what);
}

Status Operation::out(size_t output, const Operand& given) {
  auto& graph = lifter_.out_.lifted.graph;
  Operand value = given;
  // A value that is something else already (an operand, another output) gets a node of its own.
  if (graph.value(value.id).is_constant() || graph.value(value.id).native_tensor >= 0 || value.slot >= 0)
    value = node("Identity", {value});
  graph::Value& result = graph.value(value.id);
  result.native_name = output == 0 ? layer_.path : layer_.path + ":" + std::to_string(output);
  result.name = lifter_.unique(result.native_name);
  result.native_tensor = static_cast<int>(lifter_.tree_.weights.size() + lifter_.out_.computed.size());
  lifter_.out_.computed.push_back({index_, static_cast<int>(output)});
  results_.resize(std::max(results_.size(), output + 1), graph::no_value);
  results_[output] = value.id;
  return {};
}

Status Operation::finish(const Operand& value) {
  FETAFIX_TRY(const Operand result, activated(value, setting("activation")));
  return out(result);
}

}  // namespace fetafix::formats::keras
