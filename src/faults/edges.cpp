// missing-operator, extra-operator, rewired-operand: a node computes right as soon as it reads another value
// than it does.
#include <algorithm>

#include "faults/counting.h"

namespace fetafix::faults {
namespace {

constexpr int most_hops = 12;  // operators between a wrong order of dimensions and where it shows

using graph::NodeId;
using graph::ValueId;

// Source nodes from `from` (a value or a twin of it) to `to`, if each takes one varying operand; first to
// last.
std::optional<std::vector<NodeId>> chain(const Place& place, ValueId from, ValueId to) {
  std::vector<NodeId> out;
  ValueId at = to;
  while (place.values.class_of(at) != from) {
    const NodeId producer = place.values.uses().producer[static_cast<size_t>(at)];
    if (producer < 0 || out.size() >= 4) return std::nullopt;  // a longer gap is another model
    ValueId next = graph::no_value;
    for (ValueId in : place.source.node(producer).inputs) {
      if (in == graph::no_value || place.source.value(in).is_constant()) continue;
      if (next != graph::no_value) return std::nullopt;
      next = in;
    }
    if (next == graph::no_value) return std::nullopt;
    out.insert(out.begin(), producer);
    at = next;
  }
  return out;
}

// A constant operand as it must lie in the target's layout: per-channel constants follow the permutation.
std::optional<Tensor> in_layout(const Tensor& constant, const Shape& value,
                                const align::Permutation& permutation) {
  if (constant.size() <= 1 || permutation.empty()) return constant;
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

// Operators that mean the same whatever the order of dimensions.
bool layout_free(const graph::Node& node) {
  static const std::vector<std::string> types{
      "Add",  "Sub",         "Mul",       "Div",      "Relu",  "Clip",    "LeakyRelu", "Sigmoid",
      "Tanh", "HardSigmoid", "HardSwish", "Elu",      "Selu",  "Erf",     "Exp",       "Sqrt",
      "Neg",  "Abs",         "Pow",       "Softplus", "PRelu", "Softsign"};
  return std::find(types.begin(), types.end(), node.type) != types.end();
}

std::optional<graph::InsertNode> inserted(const Place& place, NodeId id, const graph::ValueAddress& edge,
                                          const align::Permutation& permutation) {
  const graph::Node& node = place.source.node(id);
  const Shape& shape = place.values.at(0, node.outputs[0]).shape();
  if ((!layout_free(node) && !permutation.empty()) || !node.bodies.empty()) return std::nullopt;
  graph::InsertNode out;
  out.edge = edge;
  out.type = node.type;
  out.attributes = node.attributes;
  for (ValueId in : node.inputs) {
    if (in == graph::no_value) return std::nullopt;
    const graph::Value& value = place.source.value(in);
    if (!value.is_constant()) {
      out.operands.emplace_back(std::nullopt);
      continue;
    }
    auto constant = in_layout(value.constant, shape, permutation);
    if (!constant) return std::nullopt;
    out.operands.emplace_back(std::move(*constant));
  }
  return out;
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

// Where something is missing: on the edge that one operator reads, or, when all that read the value need the
// same, behind the value itself.
struct Gap {
  ValueId value;
  align::Permutation permutation;  // of the expected value there
  bool shared;                     // others are right to read it as it is
};

Gap gap_of(const Place& place) {
  const ValueId origin = before_bridges(place, place.edge->target_value);
  size_t alike = 0;
  for (const auto& other : place.alignment.edges)
    alike += before_bridges(place, other.target_value) == origin && other.expected == place.edge->expected;
  const bool shared = readers_of(place, origin) > alike;
  auto pair = place.alignment.pairs.find(origin);
  // A part of an operator that reads two quantized tensors has no address of its own: the tensor has.
  if (shared && pair != place.alignment.pairs.end() && is_quantized(place, origin))
    return {origin, pair->second.permutation, true};
  if (shared || origin == place.edge->target_value || pair == place.alignment.pairs.end())
    return {place.edge->target_value, place.edge->permutation, shared};
  return {origin, pair->second.permutation, false};
}

}  // namespace

// A value of the target that is the source's `wanted` in that layout and known before the edge's reader; one
// that the file holds as a tensor rather than one inside an operator.
std::optional<ValueId> value_at_hand(const Place& place, ValueId wanted,
                                     const align::Permutation& permutation) {
  std::optional<ValueId> inside;
  for (const auto& [value, pair] : place.alignment.pairs) {
    if (pair.source != wanted || pair.permutation != permutation) continue;
    if (place.edge->node >= 0 && place.target_uses.producer[static_cast<size_t>(value)] >= place.edge->node)
      continue;
    if (place.target.value(value).native_tensor >= 0) return value;
    if (!inside) inside = value;
  }
  return inside;
}

// A missing operator of two computed operands (a bypassed residual Add): one is the edge, the other is a
// value that the target has as well.
std::vector<Candidate> missing_join(const Place& place) {
  const NodeId id = place.values.uses().producer[static_cast<size_t>(place.edge->expected)];
  if (id < 0) return {};
  const graph::Node& node = place.source.node(id);
  if (node.inputs.size() != 2 || !layout_free(node)) return {};
  const Gap gap = gap_of(place);
  auto edge = graph::address_of(place.target, place.target_uses, gap.value);
  if (!edge.ok()) return {};
  graph::InsertNode insert;
  insert.edge = *edge;
  insert.type = node.type;
  insert.attributes = node.attributes;
  const std::string counted = count_output(place, place.edge->expected, true, insert);
  insert.operands.resize(2);
  bool reads_edge = false;
  for (size_t i = 0; i < 2; ++i) {
    const ValueId wanted = place.values.class_of(node.inputs[i]);
    if (wanted == place.edge->actual && !reads_edge) {
      reads_edge = true;
      continue;
    }
    const auto other = value_at_hand(place, wanted, gap.permutation);
    if (!other) continue;
    auto address = graph::address_of(place.target, place.target_uses, *other);
    if (address.ok()) insert.other_operands.emplace_back(static_cast<int>(i), *address);
  }
  if (!reads_edge || insert.other_operands.size() != 1) return {};
  if (place.edge->node >= 0 && gap.shared)
    insert.only_consumer = std::pair(graph::address_of(place.target, place.edge->node), place.edge->input);
  Candidate out;
  out.pattern = "missing-operator";
  out.fault_class = "graph";
  out.explanation = "an operator of the source is bypassed here: " + node.type + counted;
  out.advice = "check that the converter keeps " + node.type;
  out.edits.push_back(std::move(insert));
  return {out};
}

std::vector<Candidate> missing_operator(const Place& place) {
  if (!place.edge || place.edge->actual == graph::no_value) return {};
  if (auto join = missing_join(place); !join.empty()) return join;
  const auto nodes = chain(place, place.edge->actual, place.edge->expected);
  if (!nodes || nodes->empty()) return {};

  const Gap gap = gap_of(place);
  auto edge = graph::address_of(place.target, place.target_uses, gap.value);
  if (!edge.ok()) return {};
  Candidate out;
  std::string names, counted;
  // The last of the chain goes in first: each insertion comes right behind the edge's producer.
  for (auto id = nodes->rbegin(); id != nodes->rend(); ++id) {
    auto edit = inserted(place, *id, *edge, gap.permutation);
    if (!edit) return {};
    const ValueId result = place.source.node(*id).outputs[0];
    counted = count_output(place, result, id == nodes->rbegin(), *edit);
    if (place.edge->node >= 0 && gap.shared)
      edit->only_consumer = std::pair(graph::address_of(place.target, place.edge->node), place.edge->input);
    out.edits.push_back(std::move(*edit));
    names = place.source.node(*id).type + (names.empty() ? "" : ", ") + names;
  }
  if (nodes->size() > 1 && std::get<graph::InsertNode>(out.edits[0]).only_consumer) return {};
  const graph::Node& first = place.source.node(nodes->front());
  const bool bias = nodes->size() == 1 && first.type == "Add" && out.edits.size() == 1;
  out.pattern = bias ? "lost-bias" : "missing-operator";
  out.fault_class = bias ? "parameters" : "graph";
  out.explanation = bias ? "the bias of this layer was lost: the source adds it, the target does not"
                         : "operators of the source are missing here: " + names + counted;
  out.advice = bias ? "check rank-2 inputs of fully connected layers; some converters drop the bias otherwise"
                    : "check that the converter keeps " + names;
  return {out};
}

std::vector<Candidate> extra_operator(const Place& place) {
  if (!place.segment || place.segment->evidence != align::Evidence::passed ||
      place.segment->target_nodes.size() != 1)
    return {};
  const NodeId id = place.segment->target_nodes[0];
  const graph::Node& node = place.target.node(id);
  if (node.role == graph::Role::quantize) return {};  // it belongs to a tensor
  Candidate out;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    auto pair = place.alignment.pairs.find(node.inputs[i]);
    if (pair == place.alignment.pairs.end() || pair->second.source != place.segment->source_end) continue;
    out.edits.push_back(graph::RemoveNode{graph::address_of(place.target, id), static_cast<int>(i)});
    break;
  }
  if (out.edits.empty()) return {};
  out.pattern = "extra-operator";
  out.fault_class = "graph";
  out.explanation = "this " + node.type + " does not exist in the source";
  out.advice = "check the converter's options for what it inserts";
  return {out};
}

// The Transpose that gave an operand its order: its producer, or further up behind operators to which the
// order of dimensions makes no difference, as far as the values there have the same wrong order.
std::optional<NodeId> transpose_before(const Place& place, ValueId value) {
  for (int hops = 0; hops < most_hops; ++hops) {
    const NodeId producer = place.target_uses.producer[static_cast<size_t>(value)];
    if (producer < 0) return std::nullopt;
    const graph::Node& node = place.target.node(producer);
    // A bridge has no native entity: there is nothing to take out.
    if (node.type == "Transpose" && node.role != graph::Role::bridge) return producer;
    if (node.inputs.empty() || node.inputs[0] == graph::no_value) return std::nullopt;
    value = node.inputs[0];
  }
  return std::nullopt;
}

// The operand is right but for the order of its dimensions, and a Transpose made that order.
std::vector<Candidate> extra_transpose(const Place& place) {
  if (!place.edge || place.edge->node < 0 || place.edge->actual != place.edge->expected) return {};
  const auto producer = transpose_before(place, place.edge->target_value);
  if (!producer) return {};
  Candidate out;
  out.pattern = "extra-transpose";
  out.fault_class = "tensor-structure";
  out.explanation = "a Transpose swaps dimensions that the source keeps";
  out.advice = "check the converter's layout options; dimensions of equal size hide a wrong order";
  out.edits.push_back(graph::RemoveNode{graph::address_of(place.target, *producer), 0});
  return {out};
}

std::vector<Candidate> rewired_operand(const Place& place) {
  if (!place.edge || place.edge->node < 0) return {};
  std::vector<Candidate> out;
  for (const auto& [value, pair] : place.alignment.pairs) {
    if (pair.source != place.edge->expected || value == place.edge->target_value) continue;
    const NodeId producer = place.target_uses.producer[static_cast<size_t>(value)];
    if (producer >= place.edge->node || before_bridges(place, value) != value) continue;
    auto address = graph::address_of(place.target, place.target_uses, value);
    if (!address.ok()) continue;
    Candidate one;
    one.pattern = "rewired-operand";
    one.fault_class = "graph";
    one.explanation = "an operand reads another value than in the source";
    one.advice = "check the converter's handling of shared and renamed edges";
    one.edits.push_back(
        graph::SetOperand{graph::address_of(place.target, place.edge->node), place.edge->input, *address});
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace fetafix::faults
