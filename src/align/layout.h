// How a value of one model lies in memory seen from the other: a permutation of its dimensions above 1.
#pragma once

#include <optional>
#include <vector>

#include "tensor/tensor.h"

namespace fetafix::align {

// Of the squeezed dimensions: target.squeezed[k] = source.squeezed[permutation[k]]. Empty: the same order
// of elements, whatever the shapes.
using Permutation = std::vector<int>;

// Dimensions other than 1.
Shape squeezed(const Shape& shape);

// All permutations under which `source` could lie as `target`, the unchanged order first. Empty when the
// element counts differ.
std::vector<Permutation> candidate_permutations(const Shape& source, const Shape& target);

// The source's value as the target holds it. `target` has as many elements as `value`.
Tensor hand_over(const Tensor& value, const Permutation& permutation, const Shape& target);

}  // namespace fetafix::align
