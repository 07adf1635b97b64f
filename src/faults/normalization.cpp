// normalization-parameter: the source has folded a normalization that the target still has, and one parameter
// of it explains the whole difference. folded-tensor would write other weights in its stead.
#include <algorithm>
#include <array>
#include <cmath>

#include "faults/effective.h"
#include "faults/in_order.h"
#include "faults/normalizations.h"
#include "faults/stored.h"

namespace fetafix::faults {
namespace {

// Two right converters fold to within some units in the last place.
constexpr double folding = 4e-6;

struct Normalization {
  graph::NodeId node = -1;
  std::vector<double> gamma, beta, mean, variance;
  double epsilon = 0;
};

// The only BatchNormalization of the target's chain, where nothing else scales.
std::optional<Normalization> normalization(const Place& place, const Linear& target) {
  Normalization out;
  for (graph::NodeId id : place.segment->target_nodes) {
    const graph::Node& node = place.target.node(id);
    if (node.type != "BatchNormalization") continue;
    if (out.node >= 0) return std::nullopt;
    out.node = id;
    std::array<std::vector<double>*, 4> into{&out.gamma, &out.beta, &out.mean, &out.variance};
    for (size_t i = 0; i < into.size(); ++i) {
      auto values = to_doubles(target_constants(place)(node.inputs[i + 1]));
      if (!values.ok()) return std::nullopt;
      *into[i] = std::move(*values);
    }
    out.epsilon = graph::attribute_or(node, "epsilon", 1e-5f);
  }
  if (out.node < 0 || out.gamma.size() != target.scale.size()) return std::nullopt;
  for (size_t c = 0; c < out.gamma.size(); ++c)
    if (std::fabs(out.gamma[c] / std::sqrt(out.variance[c] + out.epsilon) - target.scale[c]) >
        folding * std::fabs(target.scale[c]))
      return std::nullopt;
  return out;
}

// By what each channel of the target's own weights must be multiplied to be the source's kernel; nullopt:
// that is not all that differs.
std::optional<std::vector<double>> gains(const Linear& source, const Linear& target) {
  const Tensor kernel = source.kernel();
  if (kernel.shape() != target.weights.shape()) return std::nullopt;
  const auto wanted = kernel.as<float>(), have = target.weights.as<float>();
  size_t inner = 1;
  for (size_t d = static_cast<size_t>(target.channel_axis) + 1; d < kernel.shape().size(); ++d)
    inner *= static_cast<size_t>(kernel.shape()[d]);
  const size_t channels = target.scale.size();
  std::vector<double> cross(channels), square(channels), norm(channels), out(channels);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const size_t c = i / inner % channels;
    const double w = wanted[i], h = have[i];
    cross[c] += w * h;
    square[c] += h * h;
    norm[c] += w * w;
  }
  for (size_t c = 0; c < channels; ++c) {
    // A channel of zeros says nothing.
    if (square[c] == 0 && norm[c] == 0) {
      out[c] = target.scale[c];
      continue;
    }
    if (square[c] == 0) return std::nullopt;
    out[c] = cross[c] / square[c];
    const double rest = std::max(norm[c] - out[c] * cross[c], 0.0);
    if (std::sqrt(rest) > folding * 10 * std::sqrt(norm[c]) + 1e-30) return std::nullopt;
  }
  return out;
}

// What the chain adds when the normalization multiplies by `gain`.
std::vector<double> bias_at(const Linear& target, const Normalization& n, const std::vector<double>& gain) {
  std::vector<double> out(gain.size());
  for (size_t c = 0; c < out.size(); ++c)
    out[c] = ((target.core_bias.empty() ? 0 : target.core_bias[c]) - n.mean[c]) * gain[c] + n.beta[c];
  return out;
}

bool explains(const Linear& source, const Linear& target, const Normalization& n,
              const std::vector<double>& gain, const std::vector<double>& wanted) {
  return distance(gain, wanted) < folding && distance(bias_at(target, n, gain), source.bias()) < folding * 10;
}

std::optional<double> known_epsilon(const Linear& source, const Linear& target, const Normalization& n,
                                    const std::vector<double>& wanted) {
  return usual_epsilon(n.epsilon, [&](double epsilon) {
    std::vector<double> gain(n.gamma.size());
    for (size_t c = 0; c < gain.size(); ++c) gain[c] = n.gamma[c] / std::sqrt(n.variance[c] + epsilon);
    return explains(source, target, n, gain, wanted);
  });
}

}  // namespace

std::vector<Candidate> normalization_parameter(const Place& place) {
  if (!place.segment) return {};
  auto source = effective(place.source, place.segment->source_nodes, source_constants(place));
  const auto target = effective(place.target, place.segment->target_nodes, target_constants(place));
  if (!source || !target || source->scale.size() != target->scale.size() ||
      source->weights.shape() != target->weights.shape())
    return {};
  const bool folded = std::ranges::all_of(source->scale, [](double s) { return s == 1; });
  const auto n = normalization(place, *target);
  if (!folded || !n) return {};
  source = in_target_order(place, target->core, std::move(*source));
  const auto wanted = gains(*source, *target);
  if (!wanted || distance(*wanted, target->scale) < folding) return {};
  if (const auto epsilon = known_epsilon(*source, *target, *n, *wanted))
    return {other_epsilon(place, n->node, n->epsilon, *epsilon)};
  if (!explains(*source, *target, *n, *wanted, *wanted)) return {};
  const auto stored = stored_operand(place, n->node, 1);
  if (!stored || stored->now.size() != static_cast<int64_t>(wanted->size())) return {};
  std::vector<float> gamma(wanted->size());
  for (size_t c = 0; c < gamma.size(); ++c)
    gamma[c] = static_cast<float>((*wanted)[c] * std::sqrt(n->variance[c] + n->epsilon));
  Candidate out = other_parameters("normalization-scale",
                                   "this normalization scales channels by other factors than the source, "
                                   "which has it folded into its weights");
  out.edits.push_back(set_stored(*stored, Tensor::of(gamma, stored->now.shape())));
  return {out};
}

}  // namespace fetafix::faults
