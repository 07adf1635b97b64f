#include "compare/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fetafix::compare {

double relative_l2(std::span<const float> expected, std::span<const float> actual) {
  double difference = 0, e2 = 0, a2 = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double e = expected[i], a = actual[i];
    difference += (a - e) * (a - e);
    e2 += e * e;
    a2 += a * a;
  }
  if (!std::isfinite(difference)) return std::numeric_limits<double>::infinity();
  const double scale = std::sqrt(std::max(e2, a2));
  return scale > 0 ? std::sqrt(difference) / scale : 0;
}

double max_absolute_error(std::span<const float> expected, std::span<const float> actual) {
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (actual[i] == expected[i] || (std::isnan(actual[i]) && std::isnan(expected[i])))
      continue;  // infinities too
    const double error = std::fabs(static_cast<double>(actual[i]) - expected[i]);
    if (std::isnan(error)) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, error);
  }
  return largest;
}

double max_relative_error(std::span<const float> expected, std::span<const float> actual) {
  double scale = 0;
  for (float e : expected) scale = std::max(scale, std::fabs(static_cast<double>(e)));
  const double error = max_absolute_error(expected, actual);
  return error == 0 ? 0 : scale > 0 ? error / scale : std::numeric_limits<double>::infinity();
}

void ToleranceRatio::take_worse(const ToleranceRatio& other) {
  largest = std::max(largest, other.largest);
  fraction_above = std::max(fraction_above, other.fraction_above);
  fraction_far = std::max(fraction_far, other.fraction_far);
}

ToleranceRatio tolerance_ratio(std::span<const float> expected, std::span<const float> actual,
                               std::span<const float> tolerance) {
  ToleranceRatio out;
  size_t above = 0, far = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (expected[i] == actual[i] || (std::isnan(expected[i]) && std::isnan(actual[i]))) continue;
    const double error = std::fabs(static_cast<double>(actual[i]) - expected[i]);
    const double ratio = tolerance[i] > 0 && std::isfinite(error) ? error / tolerance[i]
                                                                  : std::numeric_limits<double>::infinity();
    out.largest = std::max(out.largest, ratio);
    above += ratio > 1;
    far += ratio > 8;
  }
  const double count = static_cast<double>(std::max<size_t>(expected.size(), 1));
  out.fraction_above = static_cast<double>(above) / count;
  out.fraction_far = static_cast<double>(far) / count;
  return out;
}

Sketch sketch(std::span<const float> values) {
  Sketch out;
  if (values.empty()) return out;
  double squares = 0;
  out.largest = out.smallest = values[0];
  for (float v : values) {
    out.sum += v;
    out.absolute_sum += std::fabs(v);
    squares += static_cast<double>(v) * v;
    out.largest = std::max(out.largest, static_cast<double>(v));
    out.smallest = std::min(out.smallest, static_cast<double>(v));
  }
  out.norm = std::sqrt(squares);
  return out;
}

bool sketches_agree(const Sketch& a, const Sketch& b, double tolerance) {
  // 20: errors may gather in few elements, where the extremes move by more than the norm does.
  const double t = 20 * tolerance;
  const double range = std::fabs(a.largest) + std::fabs(a.smallest) + 1e-30;
  return std::fabs(a.sum - b.sum) <= t * a.absolute_sum + 1e-30 &&
         std::fabs(a.absolute_sum - b.absolute_sum) <= t * a.absolute_sum + 1e-30 &&
         std::fabs(a.norm - b.norm) <= t * a.norm + 1e-30 && std::fabs(a.largest - b.largest) <= t * range &&
         std::fabs(a.smallest - b.smallest) <= t * range;
}

}  // namespace fetafix::compare
