// Convolutions. Kernels turn from OHWI to OIHW by their lens; a concrete SAME becomes the pads that TFLite
// computes, one over dynamic sizes stays auto_pad=SAME_UPPER, which means the same.
#include <algorithm>

#include "formats/tflite/lift_families.h"

namespace fetafix::formats::tflite {

Window resolve_padding(schema::Padding padding, int64_t input, int64_t kernel, int64_t stride,
                       int64_t dilation) {
  if (padding != schema::Padding::VALID) return same_padding(input, kernel, stride, dilation);
  const int64_t extent = (kernel - 1) * dilation + 1;
  return {std::max<int64_t>((input - extent + stride) / stride, 0), 0, 0};
}

namespace {

using schema::Padding;

struct Geometry {
  Padding padding;
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
};

// A stride or dilation below 1 runs nowhere, and is what it is in the view too: there it can be mended.
bool runs(const Geometry& geometry) {
  const auto right = [](int64_t v) { return v >= 1; };
  return std::all_of(geometry.strides.begin(), geometry.strides.end(), right) &&
         std::all_of(geometry.dilations.begin(), geometry.dilations.end(), right);
}

Status check(const Operation& op, size_t rank) {
  if (!op.info(0).shape || op.info(0).shape->size() != rank || !op.info(1).shape ||
      op.info(1).shape->size() != rank)
    return Operation::unsupported("input or weights do not have " + std::to_string(rank) + " dimensions");
  return {};
}

// `kernel` and `input` sizes of the spatial axes, in order.
Attributes window_attributes(const Geometry& geometry, const Shape& input, const Shape& kernel) {
  Attributes out{{"strides", geometry.strides}, {"dilations", geometry.dilations}, {"kernel_shape", kernel}};
  if (!runs(geometry)) {
    if (geometry.padding == Padding::SAME) out["auto_pad"] = std::string("SAME_UPPER");
    return out;
  }
  std::vector<int64_t> pads;
  for (size_t i = 0; i < kernel.size(); ++i)
    pads.push_back(
        resolve_padding(geometry.padding, input[i], kernel[i], geometry.strides[i], geometry.dilations[i])
            .before);
  for (size_t i = 0; i < kernel.size(); ++i)
    pads.push_back(
        resolve_padding(geometry.padding, input[i], kernel[i], geometry.strides[i], geometry.dilations[i])
            .after);
  const bool concrete = std::all_of(input.begin(), input.end(), [](int64_t d) { return d >= 0; });
  if (geometry.padding == Padding::SAME && !concrete)
    out["auto_pad"] = std::string("SAME_UPPER");
  else
    out["pads"] = pads;
  return out;
}

Result<Operand> with_bias(Operation& op, const std::string& type, std::vector<Operand> operands,
                          int bias_slot, const Attributes& attributes) {
  if (op.has(bias_slot)) {
    FETAFIX_TRY(Operand bias, op.bias(bias_slot, bias_slot - 2, bias_slot - 1));
    operands.push_back(bias);
  }
  return op.node(type, operands, attributes);
}

// Input in channels-first order; rounded as the hybrid kernels do where they run.
Result<Operand> image(Operation& op, int slot, int weight_slot, int rank, bool asymmetric) {
  FETAFIX_TRY(Operand x, op.in(slot));
  if (is_hybrid(op, slot, weight_slot)) {
    std::vector<int64_t> axes;
    for (int i = 1; i < rank; ++i) axes.push_back(i);
    FETAFIX_TRY(x, as_hybrid_sees(op, x, axes, asymmetric));
  }
  return op.to_channels_first(x, rank);
}

// Hybrid convolutions with one scale a channel are asymmetric, with one for all symmetric.
bool per_channel(const Operation& op) {
  return op.info(1).quantization && op.info(1).quantization->per_axis();
}

// A 2-D convolution from the kernel's permutation to OIHW on.
Status convolve(Operation& op, const std::vector<int>& kernel, const Attributes& attributes,
                schema::ActivationFunctionType activation) {
  FETAFIX_TRY(Operand x, image(op, 0, 1, 4, per_channel(op)));
  FETAFIX_TRY(Operand w, op.parameter(1, kernel));
  FETAFIX_TRY(Operand y, with_bias(op, "Conv", {x, w}, 2, attributes));
  FETAFIX_TRY(y, op.activated(y, activation));
  return op.out(op.to_channels_last(y));
}

}  // namespace

Status lift_conv(Operation& op) {
  const auto options = op.options<schema::Conv2DOptions>();
  const Geometry geometry{options.padding,
                          {options.stride_h, options.stride_w},
                          {options.dilation_h_factor, options.dilation_w_factor}};
  FETAFIX_CHECK(check(op, 4));
  const Shape& input = *op.info(0).shape;
  const Shape& weights = *op.info(1).shape;
  if (input[3] < 0 || weights[3] < 1 || input[3] % weights[3] != 0)
    return Operation::unsupported("the number of input channels is not a multiple of the kernel's");
  Attributes attributes = window_attributes(geometry, {input[1], input[2]}, {weights[1], weights[2]});
  attributes["group"] = input[3] / weights[3];
  return convolve(op, {0, 3, 1, 2}, attributes, options.fused_activation_function);
}

Status lift_depthwise_conv(Operation& op) {
  const auto options = op.options<schema::DepthwiseConv2DOptions>();
  const Geometry geometry{options.padding,
                          {options.stride_h, options.stride_w},
                          {options.dilation_h_factor, options.dilation_w_factor}};
  FETAFIX_CHECK(check(op, 4));
  const Shape& input = *op.info(0).shape;
  const Shape& weights = *op.info(1).shape;
  if (input[3] < 1 || weights[0] != 1 || weights[3] % input[3] != 0)
    return Operation::unsupported("the kernel's channels are not a multiple of the input's");
  Attributes attributes = window_attributes(geometry, {input[1], input[2]}, {weights[1], weights[2]});
  attributes["group"] = input[3];
  return convolve(op, {3, 0, 1, 2}, attributes, options.fused_activation_function);
}

Status lift_conv_3d(Operation& op) {
  const auto options = op.options<schema::Conv3DOptions>();
  const Geometry geometry{options.padding,
                          {options.stride_d, options.stride_h, options.stride_w},
                          {options.dilation_d_factor, options.dilation_h_factor, options.dilation_w_factor}};
  FETAFIX_CHECK(check(op, 5));
  const Shape& input = *op.info(0).shape;
  const Shape& weights = *op.info(1).shape;
  Attributes attributes =
      window_attributes(geometry, {input[1], input[2], input[3]}, {weights[0], weights[1], weights[2]});
  if (input[4] < 0 || weights[3] < 1) return Operation::unsupported("the number of channels is not known");
  attributes["group"] = input[4] / weights[3];
  FETAFIX_TRY(Operand x, image(op, 0, 1, 5, false));
  FETAFIX_TRY(Operand w, op.parameter(1, {4, 3, 0, 1, 2}));
  FETAFIX_TRY(Operand y, with_bias(op, "Conv", {x, w}, 2, attributes));
  FETAFIX_TRY(y, op.activated(y, options.fused_activation_function));
  return op.out(op.to_channels_last(y, 5));
}

// Operands: output shape, weights OHWI, input, bias. The padding is that of the convolution from output to
// input.
Status lift_transpose_conv(Operation& op) {
  const auto options = op.options<schema::TransposeConvOptions>();
  const auto& input = op.info(2).shape;
  const auto& weights = op.info(1).shape;
  if (!input || input->size() != 4 || !weights || weights->size() != 4 || options.stride_h < 1 ||
      options.stride_w < 1)
    return Operation::unsupported("input or weights do not have 4 dimensions, or a stride is below 1");
  FETAFIX_TRY(auto size, op.sizes(0));
  if (size.size() != 4 || size[1] < 0 || size[2] < 0 || (*input)[1] < 0 || (*input)[2] < 0)
    return Operation::unsupported("sizes other than the batch are computed at run time");
  const int64_t strides[] = {options.stride_h, options.stride_w};
  std::vector<int64_t> before, after, extra;
  for (size_t i = 0; i < 2; ++i) {
    const int64_t kernel = (*weights)[i + 1];
    const Window window = resolve_padding(options.padding, size[i + 1], kernel, strides[i], 1);
    const int64_t surplus = ((*input)[i + 1] - 1) * strides[i] + kernel - window.before - size[i + 1];
    before.push_back(window.before);
    after.push_back(std::max<int64_t>(surplus, 0));
    extra.push_back(std::max<int64_t>(-surplus, 0));
  }
  before.insert(before.end(), after.begin(), after.end());
  FETAFIX_TRY(Operand x, image(op, 2, 1, 4, per_channel(op)));
  FETAFIX_TRY(Operand w, op.parameter(1, {3, 0, 1, 2}));
  std::vector<Operand> operands{x, w};
  if (op.has(3)) {
    FETAFIX_TRY(Operand bias, op.bias(3, 2, 1));
    operands.push_back(bias);
  }
  Operand y = op.node("ConvTranspose", operands,
                      {{"strides", std::vector<int64_t>{strides[0], strides[1]}},
                       {"kernel_shape", Shape{(*weights)[1], (*weights)[2]}},
                       {"pads", before},
                       {"output_padding", extra}});
  FETAFIX_TRY(y, op.activated(y, options.fused_activation_function));
  return op.out(op.to_channels_last(y));
}

}  // namespace fetafix::formats::tflite
