// Pools, resizing and other operators over images.
#include "formats/tensorflow/lift_families.h"
#include "formats/tensorflow/windows.h"

namespace fetafix::formats::tensorflow {
namespace {

Status rearrange(Operation& op, const std::string& type, Attributes attributes) {
  const int64_t block = op.integer("block_size", 0);
  if (block < 1) return Operation::unsupported("a block size below 1");
  attributes["blocksize"] = block;
  FETAFIX_TRY(const Operand x, op.in(0));
  return op.out(op.to_channels_last(op.node(type, {op.to_channels_first(x)}, attributes)));
}

}  // namespace

Status lift_pool(Operation& op) {
  const int rank = op.type().ends_with("3D") ? 5 : 4;
  const auto axes = static_cast<size_t>(rank - 2);
  if (const int known = op.rank_of(0); known >= 0 && known != rank)
    return Operation::unsupported("the input has " + std::to_string(known) + " dimensions");
  Shape image(axes, -1);
  if (const auto input = op.shape_of(0)) {
    const std::ptrdiff_t first = op.channels_last() ? 1 : 2;
    image.assign(input->begin() + first, input->begin() + first + static_cast<std::ptrdiff_t>(axes));
  }
  FETAFIX_TRY(const auto kernel, spatial(op, "ksize", axes));
  for (int64_t k : kernel)
    if (k < 1) return Operation::unsupported("a window below 1");
  FETAFIX_TRY(Attributes attributes, window_attributes(op, image, kernel, "strides"));
  const bool average = op.type().starts_with("Avg");
  if (average) attributes["count_include_pad"] = int64_t{0};
  FETAFIX_TRY(const Operand x, op.in(0));
  const Operand y = op.node(average ? "AveragePool" : "MaxPool", {op.to_channels_first(x, rank)}, attributes);
  return op.out(op.to_channels_last(y, rank));
}

// One operand holds height and width; the other axes keep their size. Images have channels last here.
Status lift_resize(Operation& op) {
  const bool aligned = op.flag("align_corners", false), half = op.flag("half_pixel_centers", false);
  if (aligned && half) return Operation::unsupported("align_corners and half_pixel_centers together");
  const std::string mode = aligned ? "align_corners" : half ? "half_pixel" : "asymmetric";
  Attributes attributes{{"coordinate_transformation_mode", mode}, {"axes", std::vector<int64_t>{2, 3}}};
  if (op.type() == "ResizeBilinear") {
    attributes["mode"] = std::string("linear");
  } else {
    attributes["mode"] = std::string("nearest");
    attributes["nearest_mode"] = std::string(!aligned && !half ? "floor" : "round_prefer_ceil");
  }
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand size, op.int64s(1));
  const Operand y = op.node("Resize", {op.to_channels_first(x), Operand{}, Operand{}, size}, attributes);
  return op.out(op.to_channels_last(op.cast(y, DType::float32)));
}

Status lift_depth_to_space(Operation& op) {
  return rearrange(op, "DepthToSpace", {{"mode", std::string("DCR")}});
}

Status lift_space_to_depth(Operation& op) {
  return rearrange(op, "SpaceToDepth", {});
}

}  // namespace fetafix::formats::tensorflow
