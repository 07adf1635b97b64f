// How a value of one model lies in memory seen from the other: its channels may stand in another order, and
// its dimensions above 1 too.
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

// The places along one dimension in another order: out[.., c, ..] = in[.., from[c], ..].
struct ChannelOrder {
  int axis = 0;           // of the source's squeezed dimensions
  std::vector<int> from;  // empty: as in the source

  bool empty() const { return from.empty(); }
  bool operator==(const ChannelOrder&) const = default;
};

bool fits(const ChannelOrder& order, const Shape& source);
Tensor reordered(const Tensor& value, const ChannelOrder& order);

// What the target holds = the source's value with its channels in another order, then its dimensions.
struct Arrangement {
  Permutation permutation;
  ChannelOrder channels;

  bool operator==(const Arrangement&) const = default;
};

// The source's value as the target holds it. `target` has as many elements as `value`.
Tensor hand_over(const Tensor& value, const Arrangement& arrangement, const Shape& target);
// The way back: what the target holds as the source would, `source` being the source's shape.
Tensor in_source_layout(const Tensor& value, const Permutation& permutation, const Shape& source);

}  // namespace fetafix::align
