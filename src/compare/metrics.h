// Numbers that measure how far two tensors of the same size are apart. `expected` is the source's side.
#pragma once

#include <span>

#include "tensor/tensor.h"

namespace fetafix::compare {

// |actual - expected| over max(|actual|, |expected|), 2-norms; 0 when both are zero, infinity with NaN.
double relative_l2(std::span<const float> expected, std::span<const float> actual);

double max_absolute_error(std::span<const float> expected, std::span<const float> actual);

// max |actual - expected| / max |expected|.
double max_relative_error(std::span<const float> expected, std::span<const float> actual);

// How errors relate to what rounding explains, element by element.
struct ToleranceRatio {
  double largest = 0;                            // max error / tolerance
  double fraction_above = 0;                     // of the elements with error > tolerance
  double fraction_far = 0;                       // of the elements with error > 8 * tolerance
  void take_worse(const ToleranceRatio& other);  // of several samples
};

// `tolerance` has the size of the tensors; a zero tolerance demands equality.
ToleranceRatio tolerance_ratio(std::span<const float> expected, std::span<const float> actual,
                               std::span<const float> tolerance);

// Layout-free numbers by which most pairs of different tensors are told apart without a full comparison.
struct Sketch {
  double sum = 0, absolute_sum = 0, norm = 0, largest = 0, smallest = 0;
};
Sketch sketch(std::span<const float> values);

// Whether tensors whose relative L2 distance is at most `tolerance` could have these sketches.
bool sketches_agree(const Sketch& a, const Sketch& b, double tolerance);

}  // namespace fetafix::compare
