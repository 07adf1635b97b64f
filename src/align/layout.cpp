#include "align/layout.h"

#include <algorithm>
#include <cstring>
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

bool fits(const ChannelOrder& order, const Shape& source) {
  const Shape dims = squeezed(source);
  const auto axis = static_cast<size_t>(order.axis);
  return axis < dims.size() && dims[axis] == static_cast<int64_t>(order.from.size());
}

Tensor reordered(const Tensor& value, const ChannelOrder& order) {
  const Shape dims = squeezed(value.shape());
  const size_t channels = order.from.size();
  size_t inner = element_size(value.dtype());
  for (size_t d = static_cast<size_t>(order.axis) + 1; d < dims.size(); ++d)
    inner *= static_cast<size_t>(dims[d]);
  Tensor out = value;
  const auto from = value.bytes();
  const auto to = out.mutable_bytes();
  for (size_t block = 0; block < from.size(); block += channels * inner)
    for (size_t c = 0; c < channels; ++c)
      std::memcpy(&to[block + c * inner], &from[block + static_cast<size_t>(order.from[c]) * inner], inner);
  return out;
}

Tensor hand_over(const Tensor& value, const Arrangement& arrangement, const Shape& target) {
  const Tensor ordered = arrangement.channels.empty() ? value : reordered(value, arrangement.channels);
  if (arrangement.permutation.empty()) return ordered.reshaped(target);
  return transpose(ordered.reshaped(squeezed(value.shape())), arrangement.permutation).reshaped(target);
}

Tensor in_source_layout(const Tensor& value, const Permutation& permutation, const Shape& source) {
  if (permutation.empty()) return value.reshaped(source);
  const Tensor flat = value.reshaped(squeezed(value.shape()));
  return transpose(flat, inverse_permutation(permutation)).reshaped(source);
}

}  // namespace fetafix::align
