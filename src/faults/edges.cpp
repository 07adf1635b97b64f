// missing-operator, extra-operator, rewired-operand: a node computes right as soon as it reads another value
// than it does.
#include <algorithm>
#include <map>
#include <set>

#include "faults/counting.h"
#include "faults/in_target.h"
#include "faults/node_pairs.h"

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

std::optional<graph::InsertNode> inserted(const Place& place, NodeId id, const graph::ValueAddress& edge,
                                          const align::Arrangement& arrangement, const Shape& target) {
  auto out = node_in_target(place, id, arrangement, target);
  if (out) out->edge = edge;
  return out;
}

// The source's join of two computed operands that leads to the edge's value, and what follows it there (the
// activation function of a residual block), first to last.
std::vector<NodeId> join_and_tail(const Place& place) {
  std::vector<NodeId> out;
  ValueId at = place.edge->expected;
  while (out.size() < 3) {
    const NodeId id = place.values.uses().producer[static_cast<size_t>(at)];
    if (id < 0 || !is_layout_free(place.source.node(id))) return {};
    out.insert(out.begin(), id);
    std::vector<ValueId> varying;
    for (ValueId in : place.source.node(id).inputs)
      if (in != graph::no_value && !place.source.value(in).is_constant()) varying.push_back(in);
    if (varying.size() == 2 && place.source.node(id).inputs.size() == 2) return out;
    if (varying.size() != 1) return {};
    at = varying[0];
  }
  return {};
}

// One operand of a join is the edge, the other is a value that the target has as well.
std::optional<graph::InsertNode> inserted_join(const Place& place, NodeId id, const graph::ValueAddress& edge,
                                               const align::Arrangement& arrangement) {
  const graph::Node& node = place.source.node(id);
  graph::InsertNode insert;
  insert.edge = edge;
  insert.type = node.type;
  insert.attributes = node.attributes;
  insert.operands.resize(2);
  const int through = place.values.class_of(node.inputs[0]) == place.edge->actual ? 0 : 1;
  if (place.values.class_of(node.inputs[static_cast<size_t>(through)]) != place.edge->actual)
    return std::nullopt;
  const ValueId wanted = node.inputs[static_cast<size_t>(1 - through)];
  const auto other = counterpart(place, wanted, arrangement, place.edge->node);
  if (!other) return std::nullopt;
  auto address = graph::address_of(place.target, place.target_uses, *other);
  if (!address.ok()) return std::nullopt;
  insert.other_operands.emplace_back(1 - through, *address);
  return insert;
}

// A missing operator of two computed operands (a bypassed residual Add).
std::vector<Candidate> missing_join(const Place& place) {
  const auto nodes = join_and_tail(place);
  const Gap gap = gap_of(place);
  auto edge = graph::address_of(place.target, place.target_uses, gap.value);
  // What is inserted for one reader has no place for a second one behind it.
  if (nodes.empty() || !edge.ok() || (gap.shared && nodes.size() > 1)) return {};
  const Shape shape = place.alignment.values[0].at(gap.value).shape();
  // In the layout in which the join itself reads the edge.
  const graph::Node& join = place.source.node(nodes.front());
  const bool first = place.values.class_of(join.inputs[0]) == place.edge->actual;
  const auto arrangement = arrangement_of(place, gap.value, join.inputs[first ? 0 : 1]);
  if (!arrangement) return {};
  Candidate out;
  std::string names, counted;
  for (auto id = nodes.rbegin(); id != nodes.rend(); ++id) {
    auto insert = *id == nodes.front() ? inserted_join(place, *id, *edge, *arrangement)
                                       : inserted(place, *id, *edge, *arrangement, shape);
    if (!insert) return {};
    counted = count_output(place, place.source.node(*id).outputs[0], id == nodes.rbegin(), *insert);
    if (place.edge->node >= 0 && gap.shared)
      insert->only_consumer = std::pair(graph::address_of(place.target, place.edge->node), place.edge->input);
    names = insert->type + (names.empty() ? "" : ", ") + names;
    out.edits.push_back(std::move(*insert));
  }
  out.pattern = "missing-operator";
  out.fault_class = "graph";
  out.explanation = (nodes.size() > 1 ? "operators of the source are bypassed here: "
                                      : "an operator of the source is bypassed here: ") +
                    names + counted;
  out.advice = "check that the converter keeps " + names;
  return {out};
}

}  // namespace

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
  const Shape gap_shape = place.alignment.values[0].at(gap.value).shape();
  // The last of the chain goes in first: each insertion comes right behind the edge's producer.
  for (auto id = nodes->rbegin(); id != nodes->rend(); ++id) {
    auto edit = inserted(place, *id, *edge, gap.arrangement, gap_shape);
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

// An activation function in a longer piece of which the source has fewer.
std::vector<Candidate> extra_activation(const Place& place) {
  static const std::set<std::string> types{"Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh"};
  std::map<std::string, int> surplus;
  for (NodeId id : place.segment->target_nodes) ++surplus[place.target.node(id).type];
  for (NodeId id : place.segment->source_nodes) --surplus[place.source.node(id).type];
  std::vector<Candidate> out;
  for (NodeId id : place.segment->target_nodes) {
    const graph::Node& node = place.target.node(id);
    if (!types.contains(node.type) || surplus[node.type] <= 0) continue;
    Candidate one;
    one.edits.push_back(graph::RemoveNode{graph::address_of(place.target, id), 0});
    one.pattern = "extra-operator";
    one.fault_class = "graph";
    one.explanation = "this " + node.type + " does not exist in the source";
    one.advice = "check the converter's options for what it inserts";
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<Candidate> extra_operator(const Place& place) {
  if (place.segment && place.segment->target_nodes.size() > 1) return extra_activation(place);
  if (!place.segment || place.segment->evidence != align::Evidence::passed ||
      place.segment->target_nodes.size() != 1 || !pairs_by_type(place).empty())
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

// The Transposes that may have given an operand its order: on its way, the nearest first.
std::vector<NodeId> transposes_before(const Place& place, ValueId value) {
  std::vector<NodeId> out;
  for (int hops = 0; hops < most_hops; ++hops) {
    const NodeId producer = place.target_uses.producer[static_cast<size_t>(value)];
    if (producer < 0) break;
    const graph::Node& node = place.target.node(producer);
    // A bridge has no native entity: there is nothing to take out.
    if (node.type == "Transpose" && node.role != graph::Role::bridge) out.push_back(producer);
    if (node.inputs.empty() || node.inputs[0] == graph::no_value) break;
    value = node.inputs[0];
  }
  return out;
}

// The operand is right but for the order of its dimensions, and a Transpose made that order.
std::vector<Candidate> extra_transpose(const Place& place) {
  if (!place.edge || place.edge->node < 0 || place.edge->actual != place.edge->expected) return {};
  std::vector<Candidate> out;
  for (const NodeId producer : transposes_before(place, place.edge->target_value)) {
    Candidate one;
    one.pattern = "extra-transpose";
    one.fault_class = "tensor-structure";
    one.explanation = "a Transpose swaps dimensions that the source keeps";
    one.advice = "check the converter's layout options; dimensions of equal size hide a wrong order";
    one.edits.push_back(graph::RemoveNode{graph::address_of(place.target, producer), 0});
    out.push_back(std::move(one));
  }
  return out;
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
