#include "faults/in_target.h"

#include <algorithm>
#include <set>

#include "faults/counting.h"
#include "faults/effective.h"

namespace fetafix::faults {

using graph::NodeId;
using graph::ValueId;

namespace {

// Which of the dimensions above 1 dimension `axis` is; nullopt: it is 1.
std::optional<size_t> squeezed_index(size_t axis, const Shape& shape) {
  if (shape[axis] == 1) return std::nullopt;
  return static_cast<size_t>(std::count_if(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(axis),
                                           [](int64_t d) { return d != 1; }));
}

// Operators that work along `axis`, and else alike on all dimensions.
bool works_along_axis(const graph::Node& node) {
  static const std::set<std::string> types{"Softmax", "LogSoftmax", "Hardmax", "Concat"};
  return types.contains(node.type);
}

// How many operators read a value of the file, directly or behind a bridge.
size_t readers_of(const Place& place, ValueId value) {
  size_t out = place.target_uses.is_output[static_cast<size_t>(value)] ? 1 : 0;
  for (const auto& use : place.target_uses.consumers[static_cast<size_t>(value)]) {
    const graph::Node& node = place.target.node(use.node);
    out += leads_into_operator(node) ? readers_of(place, node.outputs[0]) : 1;
  }
  return out;
}

// A constant operand as it must lie in the target's layout: per-channel constants follow the permutation.
// `value` is the shape of the source value that it is broadcast to.
std::optional<Tensor> constant_in_target(const Tensor& constant, const Shape& value,
                                         const align::Arrangement& arrangement) {
  const align::Permutation& permutation = arrangement.permutation;
  if (constant.size() <= 1 || arrangement == align::Arrangement{}) return constant;
  if (!arrangement.channels.empty()) return std::nullopt;
  const Shape dims = align::squeezed(value);
  if (dims.size() != permutation.size() || value.size() != dims.size() + 1) return std::nullopt;
  // Bring it to the value's rank (leading ones), then permute all but the batch dimension of 1.
  Shape full = constant.shape();
  while (full.size() < value.size()) full.insert(full.begin(), 1);
  if (full.size() != value.size() || value[0] != 1 || full[0] != 1) return std::nullopt;
  std::vector<int> whole{0};
  for (int p : permutation) whole.push_back(p + 1);
  return transpose(constant.reshaped(full), whole);
}

}  // namespace

std::optional<int64_t> axis_in_target(int64_t axis, const Shape& source, const Shape& target,
                                      const align::Arrangement& arrangement) {
  const align::Permutation& permutation = arrangement.permutation;
  const auto rank = static_cast<int64_t>(source.size());
  if (axis < -rank || axis >= rank) return std::nullopt;
  if (axis < 0) axis += rank;
  if (permutation.empty() && source == target) return axis;
  const auto k = squeezed_index(static_cast<size_t>(axis), source);
  if (!k) return std::nullopt;
  size_t wanted = *k;
  if (!permutation.empty())
    wanted = static_cast<size_t>(std::find(permutation.begin(), permutation.end(), static_cast<int>(*k)) -
                                 permutation.begin());
  for (size_t d = 0; d < target.size(); ++d)
    if (squeezed_index(d, target) == wanted) return static_cast<int64_t>(d);
  return std::nullopt;
}

bool is_layout_free(const graph::Node& node) {
  static const std::set<std::string> types{
      "Add",  "Sub",         "Mul",       "Div",      "Relu",  "Clip",     "LeakyRelu",  "Sigmoid",
      "Tanh", "HardSigmoid", "HardSwish", "Elu",      "Selu",  "Erf",      "Exp",        "Sqrt",
      "Neg",  "Abs",         "Pow",       "Softplus", "PRelu", "Softsign", "Reciprocal", "Log",
      "Max",  "Min",         "Gelu",      "Celu",     "Mish"};
  return types.contains(node.type);
}

bool is_activation(const graph::Node& node) {
  static const std::set<std::string> types{"Relu", "Clip",        "LeakyRelu", "Sigmoid", "Tanh", "HardSwish",
                                           "Elu",  "HardSigmoid", "Softplus",  "Gelu",    "Erf"};
  return types.contains(node.type);
}

std::optional<graph::InsertNode> node_in_target(const Place& place, NodeId id,
                                                const align::Arrangement& arrangement, const Shape& target) {
  const graph::Node& node = place.source.node(id);
  if (!node.bodies.empty() || node.opaque || node.outputs.empty() || !place.values.has(node.outputs[0]))
    return std::nullopt;
  const Shape& shape = place.values.at(0, node.outputs[0]).shape();
  graph::InsertNode out;
  out.type = node.type;
  out.attributes = node.attributes;
  if (works_along_axis(node)) {
    const auto axis =
        axis_in_target(graph::attribute_or(node, "axis", int64_t{-1}), shape, target, arrangement);
    if (!axis) return std::nullopt;
    out.attributes["axis"] = *axis;
  } else if (!is_layout_free(node) && arrangement != align::Arrangement{}) {
    return std::nullopt;
  }
  const ConstantLookup constants = source_constants(place);
  for (ValueId in : node.inputs) {
    if (in == graph::no_value) {
      out.operands.emplace_back(Tensor());
      continue;
    }
    const Tensor constant = constants(in);
    if (constant.empty()) {
      out.operands.emplace_back(std::nullopt);
      continue;
    }
    auto turned = constant_in_target(constant, shape, arrangement);
    if (!turned) return std::nullopt;
    out.operands.emplace_back(std::move(*turned));
  }
  return out;
}

std::optional<align::Arrangement> arrangement_of(const Place& place, ValueId value, ValueId source) {
  const auto pair = place.alignment.pairs.find(value);
  if (pair == place.alignment.pairs.end() ||
      place.values.class_of(pair->second.source) != place.values.class_of(source))
    return std::nullopt;
  if (pair->second.source == source || !pair->second.arrangement.channels.empty())
    return pair->second.arrangement;
  std::vector<Tensor> samples;
  for (const auto& sample : place.alignment.values)
    if (auto found = sample.find(value); found != sample.end()) samples.push_back(found->second);
  if (samples.size() != place.alignment.values.size() || !place.values.usable(source))
    return pair->second.arrangement;
  const auto match = place.values.best_permutation(samples, source);
  return match ? std::optional(match->arrangement) : std::nullopt;
}

std::optional<ValueId> counterpart(const Place& place, ValueId wanted, const align::Arrangement& arrangement,
                                   NodeId before) {
  std::optional<ValueId> inside;
  for (const auto& [value, pair] : place.alignment.pairs) {
    if (before >= 0 && place.target_uses.producer[static_cast<size_t>(value)] >= before) continue;
    if (arrangement_of(place, value, wanted) != arrangement) continue;
    if (place.target.value(value).native_tensor >= 0) return value;
    if (!inside) inside = value;
  }
  return inside;
}

Gap gap_of(const Place& place) {
  const ValueId origin = before_bridges(place, place.edge->target_value);
  size_t alike = 0;
  for (const auto& other : place.alignment.edges)
    alike += before_bridges(place, other.target_value) == origin && other.expected == place.edge->expected;
  const bool shared = readers_of(place, origin) > alike;
  auto pair = place.alignment.pairs.find(origin);
  // A part of an operator that reads two quantized tensors has no address of its own: the tensor has.
  if (shared && pair != place.alignment.pairs.end() && is_quantized(place, origin))
    return {origin, pair->second.arrangement, true};
  if (shared || origin == place.edge->target_value || pair == place.alignment.pairs.end())
    return {place.edge->target_value, place.edge->arrangement, shared};
  return {origin, pair->second.arrangement, false};
}

void serve_only_reader(const Place& place, const Gap& gap, graph::InsertNode& insert) {
  if (place.edge->node >= 0 && gap.shared)
    insert.only_consumer = std::pair(graph::address_of(place.target, place.edge->node), place.edge->input);
}

}  // namespace fetafix::faults
