// missing-operator, extra-operator, rewired-operand: a node computes right as soon as it reads another value
// than it does.
#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "faults/counting.h"
#include "faults/in_target.h"
#include "faults/node_pairs.h"
#include "faults/stored.h"
#include "graph/operators.h"

namespace fetafix::faults {
namespace {

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
std::optional<graph::InsertNode> inserted_join(const Place& place, NodeId id,
                                               const align::Arrangement& arrangement) {
  const graph::Node& node = place.source.node(id);
  graph::InsertNode insert;
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

// What is missing at the edge: operators of the source, first to last, in the layout in which the first of
// them reads the edge.
struct Missing {
  std::vector<NodeId> nodes;
  align::Arrangement arrangement;
  bool joins = false;  // the first of them reads another value too (a bypassed residual Add)
};

std::optional<Missing> what_is_missing(const Place& place, const Gap& gap) {
  if (const auto joined = join_and_tail(place); !joined.empty()) {
    const graph::Node& join = place.source.node(joined.front());
    const bool first = place.values.class_of(join.inputs[0]) == place.edge->actual;
    const auto arrangement = arrangement_of(place, gap.value, join.inputs[first ? 0 : 1]);
    if (arrangement) return Missing{joined, *arrangement, true};
  }
  const auto nodes = chain(place, place.edge->actual, place.edge->expected);
  if (!nodes || nodes->empty()) return std::nullopt;
  return Missing{*nodes, gap.arrangement};
}

// The edits that put it back; empty: they can't be said in the target's terms. `counted` tells how new
// quantized values count.
std::vector<graph::Edit> put_back(const Place& place, const Gap& gap, const Missing& missing,
                                  std::string& counted) {
  const auto edge = graph::address_of(place.target, place.target_uses, gap.value);
  // What is inserted for one reader has no place for a second one behind it.
  if (!edge.ok() || (gap.shared && place.edge->node >= 0 && missing.nodes.size() > 1)) return {};
  const Shape shape = place.alignment.values[0].at(gap.value).shape();
  std::vector<graph::Edit> out;
  // The last of the chain goes in first: each insertion comes right behind the edge's producer.
  for (auto id = missing.nodes.rbegin(); id != missing.nodes.rend(); ++id) {
    const bool joins = missing.joins && *id == missing.nodes.front();
    auto insert = joins ? inserted_join(place, *id, missing.arrangement)
                        : node_in_target(place, *id, missing.arrangement, shape);
    if (!insert) return {};
    insert->edge = *edge;
    counted = count_output(place, place.source.node(*id).outputs[0], id == missing.nodes.rbegin(), *insert);
    serve_only_reader(place, gap, *insert);
    out.push_back(std::move(*insert));
  }
  return out;
}

std::string names_of(const graph::Graph& graph, std::span<const NodeId> nodes) {
  std::string out;
  for (NodeId id : nodes) out += (out.empty() ? "" : ", ") + graph.node(id).type;
  return out;
}

// The node that computes a value, behind those that only move its elements; -1: none does.
NodeId computing(const Place& place, ValueId value) {
  NodeId out = place.target_uses.producer[static_cast<size_t>(value)];
  while (out >= 0 && graph::only_moves(place.target.node(out).type))
    out = place.target_uses.producer[static_cast<size_t>(place.target.node(out).inputs[0])];
  return out;
}

// Operands that are added to what a node makes, or multiplied with it: its own and, of a sum, those of the
// sums that it adds (a normalization that is multiplied out: x * a + (beta - mean * a)).
std::vector<std::pair<NodeId, size_t>> terms_of(const Place& place, NodeId id) {
  const graph::Node& node = place.target.node(id);
  std::vector<std::pair<NodeId, size_t>> out{{id, 0}, {id, 1}};
  if (node.type != "Add") return out;
  for (ValueId in : node.inputs) {
    const NodeId maker = in == graph::no_value ? -1 : place.target_uses.producer[static_cast<size_t>(in)];
    const std::string type = maker < 0 ? "" : place.target.node(maker).type;
    if (type == "Add" || type == "Sub") out.emplace_back(maker, 0);
    if (type == "Add") out.emplace_back(maker, 1);
  }
  return out;
}

// The operator seems to be missing because the numbers that the target holds for it do nothing: zeros that
// are added, ones that it is multiplied with.
std::optional<Candidate> idle_numbers(const Place& place, const Gap& gap, const Missing& missing) {
  const NodeId producer = computing(place, gap.value);
  if (producer < 0 || missing.joins || missing.nodes.size() != 1) return std::nullopt;
  const graph::Node& source = place.source.node(missing.nodes[0]);
  const bool adds = source.type == "Add";
  if (place.target.node(producer).type != source.type || (!adds && source.type != "Mul")) return std::nullopt;
  const Shape shape = place.alignment.values[0].at(gap.value).shape();
  const auto wanted = node_in_target(place, missing.nodes[0], missing.arrangement, shape);
  if (!wanted) return std::nullopt;
  for (const auto& [node, input] : terms_of(place, producer)) {
    const auto stored = stored_operand(place, node, input);
    if (!stored) continue;
    const auto numbers = stored->now.as<float>();
    if (!std::all_of(numbers.begin(), numbers.end(), [&](float v) { return v == (adds ? 0.0f : 1.0f); }))
      continue;
    for (const auto& operand : wanted->operands) {
      if (!operand || operand->dtype() != DType::float32 || operand->size() != stored->now.size()) continue;
      return Candidate{"tensor",
                       "parameters",
                       std::string(adds ? "zeros are added" : "this is multiplied with ones") +
                           " where the source has other numbers",
                       "compare the file's constants with the source right after converting",
                       {set_stored(*stored, operand->reshaped(stored->now.shape()))}};
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<Candidate> missing_operator(const Place& place) {
  if (!place.edge || place.edge->actual == graph::no_value) return {};
  const Gap gap = gap_of(place);
  const auto missing = what_is_missing(place, gap);
  if (!missing) return {};
  if (auto idle = idle_numbers(place, gap, *missing)) return {std::move(*idle)};
  Candidate out;
  std::string counted;
  out.edits = put_back(place, gap, *missing, counted);
  if (out.edits.empty()) return {};
  const std::string names = names_of(place.source, missing->nodes);
  const bool one = missing->nodes.size() == 1;
  const bool bias = one && !missing->joins && place.source.node(missing->nodes[0]).type == "Add";
  out.pattern = bias ? "lost-bias" : "missing-operator";
  out.fault_class = bias ? "parameters" : "graph";
  out.explanation = bias ? "the bias of this layer was lost: the source adds it, the target does not"
                    : !missing->joins ? "operators of the source are missing here: " + names + counted
                                      : (one ? "an operator of the source is bypassed here: "
                                             : "operators of the source are bypassed here: ") +
                                            names + counted;
  out.advice = bias ? "check rank-2 inputs of fully connected layers; some converters drop the bias otherwise"
                    : "check that the converter keeps " + names;
  return {out};
}

// An activation function in a longer piece of which the source has fewer.
std::vector<Candidate> extra_activation(const Place& place) {
  std::map<std::string, int> surplus;
  for (NodeId id : place.segment->target_nodes) ++surplus[place.target.node(id).type];
  for (NodeId id : place.segment->source_nodes) --surplus[place.source.node(id).type];
  std::vector<Candidate> out;
  for (NodeId id : place.segment->target_nodes) {
    const graph::Node& node = place.target.node(id);
    if ((!is_activation(node) && node.type != "Cast") || surplus[node.type] <= 0) continue;
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

// By which operand of its operator a node reads what the segment should come out as; -1: by none.
int passed_operand(const Place& place, const graph::Node& node, bool alone) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const auto pair = place.alignment.pairs.find(node.inputs[i]);
    if (pair == place.alignment.pairs.end() || pair->second.source != place.segment->source_end) continue;
    if (alone) return static_cast<int>(i);
    if (i < node.slots.size()) return node.slots[i];  // an operator that a canonical form takes apart
  }
  return -1;
}

namespace {

// What is part of an operator that does more (the factor of PyTorch's sums) is told to do nothing.
std::optional<graph::Edit> told_to_do_nothing(const Place& place, NodeId id) {
  const graph::Node& node = place.target.node(id);
  const bool scales = node.type == "Mul" || node.type == "Div";
  const bool part =
      std::any_of(place.target.nodes.begin(), place.target.nodes.end(), [&](const graph::Node& other) {
        return &other != &node && other.native == node.native && other.role == graph::Role::core &&
               other.role == node.role;
      });
  if (!part || (!scales && node.type != "Add" && node.type != "Sub")) return std::nullopt;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Tensor numbers = place.target.value(node.inputs[i]).constant;
    if (i >= node.slots.size() || node.slots[i] < 0 || numbers.dtype() != DType::float32) continue;
    const std::vector<float> nothing(static_cast<size_t>(numbers.size()), scales ? 1.f : 0.f);
    return graph::SetTensor{graph::address_of(place.target, id), node.slots[i],
                            Tensor::vector(nothing).reshaped(numbers.shape())};
  }
  return std::nullopt;
}

}  // namespace

std::vector<Candidate> extra_operator(const Place& place) {
  if (!place.segment) return {};
  const auto& nodes = place.segment->target_nodes;
  const graph::Node& node = place.target.node(nodes.back());
  const bool one_operator = std::all_of(nodes.begin(), nodes.end(), [&](NodeId id) {
    return place.target.node(id).native == node.native && place.target.node(id).role == node.role;
  });
  if (!one_operator) return extra_activation(place);
  if (place.segment->evidence != align::Evidence::passed || !pairs_by_type(place).empty() ||
      node.role == graph::Role::quantize)  // it belongs to a tensor
    return {};
  Candidate out;
  if (auto edit = told_to_do_nothing(place, nodes.back())) {
    out.pattern = "extra-operator";
    out.fault_class = "hyperparameters";
    out.explanation = "it also computes a " + node.type + ", which the source does not";
    out.advice = "check how the converter writes " + node.type;
    out.edits.push_back(std::move(*edit));
    return {out};
  }
  for (NodeId id : nodes) {
    const int through = passed_operand(place, place.target.node(id), nodes.size() == 1);
    if (through < 0) continue;
    out.edits.push_back(graph::RemoveNode{graph::address_of(place.target, nodes.back()), through});
    break;
  }
  if (out.edits.empty()) return {};
  out.pattern = "extra-operator";
  out.fault_class = "graph";
  out.explanation = "this " + node.type + " does not exist in the source";
  out.advice = "check the converter's options for what it inserts";
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
    one.explanation = place.target.value(place.edge->target_value).is_constant()
                          ? "an operand holds fixed numbers where the source computes them from its input"
                          : "an operand reads another value than in the source";
    one.advice = "check the converter's handling of shared and renamed edges";
    one.edits.push_back(
        graph::SetOperand{graph::address_of(place.target, place.edge->node), place.edge->input, *address});
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace fetafix::faults
