// folded-tensor: weights or bias of a linear operator differ from the source's in effective form.
// The source may have BatchNormalization where the target folded it, or the reverse: the effective kernel
// and bias of both sides are compared, and what differs is mapped back onto the target's own parameters.
#include <algorithm>
#include <cmath>

#include "faults/in_order.h"
#include "faults/stored.h"

namespace fetafix::faults {
namespace {

// Two right converters fold to within some units in the last place; real damage is far above.
constexpr double same_kernel = 1e-6;
// ... and a folded bias to some more, where it nearly cancels.
constexpr double folding = 4e-6;

Tensor to_tensor(const std::vector<double>& values, const Shape& shape) {
  std::vector<float> out(values.size());
  std::transform(values.begin(), values.end(), out.begin(), [](double v) { return static_cast<float>(v); });
  return Tensor::of(out, shape);
}

// How far apart per channel, relative to the whole tensor.
double kernel_distance(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return 1e9;
  return compare::relative_l2(a.as<float>(), b.as<float>());
}

size_t constant_operand(const Place& place, const graph::Node& node) {
  return !target_constants(place)(node.inputs[1]).empty() ? 1 : 0;
}

// A parameter of the target and what it must be for the effective forms to agree.
struct Wanted {
  Stored stored;
  Tensor value;
  bool differs(bool in_full) const {
    return stored.half_step.empty() ? in_full : !holds(stored, value, folding);
  }
};

std::optional<Wanted> weights(const Place& place, const Linear& source, const Linear& target) {
  auto stored = stored_operand(place, target.core, 1);
  if (!stored) return std::nullopt;
  Linear inverse = source;
  inverse.weights = source.kernel();
  for (size_t c = 0; c < target.scale.size(); ++c) inverse.scale[c] = 1 / target.scale[c];
  if (std::any_of(inverse.scale.begin(), inverse.scale.end(), [](double v) { return !std::isfinite(v); }))
    return std::nullopt;
  // Where both sides have the same scale the source's own weights are exact; dividing would round.
  const bool same_scale = distance(source.scale, target.scale) == 0;
  return Wanted{std::move(*stored), same_scale ? source.weights : inverse.kernel()};
}

// The parameter that can take a change of the bias: the core's own, or a constant behind it.
std::optional<Wanted> bias(const Place& place, const Linear& source, const Linear& target) {
  const auto wanted = source.bias(), have = target.bias();
  const graph::Node& core = place.target.node(target.core);
  std::vector<double> value(wanted.size());
  if (!target.core_bias.empty() || (target.shift_node < 0 && core.type != "MatMul")) {
    for (size_t c = 0; c < value.size(); ++c) value[c] = (wanted[c] - target.shift[c]) / target.scale[c];
    const Tensor tensor = to_tensor(value, {static_cast<int64_t>(value.size())});
    if (auto stored = stored_operand(place, target.core, 2)) return Wanted{std::move(*stored), tensor};
    return Wanted{{graph::address_of(place.target, target.core), 2, {}, {}, {}}, tensor};  // it has none yet
  }
  if (target.shift_node < 0) return std::nullopt;
  const graph::Node& node = place.target.node(target.shift_node);
  const size_t input = node.type == "BatchNormalization" ? 2 : constant_operand(place, node);
  auto stored = stored_operand(place, target.shift_node, input);
  if (!stored || stored->now.size() != static_cast<int64_t>(value.size())) return std::nullopt;
  const auto now = stored->now.as<float>();
  for (size_t c = 0; c < value.size(); ++c) value[c] = static_cast<double>(now[c]) + wanted[c] - have[c];
  Tensor tensor = to_tensor(value, stored->now.shape());
  return Wanted{std::move(*stored), std::move(tensor)};
}

bool is_right(const align::Segment& segment) {
  return segment.state == align::State::exact || segment.state == align::State::rewrite;
}

// Where the target scales behind its core, in numbers that are rounded too, what its weights should be can't
// be told to a step.
bool scales_by_itself(const Linear& target) {
  return std::any_of(target.scale.begin(), target.scale.end(), [](double s) { return s != 1; });
}

}  // namespace

std::vector<Candidate> folded_tensor(const Place& place) {
  if (!place.segment) return {};
  auto source = effective(place.source, place.segment->source_nodes, source_constants(place));
  const auto target = effective(place.target, place.segment->target_nodes, target_constants(place));
  if (!source || !target || source->scale.size() != target->scale.size()) return {};
  if (source->weights.shape() != target->weights.shape()) return {};
  if (is_right(*place.segment) && place.half_steps.any() && scales_by_itself(*target)) return {};
  source = in_target_order(place, target->core, std::move(*source));
  const auto new_weights = weights(place, *source, *target), new_bias = bias(place, *source, *target);
  const bool kernels = kernel_distance(source->kernel(), target->kernel()) > same_kernel;
  const bool biases = distance(source->bias(), target->bias()) > same_kernel;
  const bool weights_differ = new_weights ? new_weights->differs(kernels) : kernels;
  const bool bias_differs = new_bias ? new_bias->differs(biases) : biases;
  if ((weights_differ && !new_weights) || (bias_differs && !new_bias)) return {};
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
  if (weights_differ) out.edits.push_back(set_stored(new_weights->stored, new_weights->value));
  if (bias_differs) out.edits.push_back(set_stored(new_bias->stored, new_bias->value));
  return {out};
}

}  // namespace fetafix::faults
