#include "pipeline/certainty.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fetafix::pipeline {
namespace {

constexpr size_t fewest_samples = 6;
// Of the mean difference. A wrong crop makes answers more certain by 3 on eight photographs.
constexpr double standard_errors = 3.5;

// Scores that are no probabilities yet go through a softmax. Empty: no classifier.
std::vector<double> probabilities(const Outputs& outputs) {
  const auto values = scores(outputs);
  std::vector<double> out(values.begin(), values.end());
  const bool finite = std::ranges::all_of(values, [](float v) { return std::isfinite(v); });
  if (out.size() < 2 || !finite) return {};
  if (are_probabilities(values)) return out;
  const double top = std::ranges::max(out);
  for (double& v : out) v = std::exp(v - top);
  const double total = std::accumulate(out.begin(), out.end(), 0.0);
  for (double& v : out) v /= total;
  return out;
}

// How much each sample's answer tells: its divergence from the mean answer, in nats. Empty: no classifier.
std::vector<double> information(const std::vector<Outputs>& outputs) {
  std::vector<std::vector<double>> each;
  std::vector<double> mean;
  for (const Outputs& one : outputs) {
    each.push_back(probabilities(one));
    if (each.back().empty() || each.back().size() != each.front().size()) return {};
    mean.resize(each.back().size());
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += each.back()[i] / static_cast<double>(outputs.size());
  }
  std::vector<double> out;
  for (const auto& p : each) {
    double divergence = 0;
    for (size_t i = 0; i < p.size(); ++i)
      if (p[i] > 0) divergence += p[i] * std::log(p[i] / mean[i]);
    out.push_back(divergence);
  }
  return out;
}

}  // namespace

bool is_more_certain(const std::vector<Outputs>& a, const std::vector<Outputs>& b) {
  const auto x = information(a), y = information(b);
  const auto n = static_cast<double>(x.size());
  if (x.size() < fewest_samples || x.size() != y.size()) return false;
  double mean = 0, square = 0;
  for (size_t i = 0; i < x.size(); ++i) mean += (x[i] - y[i]) / n;
  for (size_t i = 0; i < x.size(); ++i) square += (x[i] - y[i] - mean) * (x[i] - y[i] - mean);
  const double standard_error = std::sqrt(square / (n - 1) / n);
  return mean > standard_errors * standard_error;
}

}  // namespace fetafix::pipeline
