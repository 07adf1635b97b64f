#include "align/bias_claim.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fetafix::align {

using graph::Graph;
using graph::Node;
using graph::Role;
using graph::ValueId;

namespace {

// The step of a bias: of the DequantizeLinear that unpacks it, or what a wider one is multiplied with.
ValueId step_of(const Node& node) {
  const bool unpacks = node.role == Role::bias && (node.type == "DequantizeLinear" || node.type == "Mul");
  return unpacks && node.inputs.size() > 1 ? node.inputs[1] : graph::no_value;
}

}  // namespace

BiasClaim bias_claim(const Graph& graph, const Node& node) {
  constexpr double rounding = 1e-3;  // scales are products of rounded numbers
  const ValueId step = step_of(node);
  if (step == graph::no_value || !graph.value(step).is_constant()) return {};
  // The claim stands right behind the step that the lift has derived.
  const ValueId claimed = step + 1;
  if (static_cast<size_t>(claimed) >= graph.values.size() || !graph.value(claimed).lens ||
      graph.value(claimed).lens->attribute != "claimed_scale")
    return {};
  const Tensor &derived = graph.value(step).constant, &says = graph.value(claimed).constant;
  if (derived.dtype() != DType::float32 || says.dtype() != DType::float32 || says.size() != derived.size())
    return {};
  double lowest = std::numeric_limits<double>::max(), highest = 0;
  for (size_t i = 0; i < says.as<float>().size(); ++i) {
    const double factor =
        static_cast<double>(says.as<float>()[i]) / static_cast<double>(derived.as<float>()[i]);
    if (!(factor > 0) || !std::isfinite(factor)) return {};
    lowest = std::min(lowest, factor);
    highest = std::max(highest, factor);
  }
  const bool same = lowest > 1 - rounding && highest < 1 + rounding;
  if (!same && highest > lowest * (1 + rounding)) return {};
  return {step, claimed, same ? 1 : std::sqrt(lowest * highest)};
}

}  // namespace fetafix::align
