// operator-type: one operator stands where the source has another on the same operand (a pool of the other
// kind, Relu for LeakyRelu, GlobalMaxPool for GlobalAveragePool).
#include <algorithm>
#include <set>

#include "faults/in_target.h"
#include "graph/operators.h"

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
    const bool unknown = !ran && node.role == graph::Role::core && !in_source(node.type) &&
                         !graph::is_operator(node.type);  // which may have been given what it can't read
    if (!node.domain.empty() || unknown) unread = id;
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

Candidate other_type(const Place& place, graph::NodeId id, const std::string& meant, const std::string& named,
                     graph::Attributes attributes) {
  const std::string& type = place.target.node(id).type;
  Candidate out;
  out.pattern = "operator-type";
  out.fault_class = "graph";
  out.explanation = "a " + type + " stands where the source has a " + named;
  out.advice = "check that the converter supports " + named;
  out.edits.push_back(graph::ChangeType{graph::address_of(place.target, id), meant, std::move(attributes)});
  return out;
}

// Which reduction an operator is; a global pool is one over the pixels. Empty: none.
std::string reduction_of(const std::string& type) {
  static const std::set<std::string> reductions{"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin",
                                                "ReduceProd", "ReduceL1",  "ReduceL2",  "ReduceSumSquare"};
  if (type == "GlobalAveragePool") return "ReduceMean";
  if (type == "GlobalMaxPool") return "ReduceMax";
  return reductions.contains(type) ? type : "";
}

// The only reduction among nodes; -1: none, or several.
graph::NodeId only_reduction(const graph::Graph& graph, std::span<const graph::NodeId> nodes) {
  graph::NodeId out = -1;
  for (graph::NodeId id : nodes) {
    if (reduction_of(graph.node(id).type).empty()) continue;
    if (out >= 0) return -1;
    out = id;
  }
  return out;
}

// A reduction of another kind over the same axes, whatever layouts the two have.
std::vector<Candidate> other_reduction(const Place& place) {
  const graph::NodeId mine = only_reduction(place.target, place.segment->target_nodes);
  const graph::NodeId its = only_reduction(place.source, place.segment->source_nodes);
  if (mine < 0 || its < 0) return {};
  const graph::Node& target = place.target.node(mine);
  const std::string &named = place.source.node(its).type, meant = reduction_of(named);
  if (reduction_of(target.type) != target.type || meant == target.type) return {};
  return {other_type(place, mine, meant, named, target.attributes)};
}

// Operators of one data operand whose attributes mean the same in any layout the two can share.
const std::set<std::string>& functions() {
  static const std::set<std::string> out{"Relu", "LeakyRelu", "Sigmoid",  "HardSigmoid", "Tanh", "Elu",
                                         "Selu", "Softplus",  "Softsign", "Abs",         "Neg",  "Exp",
                                         "Sqrt", "Erf",       "Celu",     "Identity"};
  return out;
}
const std::set<std::string>& pools() {
  static const std::set<std::string> out{"MaxPool", "AveragePool"};
  return out;
}
const std::set<std::string>& global_pools() {
  static const std::set<std::string> out{"GlobalMaxPool", "GlobalAveragePool"};
  return out;
}

std::vector<Candidate> other_unary(const Place& place, graph::NodeId its, graph::NodeId mine) {
  const auto is_unary = [](const std::string& type) {
    return functions().contains(type) || pools().contains(type) || global_pools().contains(type);
  };
  const graph::Node &source = place.source.node(its), &target = place.target.node(mine);
  if (source.type == target.type || !is_unary(source.type) || !is_unary(target.type)) return {};
  return {other_type(place, mine, source.type, source.type, source.attributes)};
}

// Faults next to each other share a segment: the k-th of a family stands for the k-th, where both sides have
// equally many.
std::vector<Candidate> each_of_its_family(const Place& place) {
  std::vector<Candidate> out;
  for (const auto* family : {&functions(), &pools(), &global_pools()}) {
    const auto of_family = [&](const graph::Graph& graph, std::vector<graph::NodeId> nodes) {
      std::erase_if(nodes, [&](graph::NodeId id) { return !family->contains(graph.node(id).type); });
      return nodes;
    };
    const auto its = of_family(place.source, place.segment->source_nodes);
    const auto mine = of_family(place.target, place.segment->target_nodes);
    if (its.size() != mine.size()) continue;
    for (size_t i = 0; i < its.size(); ++i)
      for (Candidate& one : other_unary(place, its[i], mine[i])) out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

std::vector<Candidate> operator_type(const Place& place) {
  if (place.segment) {
    if (auto out = named_otherwise(place); !out.empty()) return out;
    if (auto out = other_reduction(place); !out.empty()) return out;
  }
  if (!place.segment) return {};
  if (place.segment->target_nodes.size() == 1 && place.segment->source_nodes.size() == 1)
    return other_unary(place, place.segment->source_nodes[0], place.segment->target_nodes[0]);
  return each_of_its_family(place);
}

}  // namespace fetafix::faults
