// replaced-operator: Relu for Clip and the like. The source's operator goes in behind the wrong one, which is
// then taken out: types with other operands can't be changed in place.
//
// idle-operator: the same where the wrong one did nothing to these numbers (all lay within its bounds), so
// that only a later operator shows that the source's did.
#include "faults/effective.h"
#include "faults/in_target.h"
#include "graph/operators.h"

namespace fetafix::faults {
namespace {

using graph::NodeId;
using graph::ValueId;

// The same operator with other bounds is the tensor pattern's, unless the bounds are no operands in the file.
bool may_replace(const graph::Node& source, const graph::Node& target) {
  const bool fused_bounds = source.type == target.type && target.role == graph::Role::activation;
  return (source.type != target.type || fused_bounds) && is_activation(source) && is_activation(target);
}

std::vector<Candidate> replaced(const Place& place, NodeId id, NodeId by) {
  const graph::Node& target = place.target.node(id);
  const graph::Node& source = place.source.node(by);
  if (!may_replace(source, target)) return {};
  graph::InsertNode insert;
  insert.edge.node = graph::address_of(place.target, id);
  insert.type = source.type;
  insert.attributes = source.attributes;
  for (size_t i = 0; i < source.inputs.size(); ++i) {
    if (source.inputs[i] == graph::no_value) return {};
    const graph::Value& operand = place.source.value(source.inputs[i]);
    if (i > 0 && (!operand.is_constant() || operand.constant.size() != 1)) return {};
    insert.operands.push_back(i == 0 ? std::nullopt : std::optional(operand.constant));
  }
  Candidate out;
  out.pattern = "replaced-operator";
  out.fault_class = "graph";
  out.explanation = source.type == target.type
                        ? "a " + target.type + " with other bounds than the source's"
                        : "a " + target.type + " stands where the source has a " + source.type;
  out.advice = "check that the converter supports " + source.type;
  out.edits = {std::move(insert), graph::RemoveNode{graph::address_of(place.target, id), 0}};
  return {out};
}

// The source value that a target value is paired with; no_value: with none.
ValueId paired(const Place& place, ValueId value) {
  const auto pair = place.alignment.pairs.find(value);
  return pair == place.alignment.pairs.end() ? graph::no_value : place.values.class_of(pair->second.source);
}

// The activation function that hands a value on as it is, behind whatever only moves it; -1: none.
NodeId idle_before(const Place& place, ValueId value) {
  while (value != graph::no_value && place.target_uses.producer[static_cast<size_t>(value)] >= 0) {
    const NodeId id = place.target_uses.producer[static_cast<size_t>(value)];
    const graph::Node& node = place.target.node(id);
    if (node.inputs.empty() || node.inputs[0] == graph::no_value) return -1;
    if (is_activation(node)) {
      const ValueId read = paired(place, node.inputs[0]);
      return read != graph::no_value && read == paired(place, node.outputs[0]) ? id : -1;
    }
    if (!graph::only_moves(node.type)) return -1;
    value = node.inputs[0];
  }
  return -1;
}

}  // namespace

std::vector<Candidate> replaced_operator(const Place& place) {
  if (!place.segment || place.segment->target_nodes.size() != 1 || place.segment->source_nodes.empty())
    return {};
  return replaced(place, place.segment->target_nodes[0], place.segment->source_nodes.back());
}

std::vector<Candidate> idle_operator(const Place& place) {
  if (!place.segment || place.segment->target_nodes.empty()) return {};
  std::vector<Candidate> out;
  for (const ValueId read : place.target.node(place.segment->target_nodes[0]).inputs) {
    const NodeId idle = idle_before(place, read);
    if (idle < 0) continue;
    for (const NodeId id : place.segment->source_nodes) {
      const graph::Node& node = place.source.node(id);
      const bool there =
          is_activation(node) && node.inputs[0] != graph::no_value &&
          place.values.class_of(node.inputs[0]) == paired(place, place.target.node(idle).inputs[0]);
      if (!there) continue;
      for (Candidate& candidate : replaced(place, idle, id)) {
        candidate.pattern = "idle-operator";
        candidate.explanation += ", which did nothing to these samples";
        out.push_back(std::move(candidate));
      }
    }
  }
  return out;
}

}  // namespace fetafix::faults
