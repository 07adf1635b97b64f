// Convolutions. Kernels turn from HWIO to OIHW by their lens; "same" becomes the pads that it means where the
// sizes are known, else auto_pad=SAME_UPPER, which means the same.
#include <algorithm>

#include "formats/keras/lift_families.h"
#include "formats/keras/windows.h"

namespace fetafix::formats::keras {
namespace {

Result<Geometry> geometry_of(const Operation& op, const Shape& kernel, size_t axes) {
  if (kernel.size() != axes + 2)
    return Operation::unsupported("its kernel has shape " + to_string(kernel) + ", expected " +
                                  std::to_string(axes + 2) + " dimensions");
  Geometry out;
  out.kernel.assign(kernel.begin(), kernel.begin() + static_cast<std::ptrdiff_t>(axes));
  FETAFIX_TRY(out.strides, op.integers("strides", axes, 1));
  FETAFIX_TRY(out.dilations, op.integers("dilation_rate", axes, 1));
  return out;
}

Result<Operand> convolve(Operation& op, const std::string& type, std::vector<Operand> operands, size_t bias,
                         const Attributes& attributes) {
  if (op.flag("use_bias", true)) {
    FETAFIX_TRY(const Operand b, op.weight(bias));
    operands.push_back(b);
  }
  return op.node(type, operands, attributes);
}

// The activation function works on channels last where it looks at an axis.
Status finish_image(Operation& op, Operand y) {
  const Json& activation = op.setting("activation");
  const bool by_axis = dump_json(activation).find("softmax") != std::string::npos;
  if (!by_axis) {
    FETAFIX_TRY(y, op.activated(y, activation));
    return op.out(op.to_channels_last(y));
  }
  FETAFIX_TRY(y, op.activated(op.to_channels_last(y), activation));
  return op.out(y);
}

// (H, W, C, M) as ONNX's [C * M, 1, H, W].
Result<Operand> depthwise_kernel(Operation& op, size_t axes, const Shape& stored) {
  Shape shape{stored[axes] * stored[axes + 1], 1};
  shape.insert(shape.end(), stored.begin(), stored.begin() + static_cast<std::ptrdiff_t>(axes));
  return op.weight(0, kernel_order(axes, false), shape);
}

// What convolutions that read windows have in common.
struct Opened {
  size_t axes;
  Shape kernel;  // as stored
  Operand x;     // channels second
  Attributes attributes;
};

Result<Opened> opened(Operation& op) {
  Opened out;
  out.axes = op.spatial_axes();
  FETAFIX_TRY(out.kernel, op.weight_shape(0));
  FETAFIX_TRY(const Geometry geometry, geometry_of(op, out.kernel, out.axes));
  FETAFIX_TRY(const Operand x, op.image());
  out.x = op.to_channels_first(x);
  FETAFIX_TRY(out.attributes, window_attributes(op, out.x, geometry, op.text("padding", "valid")));
  return out;
}

// One kernel for each channel.
Result<Operand> depthwise(Operation& op, Opened& conv) {
  conv.attributes["group"] = conv.kernel[conv.axes];
  return depthwise_kernel(op, conv.axes, conv.kernel);
}

}  // namespace

Status lift_conv(Operation& op) {
  FETAFIX_TRY(Opened conv, opened(op));
  conv.attributes["group"] = op.integer("groups").value_or(1);
  FETAFIX_TRY(const Operand w, op.weight(0, kernel_order(conv.axes, true)));
  FETAFIX_TRY(const Operand y, convolve(op, "Conv", {conv.x, w}, 1, conv.attributes));
  return finish_image(op, y);
}

Status lift_depthwise_conv(Operation& op) {
  FETAFIX_TRY(Opened conv, opened(op));
  FETAFIX_TRY(const Operand w, depthwise(op, conv));
  FETAFIX_TRY(const Operand y, convolve(op, "Conv", {conv.x, w}, 1, conv.attributes));
  return finish_image(op, y);
}

// A depthwise convolution, and one of 1 x 1 behind it.
Status lift_separable_conv(Operation& op) {
  FETAFIX_TRY(Opened conv, opened(op));
  const size_t axes = conv.axes;
  FETAFIX_TRY(const Operand w, depthwise(op, conv));
  const Operand between = op.node("Conv", {conv.x, w}, conv.attributes);
  FETAFIX_TRY(const Shape point, op.weight_shape(1));
  if (point.size() != axes + 2)
    return Operation::unsupported("its pointwise kernel has shape " + to_string(point));
  FETAFIX_TRY(const Operand pointwise, op.weight(1, kernel_order(axes, true)));
  FETAFIX_TRY(const Operand y, convolve(op, "Conv", {between, pointwise}, 2,
                                        {{"kernel_shape", std::vector<int64_t>(axes, 1)}}));
  return finish_image(op, y);
}

// The padding is that of the convolution from output to input.
Status lift_transposed_conv(Operation& op) {
  const size_t axes = op.spatial_axes();
  FETAFIX_TRY(const Shape kernel, op.weight_shape(0));
  FETAFIX_TRY(const Geometry geometry, geometry_of(op, kernel, axes));
  if (!op.setting("output_padding").is_null())
    return Operation::unsupported("it has an output padding of its own");
  if (std::ranges::any_of(geometry.dilations, [](int64_t d) { return d != 1; }))
    return Operation::unsupported("it is transposed and dilated");
  const bool same = op.text("padding", "valid") == "same";
  std::vector<int64_t> before, after, extra;
  for (size_t i = 0; i < axes; ++i) {
    const int64_t surplus = geometry.kernel[i] - geometry.strides[i];
    const int64_t pads = same ? std::max<int64_t>(surplus, 0) : 0;
    before.push_back(pads / 2);
    after.push_back(pads - pads / 2);
    extra.push_back(std::max<int64_t>(-surplus, 0));
  }
  before.insert(before.end(), after.begin(), after.end());
  FETAFIX_TRY(const Operand x, op.image());
  FETAFIX_TRY(const Operand w, op.weight(0, kernel_order(axes, true)));
  FETAFIX_TRY(const Operand y, convolve(op, "ConvTranspose", {op.to_channels_first(x), w}, 1,
                                        {{"strides", geometry.strides},
                                         {"kernel_shape", geometry.kernel},
                                         {"pads", before},
                                         {"output_padding", extra}}));
  return finish_image(op, y);
}

}  // namespace fetafix::formats::keras
