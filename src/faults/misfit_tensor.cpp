// misfit-tensor: stored numbers of a linear operator have a size that can't go with what it reads or writes,
// so that it does not run. Where the source has folded or unfolded a normalization, its effective form is
// what belongs there.
#include <algorithm>

#include "faults/effective.h"
#include "faults/in_order.h"
#include "faults/node_pairs.h"
#include "faults/stored.h"

namespace fetafix::faults {
namespace {

using graph::NodeId;

// The target's operator that the source's linear core must be: the only one of its type.
NodeId counterpart_of_core(const Place& place, const std::string& type) {
  NodeId out = -1;
  for (NodeId id : place.segment->target_nodes) {
    if (place.target.node(id).type != type) continue;
    if (out >= 0) return -1;
    out = id;
  }
  return out;
}

// The operand that holds the core's bias: its own, or that of the Add behind it which belongs to the same
// native operator.
std::optional<Stored> stored_bias(const Place& place, NodeId core) {
  if (auto own = stored_operand(place, core, 2)) return own;
  for (NodeId id : place.segment->target_nodes) {
    const graph::Node& node = place.target.node(id);
    if (node.type != "Add" || node.native != place.target.node(core).native) continue;
    for (size_t input : {size_t{1}, size_t{0}})
      if (auto stored = stored_operand(place, id, input)) return stored;
  }
  return std::nullopt;
}

Candidate made(std::vector<graph::Edit> edits, const std::string& what) {
  Candidate out;
  out.edits = std::move(edits);
  out.pattern = "misfit-tensor";
  out.fault_class = "tensor-structure";
  out.explanation = "the " + what + " a shape that does not go with what the operator reads";
  out.advice = "check the converter's layout options for this operator";
  return out;
}

// Operands of operators that stand alone on both sides.
std::vector<Candidate> misfit_operands(const Place& place) {
  std::vector<graph::Edit> edits;
  for (const NodePair& pair : pairs_by_type(place)) {
    const graph::Node& source = place.source.node(pair.source);
    const graph::Node& target = place.target.node(pair.target);
    for (size_t i = 0; i < std::min(source.inputs.size(), target.inputs.size()); ++i) {
      const auto stored = stored_operand(place, pair.target, i);
      if (!stored || source.inputs[i] == graph::no_value) continue;
      const Tensor wanted = source_constants(place)(source.inputs[i]);
      if (wanted.dtype() == DType::float32 && wanted.size() != stored->now.size())
        edits.push_back(set_stored(*stored, in_target_order(place, pair.target, i, wanted)));
    }
  }
  if (edits.empty()) return {};
  return {made(std::move(edits), "stored numbers have")};
}

}  // namespace

std::vector<Candidate> misfit_tensor(const Place& place) {
  if (!place.segment) return {};
  auto source = effective(place.source, place.segment->source_nodes, source_constants(place));
  if (!source) return misfit_operands(place);
  const NodeId core = counterpart_of_core(place, place.source.node(source->core).type);
  const bool normalized =
      std::any_of(place.segment->target_nodes.begin(), place.segment->target_nodes.end(),
                  [&](NodeId id) { return place.target.node(id).type == "BatchNormalization"; });
  if (core < 0 || normalized) return misfit_operands(place);
  const auto weights = stored_operand(place, core, 1);
  if (!weights) return {};
  const bool misfit = weights->now.shape() != source->weights.shape();
  source = in_target_order(place, core, std::move(*source));
  const auto wanted_bias = source->bias();
  std::vector<graph::Edit> edits;
  if (misfit) edits.push_back(set_stored(*weights, source->kernel()));
  if (const auto bias = stored_bias(place, core);
      bias && static_cast<size_t>(bias->now.size()) != wanted_bias.size()) {
    std::vector<float> numbers(wanted_bias.begin(), wanted_bias.end());
    Shape shape = bias->now.shape();
    for (int64_t& dim : shape)
      if (dim == bias->now.size()) dim = static_cast<int64_t>(numbers.size());
    if (element_count(shape) == static_cast<int64_t>(numbers.size()))
      edits.push_back(set_stored(*bias, Tensor::of(numbers, shape)));
  }
  if (edits.empty()) return {};
  const std::string what = misfit && edits.size() > 1 ? "weights and bias have"
                           : misfit                   ? "weights have"
                                                      : "bias has";
  return {made(std::move(edits), what)};
}

}  // namespace fetafix::faults
