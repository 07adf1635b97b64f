// Resizing as image libraries do it, and cropping. As Pillow: support grows with the reduction (no aliasing),
// two passes, horizontal first, 8 bits between them; equal bit for bit to Pillow up to 12, that is why it is
// written out here. Pillow 13 takes the cheaper pass first, which changes sharp edges by up to 20 gray
// levels.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "data/image.h"

namespace fetafix::data {

// The first five are Pillow's, and with antialiasing TensorFlow's. The others read the few pixels around each
// position however much smaller the picture becomes (`area`: those that it covers), and round once at the
// end: within one gray level of OpenCV's INTER_LINEAR, INTER_CUBIC, INTER_AREA and INTER_NEAREST, and of
// TensorFlow's bilinear, bicubic and area without antialiasing. torch's interpolate is `linear` and `cubic`;
// TensorFlow 1 put pixels at their corners (`tf1_linear`).
enum class Filter {
  nearest,
  box,
  bilinear,
  bicubic,
  lanczos,
  linear,
  cubic,
  tf_cubic,
  area,
  cv_nearest,
  tf1_linear,
};

std::span<const Filter> all_filters();
std::string_view filter_name(Filter filter);
std::optional<Filter> filter_from_name(std::string_view name);

// `width` and `height` are at least 1 (asserted). Bicubic and tf_cubic are those with a = -0.5, cubic has
// a = -0.75, lanczos 3 lobes.
Image resize(const Image& image, int width, int height, Filter filter);

// The rectangle must lie inside (asserted).
Image crop(const Image& image, int left, int top, int width, int height);

}  // namespace fetafix::data
