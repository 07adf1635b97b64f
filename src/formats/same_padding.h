// "SAME" in Keras and TFLite: as many outputs as strides fit into the input, the odd pad behind.
#pragma once

#include <algorithm>
#include <cstdint>

namespace fetafix::formats {

// Padding and output size along one axis. Stride at least 1.
struct Window {
  int64_t output = 0;
  int64_t before = 0;
  int64_t after = 0;
};

inline Window same_padding(int64_t input, int64_t kernel, int64_t stride, int64_t dilation) {
  const int64_t extent = (kernel - 1) * dilation + 1;
  const int64_t output = (input + stride - 1) / stride;
  const int64_t total = std::max<int64_t>((output - 1) * stride + extent - input, 0);
  return {output, total / 2, total - total / 2};
}

}  // namespace fetafix::formats
