// Convolutions. Kernels turn from HWIO to OIHW by their lens; a concrete SAME becomes the pads that
// TensorFlow computes, one over dynamic sizes stays auto_pad=SAME_UPPER, which means the same.
#include <algorithm>

#include "formats/same_padding.h"
#include "formats/tensorflow/lift_families.h"
#include "formats/tensorflow/windows.h"

namespace fetafix::formats::tensorflow {
namespace {

// The last axis becomes the first, the one before it the second: kernels of n spatial axes.
std::vector<int> kernel_order(int rank) {
  std::vector<int> out{rank - 1, rank - 2};
  for (int i = 0; i < rank - 2; ++i) out.push_back(i);
  return out;
}

struct Sizes {
  int rank = 0;
  Shape image;   // spatial axes; -1: not known
  Shape kernel;  // spatial axes
  int64_t channels = -1;
};

Result<Sizes> sizes_of(const Operation& op, int input_slot, int kernel_slot) {
  const auto input = op.shape_of(input_slot), kernel = op.shape_of(kernel_slot);
  if (!kernel || kernel->size() < 4 || std::ranges::count(*kernel, -1) > 0)
    return Operation::unsupported("the kernel's shape is not known");
  const size_t rank = kernel->size();
  if (input && input->size() != rank)
    return Operation::unsupported("input and kernel differ in their number of dimensions");
  Sizes out;
  out.rank = static_cast<int>(rank);
  out.kernel = Shape(kernel->begin(), kernel->end() - 2);
  out.image.assign(rank - 2, -1);
  if (input) {
    const std::ptrdiff_t first = op.channels_last() ? 1 : 2;
    out.image = Shape(input->begin() + first, input->begin() + first + static_cast<std::ptrdiff_t>(rank - 2));
    out.channels = op.channels_last() ? input->back() : (*input)[1];
  }
  return out;
}

Status convolve(Operation& op, const Sizes& sizes, int64_t group, const Operand& kernel) {
  FETAFIX_TRY(Attributes attributes, window_attributes(op, sizes.image, sizes.kernel, "strides"));
  attributes["group"] = group;
  FETAFIX_TRY(const Operand x, op.in(0));
  const Operand y = op.node("Conv", {op.to_channels_first(x, sizes.rank), kernel}, attributes);
  return op.out(op.to_channels_last(y, sizes.rank));
}

}  // namespace

Status lift_conv(Operation& op) {
  FETAFIX_TRY(const Sizes sizes, sizes_of(op, 0, 1));
  const Shape kernel = *op.shape_of(1);
  const int64_t inputs = kernel[kernel.size() - 2];
  const int64_t channels = sizes.channels < 0 ? inputs : sizes.channels;
  if (inputs < 1 || channels % inputs != 0)
    return Operation::unsupported("the number of input channels is not a multiple of the kernel's");
  FETAFIX_TRY(const Operand w, op.parameter(1, kernel_order(sizes.rank)));
  return convolve(op, sizes, channels / inputs, w);
}

// Its kernel is [height, width, channels, how many of each channel].
Status lift_depthwise_conv(Operation& op) {
  FETAFIX_TRY(const Sizes sizes, sizes_of(op, 0, 1));
  const Shape kernel = *op.shape_of(1);
  if (kernel.size() != 4) return Operation::unsupported("the kernel does not have 4 dimensions");
  FETAFIX_TRY(const Operand w,
              op.parameter(1, {2, 3, 0, 1}, {kernel[2] * kernel[3], 1, kernel[0], kernel[1]}));
  return convolve(op, sizes, kernel[2], w);
}

// Operands: output shape, kernel [height, width, outputs, inputs], input.
Status lift_transpose_conv(Operation& op) {
  FETAFIX_TRY(const Sizes sizes, sizes_of(op, 2, 1));
  FETAFIX_TRY(Attributes attributes, transpose_attributes(op, sizes.image, sizes.kernel));
  FETAFIX_TRY(const Operand x, op.in(2));
  FETAFIX_TRY(const Operand w, op.parameter(1, kernel_order(sizes.rank)));
  const Operand y = op.node("ConvTranspose", {op.to_channels_first(x, sizes.rank), w}, attributes);
  return op.out(op.to_channels_last(y, sizes.rank));
}

Status lift_bias_add(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  if (op.channels_last()) {
    FETAFIX_TRY(const Operand bias, op.in(1));
    return op.out(op.node("Add", {x, bias}));
  }
  const auto shape = op.shape_of(0);
  if (!shape || shape->size() < 2) return Operation::unsupported("the input's rank is not known");
  Shape rows(shape->size() - 1, 1);
  const auto bias_shape = op.shape_of(1);
  if (!bias_shape || bias_shape->size() != 1 || (*bias_shape)[0] < 0)
    return Operation::unsupported("the bias has no known length");
  rows[0] = (*bias_shape)[0];
  FETAFIX_TRY(const Operand bias, op.parameter(1, {}, rows));
  return op.out(op.node("Add", {x, bias}));
}

}  // namespace fetafix::formats::tensorflow
