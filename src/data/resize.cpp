#include "data/resize.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <numbers>

#include "data/resize_plain.h"

namespace fetafix::data {
namespace {

constexpr std::array<std::string_view, 11> filter_names{"nearest", "box",        "bilinear",  "bicubic",
                                                        "lanczos", "linear",     "cubic",     "tf-cubic",
                                                        "area",    "cv-nearest", "tf1-linear"};
constexpr std::array<Filter, 11> filters{Filter::nearest,    Filter::box,       Filter::bilinear,
                                         Filter::bicubic,    Filter::lanczos,   Filter::linear,
                                         Filter::cubic,      Filter::tf_cubic,  Filter::area,
                                         Filter::cv_nearest, Filter::tf1_linear};

double sinc(double x) {
  return x == 0 ? 1 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi);
}

double support_of(Filter filter) {
  switch (filter) {
    case Filter::nearest:
    case Filter::box:
      return 0.5;
    case Filter::bilinear:
      return 1;
    case Filter::bicubic:
      return 2;
    case Filter::lanczos:
      return 3;
    default:
      return 1;
  }
}

double weight(Filter filter, double x) {
  if (filter == Filter::lanczos) return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
  if (filter == Filter::box) return x > -0.5 && x <= 0.5 ? 1 : 0;
  x = std::abs(x);
  if (filter == Filter::bilinear) return x < 1 ? 1 - x : 0;
  constexpr double a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

// Weights are integers of 22 bits: 8 for the pixel, 2 to spare for overshoot.
constexpr int precision = 32 - 8 - 2;

// What one output position is made of: `count` inputs from `first`, their weights at `weights[position *
// size]`.
struct Taps {
  size_t size = 0;
  std::vector<size_t> first, count;
  std::vector<int32_t> weights;
};

Taps taps_of(int from, int to, Filter filter) {
  const double scale = static_cast<double>(from) / to;
  const double stretch = std::max(scale, 1.0);
  const double support = support_of(filter) * stretch;
  Taps taps;
  taps.size = static_cast<size_t>(std::ceil(support)) * 2 + 1;
  taps.weights.resize(static_cast<size_t>(to) * taps.size);
  std::vector<double> raw(taps.size);
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int end = std::min(static_cast<int>(center + support + 0.5), from);
    const auto count = static_cast<size_t>(end - first);
    double sum = 0;
    for (size_t k = 0; k < count; ++k) {
      raw[k] = weight(filter, (static_cast<double>(k) + first - center + 0.5) / stretch);
      sum += raw[k];
    }
    for (size_t k = 0; k < count; ++k) {
      const double scaled = (sum != 0 ? raw[k] / sum : raw[k]) * (1 << precision);
      taps.weights[static_cast<size_t>(i) * taps.size + k] =
          static_cast<int32_t>(scaled + (scaled < 0 ? -0.5 : 0.5));
    }
    taps.first.push_back(static_cast<size_t>(first));
    taps.count.push_back(count);
  }
  return taps;
}

constexpr int32_t half = 1 << (precision - 1);

uint8_t to_byte(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> precision, 0, 255));
}

template <size_t channels>
void horizontal_row(const uint8_t* row, const Taps& taps, uint8_t* out) {
  for (size_t x = 0; x < taps.first.size(); ++x) {
    const int32_t* w = &taps.weights[x * taps.size];
    const uint8_t* pixel = row + taps.first[x] * channels;
    std::array<int32_t, channels> sum;
    sum.fill(half);
    for (size_t k = 0; k < taps.count[x]; ++k)
      for (size_t c = 0; c < channels; ++c) sum[c] += pixel[k * channels + c] * w[k];
    for (size_t c = 0; c < channels; ++c) out[x * channels + c] = to_byte(sum[c]);
  }
}

