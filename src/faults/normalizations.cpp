#include "faults/normalizations.h"

#include <array>
#include <cmath>

namespace fetafix::faults {
namespace {

constexpr std::array usual{1e-3, 1e-5, 1e-6, 1e-4, 1e-2, 2e-5, 1e-7, 1e-8, 1e-12};

}  // namespace

std::optional<double> usual_epsilon(double now, const std::function<bool(double epsilon)>& explains) {
  for (double epsilon : usual)
    if (std::fabs(epsilon - now) >= 1e-3 * epsilon && explains(epsilon)) return epsilon;
  return std::nullopt;
}

Candidate other_parameters(std::string pattern, std::string explanation) {
  Candidate out;
  out.pattern = std::move(pattern);
  out.fault_class = "parameters";
  out.explanation = std::move(explanation);
  out.advice = "compare the normalization's parameters with the source's right after converting";
  return out;
}

Candidate other_epsilon(const Place& place, graph::NodeId node, double now, double wanted) {
  const auto text = [](double value) { return graph::to_text(graph::Attribute(static_cast<float>(value))); };
  Candidate out = other_parameters("epsilon", "the epsilon of this normalization is " + text(now) +
                                                  "; the source's numbers are those of " + text(wanted));
  out.fault_class = "hyperparameters";
  out.edits.push_back(
      graph::SetAttribute{graph::address_of(place.target, node), "epsilon", static_cast<float>(wanted)});
  return out;
}

}  // namespace fetafix::faults
