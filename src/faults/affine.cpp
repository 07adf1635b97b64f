// affine: a normalization that stands by itself, or the Mul and Add that it comes down to, scales or shifts
// channels by other numbers than the source's. Both sides are brought to y = scale * x + shift, and what
// differs is mapped back onto the parameter that the target has.
#include <cmath>

#include "faults/in_order.h"
#include "faults/normalizations.h"
#include "faults/stored.h"

namespace fetafix::faults {
namespace {

// Two right converters multiply out to within some units in the last place; a shift that nearly cancels,
// more.
constexpr double same_scale = 4e-6, same_shift = 4e-5;

using Numbers = std::vector<double>;

struct Parameters {
  Numbers mean, variance;  // of a Mul and Add: 0 and 1
  double epsilon = 0;
};

std::optional<Parameters> parameters(const Place& place, const Linear& target) {
  const graph::Node& node = place.target.node(target.scale_node);
  if (node.type != "BatchNormalization")
    return Parameters{Numbers(target.scale.size(), 0), Numbers(target.scale.size(), 1), 0};
  auto mean = to_doubles(target_constants(place)(node.inputs[3])),
       variance = to_doubles(target_constants(place)(node.inputs[4]));
  if (!mean.ok() || !variance.ok()) return std::nullopt;
  return Parameters{std::move(*mean), std::move(*variance), graph::attribute_or(node, "epsilon", 1e-5f)};
}

// The source's list in the order that the target's channels have at the node.
Numbers in_order(const Place& place, graph::NodeId node, const Numbers& list) {
  std::vector<float> floats(list.begin(), list.end());
  const Tensor ordered = in_target_order(place, node, 1, Tensor::vector(floats));
  const auto values = ordered.as<float>();
  return {values.begin(), values.end()};
}

// The epsilon with which the target's own gamma scales as the source does.
std::optional<double> epsilon_for(const Linear& target, const Parameters& p, const Numbers& wanted) {
  return usual_epsilon(p.epsilon, [&](double epsilon) {
    Numbers scale = target.scale;
    for (size_t c = 0; c < scale.size(); ++c)
      scale[c] *= std::sqrt((p.variance[c] + p.epsilon) / (p.variance[c] + epsilon));
    return distance(scale, wanted) < same_scale;
  });
}

size_t operand_that(const Place& place, graph::NodeId id, size_t of_normalization) {
  const graph::Node& node = place.target.node(id);
  if (node.type == "BatchNormalization") return of_normalization;
  return target_constants(place)(node.inputs[1]).empty() ? 0 : 1;
}

std::optional<graph::Edit> set_list(const Place& place, graph::NodeId node, size_t of_normalization,
                                    const Numbers& list) {
  const auto stored = stored_operand(place, node, operand_that(place, node, of_normalization));
  if (!stored || stored->now.size() != static_cast<int64_t>(list.size())) return std::nullopt;
  return set_stored(*stored, Tensor::of(std::vector<float>(list.begin(), list.end()), stored->now.shape()));
}

// What the target shifts by when its scale has become the source's.
Numbers shift_then(const Linear& target, const Parameters& p, const Numbers& scale) {
  Numbers out = target.shift;
  for (size_t c = 0; c < out.size(); ++c) out[c] += p.mean[c] * (target.scale[c] - scale[c]);
  return out;
}

}  // namespace

std::vector<Candidate> affine_parameter(const Place& place) {
  if (!place.segment) return {};
  const auto source = affine(place.source, place.segment->source_nodes, source_constants(place));
  const auto target = affine(place.target, place.segment->target_nodes, target_constants(place));
  if (!source || !target || source->scale.size() != target->scale.size() || target->scale_node < 0) return {};
  // With more behind a normalization, what belongs into which can't be told.
  const bool whole = place.target.node(target->scale_node).type == "BatchNormalization";
  if (whole && target->shift_node != target->scale_node) return {};
  const auto p = parameters(place, *target);
  if (!p) return {};
  const Numbers scale = in_order(place, target->scale_node, source->scale),
                shift = in_order(place, target->scale_node, source->shift);
  const bool scale_differs = distance(scale, target->scale) > same_scale;
  const Numbers left = shift_then(*target, *p, scale_differs ? scale : target->scale);
  const bool shift_differs = distance(shift, left) > same_shift;
  if (scale_differs && !shift_differs && p->epsilon > 0)
    if (const auto epsilon = epsilon_for(*target, *p, scale))
      return {other_epsilon(place, target->scale_node, p->epsilon, *epsilon)};
  const std::string does = scale_differs && shift_differs ? "scales and shifts"
                           : scale_differs                ? "scales"
                                                          : "shifts";
  Candidate out = other_parameters(scale_differs ? "normalization-scale" : "normalization-shift",
                                   "this operator " + does + " channels by other numbers than the source's");
  std::vector<std::optional<graph::Edit>> edits;
  Numbers list(scale.size());
  for (size_t c = 0; c < list.size(); ++c) list[c] = scale[c] * std::sqrt(p->variance[c] + p->epsilon);
  if (scale_differs) edits.push_back(set_list(place, target->scale_node, 1, list));
  for (size_t c = 0; c < list.size(); ++c) list[c] = shift[c] + p->mean[c] * scale[c];
  if (shift_differs)
    edits.push_back(target->shift_node < 0 ? std::nullopt : set_list(place, target->shift_node, 2, list));
  for (auto& edit : edits) {
    if (!edit) return {};
    out.edits.push_back(std::move(*edit));
  }
  return out.edits.empty() ? std::vector<Candidate>{} : std::vector<Candidate>{out};
}

}  // namespace fetafix::faults
