// Pools and resizing.
#include <algorithm>

#include "formats/keras/lift_families.h"
#include "formats/same_padding.h"

namespace fetafix::formats::keras {
namespace {

Status pool(Operation& op, const std::string& type, Attributes attributes) {
  const size_t axes = op.spatial_axes();
  FETAFIX_TRY(Operand x, op.image());
  x = op.to_channels_first(x);
  FETAFIX_TRY(const auto window, op.integers("pool_size", axes, 2));
  auto strides = window;
  if (!op.setting("strides").is_null()) {
    FETAFIX_TRY(strides, op.integers("strides", axes, 1));
  }
  attributes["kernel_shape"] = window;
  attributes["strides"] = strides;
  const std::string padding = op.text("padding", "valid");
  if (padding != "same" && padding != "valid")
    return Operation::unsupported("padding '" + padding + "' is not known");
  std::optional<std::vector<int64_t>> pads(std::vector<int64_t>(2 * axes, 0));
  const Shape shape = *op.shape(x);
  if (padding == "same")
    pads = same_pads(Shape(shape.begin() + 2, shape.end()), window, strides, std::vector<int64_t>(axes, 1));
  if (pads)
    attributes["pads"] = *pads;
  else
    attributes["auto_pad"] = std::string("SAME_UPPER");
  return op.out(op.to_channels_last(op.node(type, {x}, attributes)));
}

Status global(Operation& op, const std::string& type) {
  const size_t axes = op.spatial_axes();
  FETAFIX_TRY(const Operand x, op.image());
  std::vector<int64_t> reduced;
  for (size_t i = 0; i < axes; ++i) reduced.push_back(static_cast<int64_t>(i) + (op.channels_last() ? 1 : 2));
  return op.out(op.node(type, {x, op.constant("axes", Tensor::vector(reduced))},
                        {{"keepdims", int64_t{op.flag("keepdims", false)}}}));
}

}  // namespace

Status lift_max_pool(Operation& op) {
  return pool(op, "MaxPool", {});
}
Status lift_average_pool(Operation& op) {
  return pool(op, "AveragePool", {{"count_include_pad", int64_t{0}}});
}
Status lift_global_max_pool(Operation& op) {
  return global(op, "ReduceMax");
}
Status lift_global_average_pool(Operation& op) {
  return global(op, "ReduceMean");
}

Status lift_up_sampling(Operation& op) {
  FETAFIX_TRY(const Operand x, op.image());
  FETAFIX_TRY(const auto size, op.integers("size", op.spatial_axes(), 2));
  const std::string mode = op.text("interpolation", "nearest");
  if (mode != "nearest" && mode != "bilinear") return Operation::unsupported("interpolation '" + mode + "'");
  std::vector<float> scales{1, 1};
  for (int64_t s : size) scales.push_back(static_cast<float>(s));
  Attributes attributes{
      {"mode", std::string(mode == "nearest" ? "nearest" : "linear")},
      {"coordinate_transformation_mode", std::string(mode == "nearest" ? "asymmetric" : "half_pixel")}};
  if (mode == "nearest") attributes["nearest_mode"] = std::string("floor");
  const Operand y =
      op.node("Resize", {op.to_channels_first(x), Operand{}, op.constant("size", Tensor::vector(scales))},
              attributes);
  return op.out(op.to_channels_last(y));
}

Status lift_resizing(Operation& op) {
  FETAFIX_TRY(const Operand x, op.image());
  const auto height = op.integer("height"), width = op.integer("width");
  if (!height || !width || *height < 1 || *width < 1 || *height > 1 << 16 || *width > 1 << 16)
    return Operation::unsupported("its size is not known");
  if (op.flag("crop_to_aspect_ratio", false) || op.flag("pad_to_aspect_ratio", false))
    return Operation::unsupported("it keeps the aspect ratio");
  const std::string mode = op.text("interpolation", "bilinear");
  if (mode != "nearest" && mode != "bilinear") return Operation::unsupported("interpolation '" + mode + "'");
  Attributes attributes{{"mode", std::string(mode == "nearest" ? "nearest" : "linear")},
                        {"coordinate_transformation_mode", std::string("half_pixel")},
                        {"axes", std::vector<int64_t>{2, 3}}};
  if (mode == "nearest") attributes["nearest_mode"] = std::string("round_prefer_ceil");
  const Operand size = op.constant("size", Tensor::vector(std::vector<int64_t>{*height, *width}));
  const Operand y = op.node("Resize", {op.to_channels_first(x), Operand{}, Operand{}, size}, attributes);
  return op.out(op.to_channels_last(y));
}

}  // namespace fetafix::formats::keras
