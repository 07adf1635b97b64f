// epsilon: what keeps a normalization from dividing by zero is not the source's, and one side writes the
// normalization as several operators.
#include <algorithm>
#include <cmath>
#include <optional>

#include "faults/effective.h"
#include "faults/stored.h"

namespace fetafix::faults {
namespace {

constexpr double largest = 1;      // that is added to a variance
constexpr double rounding = 1e-3;  // relative: a file may hold it in fewer digits

struct Epsilon {
  graph::NodeId node;
  int input = -1;  // the operand that holds it; -1: an attribute
  double value;
};

bool normalizes(const graph::Node& node) {
  return node.type == "InstanceNormalization" || node.type == "LayerNormalization" ||
         node.type == "GroupNormalization" || node.type == "BatchNormalization";
}

// Whether a root is taken of what the node makes.
bool feeds_root(const graph::Graph& graph, const graph::Uses& uses, const graph::Node& node) {
  const auto& readers = uses.consumers[static_cast<size_t>(node.outputs[0])];
  return readers.size() == 1 &&
         (graph.node(readers[0].node).type == "Sqrt" || graph.node(readers[0].node).type == "Pow");
}

std::vector<Epsilon> epsilons(const graph::Graph& graph, const graph::Uses& uses,
                              std::span<const graph::NodeId> nodes, const ConstantLookup& constants) {
  std::vector<Epsilon> out;
  for (graph::NodeId id : nodes) {
    const graph::Node& node = graph.node(id);
    if (normalizes(node)) out.push_back({id, -1, graph::attribute_or(node, "epsilon", 1e-5f)});
    if (node.type != "Add" || node.inputs.size() != 2 || !feeds_root(graph, uses, node)) continue;
    for (int input : {0, 1}) {
      const Tensor constant = constants(node.inputs[static_cast<size_t>(input)]);
      if (constant.size() != 1 || constant.dtype() != DType::float32) continue;
      const double value = constant.as<float>()[0];
      if (value > 0 && value <= largest) out.push_back({id, input, value});
    }
  }
  return out;
}

std::optional<graph::Edit> made(const Place& place, const Epsilon& now, double wanted) {
  if (now.input < 0)
    return graph::SetAttribute{graph::address_of(place.target, now.node), "epsilon",
                               static_cast<float>(wanted)};
  const auto stored = stored_operand(place, now.node, static_cast<size_t>(now.input));
  if (!stored) return std::nullopt;
  return set_stored(*stored, Tensor::scalar(static_cast<float>(wanted)).reshaped(stored->now.shape()));
}

}  // namespace

std::vector<Candidate> epsilon(const Place& place) {
  if (!place.segment) return {};
  const auto source =
      epsilons(place.source, place.values.uses(), place.segment->source_nodes, source_constants(place));
  const auto target =
      epsilons(place.target, place.target_uses, place.segment->target_nodes, target_constants(place));
  if (source.size() != target.size()) return {};
  Candidate out;
  for (size_t i = 0; i < source.size(); ++i) {
    if (std::fabs(source[i].value - target[i].value) <= rounding * source[i].value) continue;
    auto edit = made(place, target[i], source[i].value);
    if (!edit) return {};
    out.edits.push_back(std::move(*edit));
    out.explanation = "the epsilon of this normalization is " +
                      graph::to_text(graph::Attribute(static_cast<float>(target[i].value))) +
                      " where the source has " +
                      graph::to_text(graph::Attribute(static_cast<float>(source[i].value)));
  }
  if (out.edits.empty()) return {};
  out.pattern = "epsilon";
  out.fault_class = "hyperparameters";
  out.advice = "frameworks have other defaults: set epsilon explicitly in the source model";
  return {out};
}

}  // namespace fetafix::faults
