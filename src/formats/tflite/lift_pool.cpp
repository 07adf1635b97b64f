// Pools, resizing and other operators over images: NHWC there, NCHW in the view.
#include "formats/tflite/lift_families.h"

namespace fetafix::formats::tflite {
namespace {

using schema::Padding;

Result<Attributes> pool_attributes(const Operation& op, const schema::Pool2DOptionsT& options) {
  const auto& input = op.info(0).shape;
  if (!input || input->size() != 4) return Operation::unsupported("the input does not have 4 dimensions");
  if (options.filter_height < 1 || options.filter_width < 1)
    return Operation::unsupported("a window below 1");
  Attributes out{{"kernel_shape", std::vector<int64_t>{options.filter_height, options.filter_width}},
                 {"strides", std::vector<int64_t>{options.stride_h, options.stride_w}}};
  // A stride below 1 runs nowhere, and is what it is in the view too: there it can be mended.
  const bool runs = options.stride_h >= 1 && options.stride_w >= 1;
  const bool concrete = (*input)[1] >= 0 && (*input)[2] >= 0;
  if (!runs || (options.padding == Padding::SAME && !concrete)) {
    if (options.padding == Padding::SAME) out["auto_pad"] = std::string("SAME_UPPER");
    return out;
  }
  const Window h = resolve_padding(options.padding, (*input)[1], options.filter_height, options.stride_h, 1);
  const Window w = resolve_padding(options.padding, (*input)[2], options.filter_width, options.stride_w, 1);
  out["pads"] = std::vector<int64_t>{h.before, w.before, h.after, w.after};
  return out;
}

Status pool(Operation& op, const std::string& type, Attributes more) {
  const auto options = op.options<schema::Pool2DOptions>();
  FETAFIX_TRY(Attributes attributes, pool_attributes(op, options));
  attributes.merge(more);
  FETAFIX_TRY(Operand x, op.in(0));
  Operand y = op.node(type, {op.to_channels_first(x)}, attributes);
  FETAFIX_TRY(y, op.activated(y, options.fused_activation_function));
  return op.out(op.to_channels_last(y));
}

// One operand holds height and width; the other axes keep their size.
Status resize(Operation& op, Attributes attributes) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand size, op.int64s(1));
  attributes["axes"] = std::vector<int64_t>{2, 3};
  const Operand y = op.node("Resize", {op.to_channels_first(x), Operand{}, Operand{}, size}, attributes);
  return op.out(op.to_channels_last(y));
}

Status rearrange(Operation& op, const std::string& type, int64_t block, Attributes attributes) {
  if (block < 1) return Operation::unsupported("a block size below 1");
  attributes["blocksize"] = block;
  FETAFIX_TRY(Operand x, op.in(0));
  return op.out(op.to_channels_last(op.node(type, {op.to_channels_first(x)}, attributes)));
}

std::string coordinates(bool align_corners, bool half_pixel_centers) {
  return align_corners ? "align_corners" : half_pixel_centers ? "half_pixel" : "asymmetric";
}

}  // namespace

Status lift_average_pool(Operation& op) {
  return pool(op, "AveragePool", {{"count_include_pad", int64_t{0}}});
}
Status lift_max_pool(Operation& op) {
  return pool(op, "MaxPool", {});
}

Status lift_l2_pool(Operation& op) {
  const auto options = op.options<schema::Pool2DOptions>();
  FETAFIX_TRY(Attributes attributes, pool_attributes(op, options));
  FETAFIX_TRY(Operand x, op.in(0));
  x = op.to_channels_first(x);
  Operand y = op.node("Sqrt", {op.node("AveragePool", {op.node("Mul", {x, x})}, attributes)});
  FETAFIX_TRY(y, op.activated(y, options.fused_activation_function));
  return op.out(op.to_channels_last(y));
}

Status lift_resize_bilinear(Operation& op) {
  const auto options = op.options<schema::ResizeBilinearOptions>();
  if (options.align_corners && options.half_pixel_centers)
    return Operation::unsupported("align_corners and half_pixel_centers together (TFLite refuses them too)");
  const std::string mode = coordinates(options.align_corners, options.half_pixel_centers);
  return resize(op, {{"mode", std::string("linear")}, {"coordinate_transformation_mode", mode}});
}

// TFLite: floor(x * scale), round(x * scale) with align_corners, floor((x + 0.5) * scale) with
// half_pixel_centers.
Status lift_resize_nearest(Operation& op) {
  const auto options = op.options<schema::ResizeNearestNeighborOptions>();
  if (options.align_corners && options.half_pixel_centers)
    return Operation::unsupported("align_corners and half_pixel_centers together");
  const std::string mode = coordinates(options.align_corners, options.half_pixel_centers);
  const bool floor = !options.align_corners && !options.half_pixel_centers;
  return resize(op, {{"mode", std::string("nearest")},
                     {"coordinate_transformation_mode", mode},
                     {"nearest_mode", std::string(floor ? "floor" : "round_prefer_ceil")}});
}

Status lift_depth_to_space(Operation& op) {
  return rearrange(op, "DepthToSpace", op.options<schema::DepthToSpaceOptions>().block_size,
                   {{"mode", std::string("DCR")}});
}

Status lift_space_to_depth(Operation& op) {
  return rearrange(op, "SpaceToDepth", op.options<schema::SpaceToDepthOptions>().block_size, {});
}

}  // namespace fetafix::formats::tflite
