#include "align/layout.h"

#include <algorithm>
#include <numeric>

namespace fetafix::align {

Shape squeezed(const Shape& shape) {
  Shape out;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(out), [](int64_t d) { return d != 1; });
  return out;
}

std::vector<Permutation> candidate_permutations(const Shape& source, const Shape& target) {
  if (element_count(source) != element_count(target)) return {};
  const Shape from = squeezed(source), to = squeezed(target);
  std::vector<Permutation> out{{}};
  // Beyond five dimensions the number of permutations explodes and no layout differs there in practice.
  if (from.size() != to.size() || from.size() > 5 || from.size() < 2) return out;
  Permutation permutation(from.size());
  std::iota(permutation.begin(), permutation.end(), 0);
  while (std::next_permutation(permutation.begin(), permutation.end())) {
    bool fits = true;
    for (size_t k = 0; k < to.size() && fits; ++k) fits = from[static_cast<size_t>(permutation[k])] == to[k];
    if (fits) out.push_back(permutation);
  }
  return out;
}

Tensor hand_over(const Tensor& value, const Permutation& permutation, const Shape& target) {
  if (permutation.empty()) return value.reshaped(target);
  return transpose(value.reshaped(squeezed(value.shape())), permutation).reshaped(target);
}

}  // namespace fetafix::align
