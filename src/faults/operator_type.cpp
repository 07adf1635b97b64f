// operator-type: one operator stands where the source has another on the same operand (a pool of the other
// kind, Relu for LeakyRelu, GlobalMaxPool for GlobalAveragePool).
#include <algorithm>
#include <set>

#include "faults/in_target.h"

namespace fetafix::faults {

namespace {

// What the file calls by a name that nobody reads: the source's linear operator, or its only one.
std::vector<Candidate> named_otherwise(const Place& place) {
  graph::NodeId unread = -1, meant = -1;
  const auto in_source = [&](const std::string& type) {
    return std::any_of(place.source.nodes.begin(), place.source.nodes.end(),
                       [&](const graph::Node& node) { return node.type == type; });
  };
  const bool ran = place.segment->relative_error != 1;  // what could not is all wrong
  for (graph::NodeId id : place.segment->target_nodes) {
    const graph::Node& node = place.target.node(id);
    if (!node.domain.empty() || (!ran && node.role == graph::Role::core && !in_source(node.type)))
      unread = id;
  }
  for (graph::NodeId id : place.segment->source_nodes) {
    const std::string& type = place.source.node(id).type;
    const bool linear = type == "Conv" || type == "ConvTranspose" || type == "MatMul";
    if (linear || place.segment->source_nodes.size() == 1) meant = id;
  }
  if (unread < 0 || meant < 0) return {};
  const graph::Node& target = place.target.node(unread);
  const graph::Node& source = place.source.node(meant);
  if (source.inputs.size() > std::max<size_t>(target.inputs.size(), 2)) return {};  // a bias may come later
  if (target.inputs.size() < std::min<size_t>(source.inputs.size(), 2)) return {};
  Candidate out;
  out.pattern = "operator-type";
  out.fault_class = "graph";
  out.explanation = "no runtime knows a '" + target.type + "'" +
                    (target.domain.empty() ? "" : " of " + target.domain) + "; the source has a " +
                    source.type + " here";
  out.advice = "check the converter's option for operators of its own";
  out.edits.push_back(
      graph::ChangeType{graph::address_of(place.target, unread), source.type, source.attributes});
  return {out};
}

}  // namespace

std::vector<Candidate> operator_type(const Place& place) {
  if (place.segment)
    if (auto out = named_otherwise(place); !out.empty()) return out;
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
