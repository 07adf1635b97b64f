// activation-zero-point: the range of a quantized type is exactly as wide as the function before it can
// reach, and lies beside it: its zero point was moved. Nothing else tells, for all who read the tensor count
// alike.
#include <cmath>

#include "faults/counting.h"

namespace fetafix::faults {
namespace {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

struct Range {
  double low, high;
};

std::optional<Range> range_of(const graph::Graph& graph, const Node& clip) {
  if (clip.type != "Clip" || clip.inputs.size() < 3) return std::nullopt;
  double bounds[2];
  for (size_t i : {size_t{1}, size_t{2}}) {
    if (clip.inputs[i] == graph::no_value) return std::nullopt;
    const Tensor& bound = graph.value(clip.inputs[i]).constant;
    if (bound.dtype() != DType::float32 || bound.size() != 1) return std::nullopt;
    bounds[i - 1] = static_cast<double>(bound.as<float>()[0]);
  }
  return Range{bounds[0], bounds[1]};
}

// The Clip whose result is quantized, behind changes of layout.
const Node* function_before(const Place& place, const Node& quantizer) {
  const NodeId producer =
      place.target_uses.producer[static_cast<size_t>(before_bridges(place, quantizer.inputs[0]))];
  return producer < 0 ? nullptr : &place.target.node(producer);
}

}  // namespace

std::vector<Candidate> activation_zero_point(const Place& place) {
  if (!place.segment || place.segment->target_nodes.empty()) return {};
  const NodeId id = place.segment->target_nodes.back();
  const Node& quantizer = place.target.node(id);
  const graph::Value& value = place.target.value(quantizer.outputs[0]);
  if (!is_quantized(place, quantizer.outputs[0]) || quantizer.slots.size() < 3 || quantizer.slots[2] < 0)
    return {};
  const Node* function = function_before(place, quantizer);
  const auto holds = range_of(place.target, quantizer);
  const auto reaches = function ? range_of(place.target, *function) : std::nullopt;
  if (!holds || !reaches || function->role == graph::Role::quantize) return {};
  const double step = static_cast<double>(value.step), shift = (reaches->low - holds->low) / step;
  const double width = (holds->high - holds->low) / (reaches->high - reaches->low);
  if (!(std::fabs(width - 1) < 1e-4) || !(std::fabs(shift) > 0.5)) return {};
  const double lowest = value.stored == DType::int8 ? -128 : value.stored == DType::int16 ? -32768 : 0;
  const auto zero = cast(Tensor::scalar<int64_t>(std::llrint(lowest - reaches->low / step)), value.stored);
  if (!zero.ok()) return {};
  Candidate out;
  out.pattern = "activation-zero-point";
  out.fault_class = "quantization";
  out.explanation =
      "the numbers that this tensor can hold are as many as the activation function before it needs, but " +
      std::to_string(std::llrint(std::fabs(shift))) + " of them lie beside its range";
  out.advice = "don't edit zero points by themselves";
  out.edits.push_back(graph::SetTensor{graph::address_of(place.target, id), quantizer.slots[2], *zero});
  return {out};
}

}  // namespace fetafix::faults