Image horizontal(const Image& image, int width, Filter filter) {
  const Taps taps = taps_of(image.width, width, filter);
  Image out{width, image.height, image.channels, {}};
  const auto channels = static_cast<size_t>(image.channels);
  const size_t from = static_cast<size_t>(image.width) * channels, to = static_cast<size_t>(width) * channels;
  out.pixels.resize(to * static_cast<size_t>(image.height));
  auto* row = channels == 1 ? horizontal_row<1> : channels == 3 ? horizontal_row<3> : horizontal_row<4>;
  for (size_t y = 0; y < static_cast<size_t>(image.height); ++y)
    row(&image.pixels[y * from], taps, &out.pixels[y * to]);
  return out;
}

Image vertical(const Image& image, int height, Filter filter) {
  const Taps taps = taps_of(image.height, height, filter);
  Image out{image.width, height, image.channels, {}};
  const size_t stride = static_cast<size_t>(image.width) * static_cast<size_t>(image.channels);
  out.pixels.resize(stride * static_cast<size_t>(height));
  std::vector<int32_t> sum(stride);
  for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
    std::fill(sum.begin(), sum.end(), half);
    for (size_t k = 0; k < taps.count[y]; ++k) {
      const uint8_t* row = &image.pixels[(taps.first[y] + k) * stride];
      const int32_t w = taps.weights[y * taps.size + k];
      for (size_t i = 0; i < stride; ++i) sum[i] += row[i] * w;
    }
    for (size_t i = 0; i < stride; ++i) out.pixels[y * stride + i] = to_byte(sum[i]);
  }
  return out;
}

// Positions add up as Pillow's do, rounding and all.
std::vector<size_t> nearest_positions(int from, int to) {
  const double step = static_cast<double>(from) / to;
  std::vector<size_t> positions;
  double at = step * 0.5;
  for (int i = 0; i < to; ++i, at += step)
    positions.push_back(static_cast<size_t>(std::clamp(static_cast<int>(at), 0, from - 1)));
  return positions;
}

Image nearest(const Image& image, int width, int height) {
  const auto columns = nearest_positions(image.width, width);
  const auto rows = nearest_positions(image.height, height);
  const auto channels = static_cast<size_t>(image.channels);
  Image out{width, height, image.channels, {}};
  out.pixels.reserve(rows.size() * columns.size() * channels);
  for (size_t y : rows)
    for (size_t x : columns) {
      const uint8_t* pixel = &image.pixels[(y * static_cast<size_t>(image.width) + x) * channels];
      out.pixels.insert(out.pixels.end(), pixel, pixel + channels);
    }
  return out;
}

}  // namespace

std::span<const Filter> all_filters() {
  return filters;
}

std::string_view filter_name(Filter filter) {
  return filter_names[static_cast<size_t>(filter)];
}

std::optional<Filter> filter_from_name(std::string_view name) {
  for (size_t i = 0; i < filter_names.size(); ++i)
    if (filter_names[i] == name) return static_cast<Filter>(i);
  return std::nullopt;
}

Image resize(const Image& image, int width, int height, Filter filter) {
  assert(width > 0 && height > 0);
  if (width == image.width && height == image.height) return image;
  if (is_plain(filter)) return resize_plain(image, width, height, filter);
  if (filter == Filter::nearest) return nearest(image, width, height);
  if (width == image.width) return vertical(image, height, filter);
  const Image narrow = horizontal(image, width, filter);
  return height == image.height ? narrow : vertical(narrow, height, filter);
}

Image crop(const Image& image, int left, int top, int width, int height) {
  assert(left >= 0 && top >= 0 && left + width <= image.width && top + height <= image.height);
  const auto channels = static_cast<size_t>(image.channels);
  const size_t stride = static_cast<size_t>(image.width) * channels,
               bytes = static_cast<size_t>(width) * channels;
  Image out{width, height, image.channels, {}};
  out.pixels.resize(bytes * static_cast<size_t>(height));
  for (size_t y = 0; y < static_cast<size_t>(height); ++y)
    std::memcpy(&out.pixels[y * bytes],
                &image.pixels[(static_cast<size_t>(top) + y) * stride + static_cast<size_t>(left) * channels],
                bytes);
  return out;
}

}  // namespace fetafix::data
