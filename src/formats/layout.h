// Orders of axes: channels last, as TensorFlow and its kin have them, and second, as ONNX wants them.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace fetafix::formats {

// The permutation that brings channels from the end to the second place, for any rank of at least 2.
inline std::vector<int> channels_first(int rank) {
  std::vector<int> out{0, rank - 1};
  for (int i = 1; i < rank - 1; ++i) out.push_back(i);
  return out;
}

inline std::vector<int> channels_last(int rank) {
  return inverse_permutation(channels_first(rank));
}

}  // namespace fetafix::formats
