// activation-scale: the tensor that an operator reads has another scale than its bias was counted with.
//
// A bias is stored in steps of input scale times weight scale and says so. Where a damaged scale contradicts
// what all who read the tensor say, the claim gives the right one.
#include <algorithm>
#include <cmath>
#include <set>

#include "faults/counting.h"

namespace fetafix::faults {
namespace {

using graph::Node;
using graph::NodeId;
using graph::Role;
using graph::ValueId;

// The quantized values that an operator reads.
std::set<ValueId> quantized_operands(const graph::Graph& target, const graph::NativeOperator& op) {
  std::set<ValueId> out;
  for (const Node& node : target.nodes)
    if (node.native == op && node.role == Role::dequantize && !node.inputs.empty())
      out.insert(node.inputs[0]);
  return out;
}

bool all_agree(const Place& place, ValueId value, double factor) {
  const auto& readers = place.target_uses.consumers[static_cast<size_t>(value)];
  return std::all_of(readers.begin(), readers.end(), [&](const graph::Uses::Use& use) {
    const auto says = claimed_scale_factor(place.target, place.target.node(use.node).native);
    return !says || std::fabs(*says / factor - 1) < 1e-3;
  });
}

}  // namespace

std::vector<Candidate> activation_scale(const Place& place) {
  if (!place.segment || place.segment->target_nodes.empty()) return {};
  const graph::NativeOperator reader = place.target.node(place.segment->target_nodes.back()).native;
  const auto factor = claimed_scale_factor(place.target, reader);
  const auto operands = quantized_operands(place.target, reader);
  if (!factor || *factor == 1 || operands.size() != 1) return {};
  const ValueId value = *operands.begin();
  const NodeId producer = place.target_uses.producer[static_cast<size_t>(value)];
  if (producer < 0 || place.target.node(producer).role != Role::quantize ||
      place.target.node(producer).slots.size() < 2 || place.target.node(producer).slots[1] < 0 ||
      !all_agree(place, value, *factor))
    return {};
  const auto scale = static_cast<float>(*factor * static_cast<double>(place.target.value(value).step));
  Candidate out;
  out.pattern = "activation-scale";
  out.fault_class = "quantization";
  out.explanation = "the scale of this activation contradicts the biases of all that read it: it is " +
                    std::to_string(place.target.value(value).step) + ", they were counted with " +
                    std::to_string(scale);
  out.advice = "don't edit scales by themselves: the biases behind a tensor are counted with its scale";
  out.edits.push_back(graph::SetTensor{graph::address_of(place.target, producer),
                                       place.target.node(producer).slots[1], Tensor::scalar(scale)});
  return {out};
}

}  // namespace fetafix::faults
