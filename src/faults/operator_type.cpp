// operator-type: one operator stands where the source has another on the same operand (a pool of the other
// kind, Relu for LeakyRelu, GlobalMaxPool for GlobalAveragePool).
#include <set>

#include "faults/in_target.h"

namespace fetafix::faults {

std::vector<Candidate> operator_type(const Place& place) {
  if (!place.segment || place.segment->target_nodes.size() != 1 || place.segment->source_nodes.size() != 1)
    return {};
  // Operators of one data operand whose attributes mean the same in any layout the two can share.
  static const std::set<std::string> unary{
      "Relu", "LeakyRelu", "Sigmoid",  "HardSigmoid", "Tanh",          "Elu",
      "Selu", "Softplus",  "Softsign", "Abs",         "Neg",           "Exp",
      "Sqrt", "Erf",       "MaxPool",  "AveragePool", "GlobalMaxPool", "GlobalAveragePool",
      "Celu", "Identity"};
  const graph::NodeId id = place.segment->target_nodes[0];
  const graph::Node& target = place.target.node(id);
  const graph::Node& source = place.source.node(place.segment->source_nodes[0]);
  if (source.type == target.type || !unary.contains(source.type) || !unary.contains(target.type)) return {};
  Candidate out;
  out.pattern = "operator-type";
  out.fault_class = "graph";
  out.explanation = "a " + target.type + " stands where the source has a " + source.type;
  out.advice = "check that the converter supports " + source.type;
  out.edits.push_back(graph::ChangeType{graph::address_of(place.target, id), source.type, source.attributes});
  return {out};
}

// replaced-operator: Relu for Clip and the like. The source's operator goes in behind the wrong one, which is
// then taken out: types with other operands can't be changed in place.
std::vector<Candidate> replaced_operator(const Place& place) {
  if (!place.segment || place.segment->target_nodes.size() != 1 || place.segment->source_nodes.empty())
    return {};
  const graph::NodeId id = place.segment->target_nodes[0];
  const graph::Node& target = place.target.node(id);
  const graph::Node& source = place.source.node(place.segment->source_nodes.back());
  // The same operator with other bounds is the tensor pattern's, unless the bounds are no operands in the
  // file.
  const bool fused_bounds = source.type == target.type && target.role == graph::Role::activation;
  if ((source.type == target.type && !fused_bounds) || !is_activation(source) || !is_activation(target))
    return {};
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
  out.explanation = "a " + target.type + " stands where the source has a " + source.type;
  out.advice = "check that the converter supports " + source.type;
  out.edits = {std::move(insert), graph::RemoveNode{graph::address_of(place.target, id), 0}};
  return {out};
}

}  // namespace fetafix::faults
