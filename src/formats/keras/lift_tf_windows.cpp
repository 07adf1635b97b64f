// TensorFlow's functions on images. They have channels last, kernels HWIO among their arguments, strides and
// dilations for the spatial axes or for all, and paddings "SAME", "VALID" or a pair for each axis.
#include <algorithm>

#include "formats/keras/functions.h"
#include "formats/keras/windows.h"

namespace fetafix::formats::keras {
namespace {

// The image, which must have channels last; `name`: where the function says otherwise.
Result<Operand> image_of(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const std::string format = text_at(op, 5, "data_format", "NHWC");
  if (!format.starts_with("N") || !format.ends_with("C"))
    return Operation::unsupported("data format '" + format + "'");
  if (op.rank(x) < 3 || op.rank(x) > 5 || op.operands() != 1)
    return Operation::unsupported("the rank of its input is not known, or it is called with more tensors");
  return x;
}

// One number for all axes, one each, or one each with those of batch and channels, which are 1.
Result<std::vector<int64_t>> spatial(const Operation& op, const std::string& name, size_t axes) {
  if (is_default(op, 9, name, Json())) return std::vector<int64_t>(axes, 1);
  auto said = integers_at(op, 9, name).value_or(std::vector<int64_t>());
  if (said.size() == 1) said = std::vector<int64_t>(axes, said[0]);
  if (said.size() == axes + 2 && said.front() == 1 && said.back() == 1)
    said = std::vector<int64_t>(said.begin() + 1, said.end() - 1);
  const bool good = said.size() == axes &&
                    std::ranges::all_of(said, [](int64_t v) { return v >= 1 && v < int64_t{1} << 24; });
  return good ? Result(said) : Operation::unsupported("argument '" + name + "' is not understood");
}

// `x` has channels second.
Result<Attributes> attributes_of(const Operation& op, const Operand& x, const Geometry& geometry) {
  const Json& said = literal_of(op, 9, "padding");
  if (!said.is_array())
    return window_attributes(op, x, geometry, lower_case(said.is_string() ? said.get<std::string>() : "?"));
  const auto pairs = literal_tensor(said);
  const auto axes = static_cast<int64_t>(geometry.axes());
  if (!pairs || pairs->dtype() != DType::int64 || pairs->shape() != Shape{axes + 2, 2})
    return Operation::unsupported("its padding is not understood");
  FETAFIX_TRY(Attributes out, window_attributes(op, x, geometry, "valid"));
  std::vector<int64_t> pads;
  for (int64_t side = 0; side < 2; ++side)
    for (int64_t axis = 1; axis <= axes; ++axis)
      pads.push_back(pairs->as<int64_t>()[static_cast<size_t>(2 * axis + side)]);
  out["pads"] = pads;
  return out;
}

struct Opened {
  Operand x;  // channels second
  Tensor kernel;
  std::string argument;  // where the kernel stands
  Geometry geometry;
};

Result<Opened> opened(Operation& op) {
  Opened out;
  FETAFIX_TRY(const Operand x, image_of(op));
  const auto axes = static_cast<size_t>(op.rank(x)) - 2;
  out.argument = name_of_argument(op, {"filters", "filter"});
  const auto kernel = literal_tensor(literal_of(op, 1, out.argument));
  if (!kernel || kernel->rank() != op.rank(x)) return Operation::unsupported("its kernel is not known");
  FETAFIX_TRY(out.kernel, cast(*kernel, DType::float32));
  const Shape& shape = out.kernel.shape();
  out.geometry.kernel.assign(shape.begin(), shape.end() - 2);
  FETAFIX_TRY(out.geometry.strides, spatial(op, name_of_argument(op, {"strides", "stride"}), axes));
  FETAFIX_TRY(out.geometry.dilations, spatial(op, name_of_argument(op, {"dilations", "rate"}), axes));
  out.x = op.to_channels_first(x);
  return out;
}

Status pool(Operation& op, const char* type, const std::string& window) {
  FETAFIX_TRY(const Operand image, image_of(op));
  const auto axes = static_cast<size_t>(op.rank(image)) - 2;
  Geometry geometry;
  FETAFIX_TRY(geometry.kernel, spatial(op, window, axes));
  FETAFIX_TRY(geometry.strides, spatial(op, "strides", axes));
  FETAFIX_TRY(geometry.dilations, spatial(op, name_of_argument(op, {"dilations", "dilation_rate"}), axes));
  const Operand x = op.to_channels_first(image);
  FETAFIX_TRY(Attributes attributes, attributes_of(op, x, geometry));
  const bool average = type == std::string("AveragePool");
  if (average && std::ranges::any_of(geometry.dilations, [](int64_t d) { return d != 1; }))
    return Operation::unsupported("it is dilated");
  attributes.erase("dilations");
  if (average)
    attributes["count_include_pad"] = int64_t{0};
  else if (std::ranges::any_of(geometry.dilations, [](int64_t d) { return d != 1; }))
    attributes["dilations"] = geometry.dilations;
  return op.out(op.to_channels_last(op.node(type, {x}, attributes)));
}

Status rearrange(Operation& op, const char* type, Attributes attributes) {
  FETAFIX_TRY(const Operand x, image_of(op));
  const auto block = integer_at(op, 1, "block_size", 0);
  if (op.rank(x) != 4 || !block || *block < 1 || *block > 1 << 12)
    return Operation::unsupported("its block size is not known");
  attributes["blocksize"] = *block;
  return op.out(op.to_channels_last(op.node(type, {op.to_channels_first(x)}, attributes)));
}

// One number for each channel; without any, all the same.
Result<Operand> of_channels(Operation& op, const char* name, int64_t channels, float otherwise) {
  const Json& said = literal_of(op, 9, name);
  if (said.is_null() && is_default(op, 9, name, Json()))
    return op.constant(name, Tensor::vector(std::vector<float>(static_cast<size_t>(channels), otherwise)));
  const auto numbers = literal_tensor(said);
  if (!numbers || numbers->size() != channels)
    return Operation::unsupported("argument '" + std::string(name) + "' is not one number for each channel");
  FETAFIX_TRY(const Tensor floats, cast(*numbers, DType::float32));
  return op.constant(name, floats, {}, {channels});
}

}  // namespace

// Where the kernel reads fewer channels than there are, in groups.
Status lift_tf_convolution(Operation& op) {
  FETAFIX_TRY(const Opened conv, opened(op));
  FETAFIX_TRY(Attributes attributes, attributes_of(op, conv.x, conv.geometry));
  const size_t axes = conv.geometry.axes();
  const int64_t channels = (*op.shape(conv.x))[1], read = conv.kernel.shape()[axes];
  if (channels < 1 || channels % read != 0 || conv.kernel.shape().back() % (channels / read) != 0)
    return Operation::unsupported("its channels are not known");
  attributes["group"] = channels / read;
  const Operand w = op.constant(conv.argument, conv.kernel, kernel_order(axes, true), {});
  return op.out(op.to_channels_last(op.node("Conv", {conv.x, w}, attributes)));
}

// (H, W, C, M) as ONNX's [C * M, 1, H, W].
Status lift_tf_depthwise(Operation& op) {
  FETAFIX_TRY(const Opened conv, opened(op));
  FETAFIX_TRY(Attributes attributes, attributes_of(op, conv.x, conv.geometry));
  const size_t axes = conv.geometry.axes();
  const Shape& stored = conv.kernel.shape();
  attributes["group"] = stored[axes];
  Shape shape{stored[axes] * stored[axes + 1], 1};
  shape.insert(shape.end(), stored.begin(), stored.end() - 2);
  const Operand w = op.constant(conv.argument, conv.kernel, kernel_order(axes, false), shape);
  return op.out(op.to_channels_last(op.node("Conv", {conv.x, w}, attributes)));
}

// The padding is that of the convolution from output to input.
Status lift_tf_transposed(Operation& op) {
  FETAFIX_TRY(const Opened conv, opened(op));
  const Geometry& g = conv.geometry;
  const size_t axes = g.axes();
  const std::string padding = lower_case(text_at(op, 9, "padding", "SAME"));
  const auto sizes = integers_at(op, 2, "output_shape");
  if (!sizes || sizes->size() != axes + 2 || (padding != "same" && padding != "valid"))
    return Operation::unsupported("its output shape or padding is not known");
  if (std::ranges::any_of(g.dilations, [](int64_t d) { return d != 1; }))
    return Operation::unsupported("it is transposed and dilated");
  std::vector<int64_t> before, after, extra;
  for (size_t i = 0; i < axes; ++i) {
    const int64_t in = (*op.shape(conv.x))[i + 2], out = (*sizes)[i + 1];
    const int64_t whole = (in - 1) * g.strides[i] + g.kernel[i];
    const int64_t pads = padding == "same" ? std::max<int64_t>(whole - out, 0) : 0;
    if (in < 1 || out < 1 || out < whole - pads) return Operation::unsupported("its sizes are not known");
    before.push_back(pads / 2);
    after.push_back(pads - pads / 2);
    extra.push_back(out - (whole - pads));
  }
  before.insert(before.end(), after.begin(), after.end());
  const Operand w = op.constant(conv.argument, conv.kernel, kernel_order(axes, true), {});
  return op.out(op.to_channels_last(op.node(
      "ConvTranspose", {conv.x, w},
      {{"strides", g.strides}, {"kernel_shape", g.kernel}, {"pads", before}, {"output_padding", extra}})));
}

Status lift_tf_max_pool(Operation& op) {
  return pool(op, "MaxPool", "ksize");
}
Status lift_tf_average_pool(Operation& op) {
  return pool(op, "AveragePool", "ksize");
}
Status lift_tf_pool(Operation& op) {
  const std::string kind = text_at(op, 2, "pooling_type", "?");
  if (kind != "MAX" && kind != "AVG") return Operation::unsupported("pooling type '" + kind + "'");
  return pool(op, kind == "MAX" ? "MaxPool" : "AveragePool", "window_shape");
}

// image.resize of TensorFlow 2 looks at the centers of pixels; nearest: floor((x + 0.5) * scale).
Status lift_tf_resize(Operation& op) {
  FETAFIX_TRY(const Operand x, image_of(op));
  const auto size = integers_at(op, 1, "size");
  const std::string method = lower_case(text_at(op, 2, "method", "bilinear"));
  if (op.rank(x) != 4 || !size || size->size() != 2) return Operation::unsupported("its size is not known");
  if (truth_at(op, 3, "preserve_aspect_ratio") || truth_at(op, 4, "antialias"))
    return Operation::unsupported("it keeps the aspect ratio or is antialiased");
  if (method != "bilinear" && method != "nearest") return Operation::unsupported("method '" + method + "'");
  const bool nearest = method == "nearest";
  Attributes attributes{{"mode", std::string(nearest ? "nearest" : "linear")},
                        {"coordinate_transformation_mode", std::string("half_pixel")},
                        {"axes", std::vector<int64_t>{2, 3}}};
  if (nearest) attributes["nearest_mode"] = std::string("round_prefer_ceil");
  const Operand sizes = op.constant("size", Tensor::vector(*size));
  return op.out(op.to_channels_last(
      op.node("Resize", {op.to_channels_first(x), Operand{}, Operand{}, sizes}, attributes)));
}

Status lift_tf_normalization(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto shape = op.shape(x);
  const int64_t channels = shape && shape->size() >= 2 && op.operands() == 1 ? shape->back() : -1;
  const auto epsilon = number_at(op, 5, "variance_epsilon", 0.f);
  if (channels < 1 || channels > 1 << 24 || !epsilon) return Operation::unsupported("its size is not known");
  FETAFIX_TRY(const Operand scale, of_channels(op, "scale", channels, 1.f));
  FETAFIX_TRY(const Operand offset, of_channels(op, "offset", channels, 0.f));
  FETAFIX_TRY(const Operand mean, of_channels(op, "mean", channels, 0.f));
  FETAFIX_TRY(const Operand variance, of_channels(op, "variance", channels, 1.f));
  const Operand y = op.node("BatchNormalization", {op.to_channels_first(x), scale, offset, mean, variance},
                            {{"epsilon", *epsilon}});
  return op.out(op.to_channels_last(y));
}

// TensorFlow scales the sum of 2 radius + 1 squares, ONNX their mean.
Status lift_tf_local_response(Operation& op) {
  FETAFIX_TRY(const Operand x, image_of(op));
  const auto radius = integer_at(op, 1, "depth_radius", 5);
  const auto bias = number_at(op, 2, "bias", 1.f), alpha = number_at(op, 3, "alpha", 1.f),
             beta = number_at(op, 4, "beta", 0.5f);
  if (op.rank(x) != 4 || !radius || *radius < 0 || *radius > 1 << 16 || !bias || !alpha || !beta)
    return Operation::unsupported("its numbers are not known");
  const int64_t size = 2 * *radius + 1;
  const Operand y = op.node(
      "LRN", {op.to_channels_first(x)},
      {{"size", size}, {"alpha", *alpha * static_cast<float>(size)}, {"beta", *beta}, {"bias", *bias}});
  return op.out(op.to_channels_last(y));
}

Status lift_tf_depth_to_space(Operation& op) {
  return rearrange(op, "DepthToSpace", {{"mode", std::string("DCR")}});
}
Status lift_tf_space_to_depth(Operation& op) {
  return rearrange(op, "SpaceToDepth", {});
}

}  // namespace fetafix::formats::keras
