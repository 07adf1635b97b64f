// folded-tensor: weights or bias of a linear operator differ from the source's in effective form.
// The source may have BatchNormalization where the target folded it, or the reverse: the effective kernel
// and bias of both sides are compared, and what differs is mapped back onto the target's own parameters.
#include <algorithm>
#include <cmath>

#include "faults/effective.h"

namespace fetafix::faults {
namespace {

// Two right converters fold to within some units in the last place; real damage is far above.
constexpr double same_kernel = 1e-6;

Tensor to_tensor(const std::vector<double>& values, const Shape& shape) {
  std::vector<float> out(values.size());
  std::transform(values.begin(), values.end(), out.begin(), [](double v) { return static_cast<float>(v); });
  return Tensor::of(out, shape);
}

// The slot of a node's operand in the native file; -1 when it has none.
int slot_of(const graph::Node& node, size_t input) {
  return input < node.slots.size() ? node.slots[input] : -1;
}

// How far apart per channel, relative to the whole tensor.
double kernel_distance(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return 1e9;
  return compare::relative_l2(a.as<float>(), b.as<float>());
}

std::optional<graph::Edit> weights_edit(const Place& place, const Linear& source, const Linear& target) {
  const graph::Node& core = place.target.node(target.core);
  Tensor wanted = source.kernel();
  Linear inverse = source;
  inverse.weights = wanted;
  for (size_t c = 0; c < target.scale.size(); ++c) inverse.scale[c] = 1 / target.scale[c];
  if (std::any_of(inverse.scale.begin(), inverse.scale.end(), [](double v) { return !std::isfinite(v); }))
    return {};
  // Where both sides have the same scale the source's own weights are exact; dividing would round.
  const bool same_scale = distance(source.scale, target.scale) == 0;
  Tensor value = same_scale ? source.weights : inverse.kernel();
  int slot = slot_of(core, 1);
  graph::Address at = graph::address_of(place.target, target.core);
  if (slot < 0) {  // weights behind a Transpose of the canonical form: the edit is for its operand
    const graph::NodeId producer = place.target_uses.producer[static_cast<size_t>(core.inputs[1])];
    if (producer < 0 || place.target.node(producer).type != "Transpose" || value.rank() != 2) return {};
    slot = slot_of(place.target.node(producer), 0);
    value = transpose(value, std::vector<int>{1, 0});
  }
  return graph::SetTensor{at, slot, std::move(value)};
}

std::optional<graph::Edit> bias_edit(const Place& place, const Linear& source, const Linear& target) {
  const auto wanted = source.bias(), have = target.bias();
  const graph::Node& core = place.target.node(target.core);
  std::vector<double> value(wanted.size());
  if (!target.core_bias.empty() || (target.shift_node < 0 && core.type != "MatMul")) {
    for (size_t c = 0; c < value.size(); ++c) value[c] = (wanted[c] - target.shift[c]) / target.scale[c];
    return graph::SetTensor{graph::address_of(place.target, target.core), 2,
                            to_tensor(value, {static_cast<int64_t>(value.size())})};
  }
  if (target.shift_node < 0) return {};
  const graph::Node& node = place.target.node(target.shift_node);
  const size_t input = node.type == "BatchNormalization"                  ? 2
                       : place.target.value(node.inputs[1]).is_constant() ? 1
                                                                          : 0;
  const graph::Value& operand = place.target.value(node.inputs[input]);
  auto now = to_doubles(operand.constant);
  if (!operand.is_constant() || !now.ok() || now->size() != value.size() || slot_of(node, input) < 0)
    return {};
  for (size_t c = 0; c < value.size(); ++c) value[c] = (*now)[c] + wanted[c] - have[c];
  return graph::SetTensor{graph::address_of(place.target, target.shift_node), slot_of(node, input),
                          to_tensor(value, operand.constant.shape())};
}

}  // namespace

std::vector<Candidate> folded_tensor(const Place& place) {
  if (!place.segment) return {};
  const auto source = effective(place.source, place.segment->source_nodes, source_constants(place));
  const auto target = effective(place.target, place.segment->target_nodes, target_constants(place));
  if (!source || !target || source->scale.size() != target->scale.size()) return {};
  if (source->weights.shape() != target->weights.shape()) return {};
  const bool weights_differ = kernel_distance(source->kernel(), target->kernel()) > same_kernel;
  const bool bias_differs = distance(source->bias(), target->bias()) > same_kernel;
  if (!weights_differ && !bias_differs) return {};
  Candidate out;
  out.pattern = weights_differ && bias_differs ? "weights-and-bias" : weights_differ ? "weights" : "bias";
  out.fault_class = "parameters";
  const std::string what = weights_differ && bias_differs ? "weights and bias are"
                           : weights_differ               ? "weights are"
                                                          : "bias is";
  out.explanation = "the " + what + " not the source's (compared after folding normalization on both sides)";
  out.advice =
      "compare the file's weights with the source right after converting; convert again if the file was "
      "edited";
  if (weights_differ) {
    auto edit = weights_edit(place, *source, *target);
    if (!edit) return {};
    out.edits.push_back(std::move(*edit));
  }
  if (bias_differs) {
    auto edit = bias_edit(place, *source, *target);
    if (!edit) return {};
    out.edits.push_back(std::move(*edit));
  }
  return {out};
}

}  // namespace fetafix::faults
