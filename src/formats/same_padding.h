// "SAME" in Keras, TensorFlow and TFLite: as many outputs as strides fit into the input, the odd pad behind.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

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

// Pads along all axes: befores, then afters. nullopt: a size is not known (-1), or a stride is below 1.
inline std::optional<std::vector<int64_t>> same_pads(const std::vector<int64_t>& sizes,
                                                     const std::vector<int64_t>& kernel,
                                                     const std::vector<int64_t>& strides,
                                                     const std::vector<int64_t>& dilations) {
  std::vector<int64_t> before, after;
  for (size_t i = 0; i < kernel.size(); ++i) {
    if (sizes[i] < 0 || strides[i] < 1) return std::nullopt;
    const Window window = same_padding(sizes[i], kernel[i], strides[i], dilations[i]);
    before.push_back(window.before);
    after.push_back(window.after);
  }
  before.insert(before.end(), after.begin(), after.end());
  return before;
}

}  // namespace fetafix::formats
