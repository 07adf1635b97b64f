#include "faults/stored.h"

#include <algorithm>
#include <cmath>

#include "align/half_steps.h"
#include "faults/effective.h"

namespace fetafix::faults {

using graph::Node;
using graph::NodeId;

namespace {

// In half steps: to the nearest number (scales are rounded too), and as far as a quantizer goes that cuts
// instead of rounding, or clips at the end of its range.
constexpr double nearest = 1.02, whole_step = 2;
constexpr double careless_share = 0.05;  // of the numbers that may not be the nearest

int slot_of(const Node& node, size_t input) {
  return input < node.slots.size() ? node.slots[input] : -1;
}

}  // namespace

std::optional<Stored> stored_operand(const Place& place, NodeId id, size_t input) {
  const Node& node = place.target.node(id);
  if (input >= node.inputs.size() || node.inputs[input] == graph::no_value) return std::nullopt;
  if (node.role == graph::Role::quantize) return std::nullopt;  // its bounds follow from a scale
  Stored out;
  out.at = graph::address_of(place.target, id);
  out.now = target_constants(place)(node.inputs[input]);
  if (out.now.dtype() != DType::float32) return std::nullopt;
  out.half_step = place.half_steps.of(node.inputs[input], out.now.shape());
  out.slot = slot_of(node, input);
  graph::ValueId value = node.inputs[input];
  for (int hops = 0; hops < 3 && !place.target.value(value).is_constant(); ++hops) {
    const NodeId producer = place.target_uses.producer[static_cast<size_t>(value)];
    if (producer < 0) return std::nullopt;
    const Node& maker = place.target.node(producer);
    if (maker.type == "Transpose" && out.permutation.empty()) {  // of the canonical form, or a bridge
      const auto order = graph::attribute_or(maker, "perm", std::vector<int64_t>{});
      if (order.size() != out.now.shape().size()) return std::nullopt;
      out.permutation.assign(order.begin(), order.end());
    } else if (maker.type != "DequantizeLinear" && maker.type != "Cast" && maker.type != "Identity") {
      return std::nullopt;
    }
    if (out.slot < 0 && maker.native == node.native) out.slot = slot_of(maker, 0);
    value = maker.inputs[0];
  }
  if (!place.target.value(value).is_constant() || out.slot < 0) return std::nullopt;
  return out;
}

bool holds(const Stored& stored, const Tensor& wanted, double slack) {
  if (wanted.dtype() != DType::float32 || wanted.size() != stored.now.size()) return false;
  const auto have = stored.now.as<float>(), want = wanted.as<float>();
  double largest = 0;
  for (float v : want) largest = std::max(largest, std::fabs(static_cast<double>(v)));
  const bool rounded = !stored.half_step.empty() && stored.half_step.size() == wanted.size();
  size_t beyond = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double half = rounded ? static_cast<double>(stored.half_step.as<float>()[i]) : 0;
    const double error = std::fabs(static_cast<double>(want[i]) - static_cast<double>(have[i]));
    if (!(error <= whole_step * half + slack * largest)) return false;
    beyond += error > nearest * half + slack * largest;
  }
  return static_cast<double>(beyond) <= careless_share * static_cast<double>(want.size());
}

graph::Edit set_stored(const Stored& stored, const Tensor& wanted) {
  Tensor value = wanted;
  if (!stored.permutation.empty()) value = transpose(wanted, inverse_permutation(stored.permutation));
  return graph::SetTensor{stored.at, stored.slot, std::move(value)};
}

}  // namespace fetafix::faults
