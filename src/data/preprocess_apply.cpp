// From an image to a tensor.
#include <algorithm>
#include <array>
#include <cmath>

#include "data/preprocess_steps.h"

namespace fetafix::data {
namespace {

using Kind = GeometryStep::Kind;

Error apply_error(const Preprocessing& p, const std::string& why) {
  return {ErrorKind::usage, "preprocessing for input '" + p.input.name + "': " + why};
}

constexpr int64_t most_pixels = 100'000'000;  // a very long and narrow picture can ask for more

std::string size_text(int width, int height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

int at_least_one(double value) {
  return std::max(static_cast<int>(value), 1);
}

Result<Image> center_crop(const Image& image, Size size, const Preprocessing& p) {
  if (size.width > image.width || size.height > image.height)
    return apply_error(p, "a crop of " + size_text(size.width, size.height) + " from a picture of " +
                              size_text(image.width, image.height) + "; resize first");
  // Half a pixel goes to the even side, as in torchvision (Python's round).
  const auto start = [](int from, int to) { return static_cast<int>(std::nearbyint((from - to) / 2.0)); };
  return crop(image, start(image.width, size.width), start(image.height, size.height), size.width,
              size.height);
}

// Pillow's convert("L"), in its own integers.
uint8_t luma(const uint8_t* rgb) {
  return static_cast<uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
}

Image with_channels(const Image& image, Channels channels) {
  const size_t to = channels == Channels::gray ? 1 : channels == Channels::rgba ? 4 : 3;
  const auto from = static_cast<size_t>(image.channels);
  if (from == to && channels != Channels::bgr) return image;
  Image out{image.width, image.height, static_cast<int>(to), {}};
  const size_t count = static_cast<size_t>(image.width) * static_cast<size_t>(image.height);
  out.pixels.resize(count * to);
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* in = &image.pixels[i * from];
    uint8_t* pixel = &out.pixels[i * to];
    if (channels == Channels::gray) {
      pixel[0] = luma(in);
      continue;
    }
    for (size_t c = 0; c < 3; ++c) pixel[c] = in[channels == Channels::bgr ? 2 - c : c];
    if (to == 4) pixel[3] = from == 4 ? in[3] : uint8_t{255};
  }
  return out;
}

// Width and height in each other's place.
Image with_axes_swapped(const Image& image) {
  Image out{image.height, image.width, image.channels, {}};
  out.pixels.resize(image.pixels.size());
  const auto channels = static_cast<size_t>(image.channels);
  const auto width = static_cast<size_t>(image.width), height = static_cast<size_t>(image.height);
  for (size_t y = 0; y < height; ++y)
    for (size_t x = 0; x < width; ++x)
      std::copy_n(&image.pixels[(y * width + x) * channels], channels,
                  &out.pixels[(x * height + y) * channels]);
  return out;
}

// The smallest and the largest number that an integer type holds, for clamping; 64 bits as double is exact
// enough.
std::pair<double, double> integer_range(DType dtype) {
  const bool is_signed =
      dtype == DType::int8 || dtype == DType::int16 || dtype == DType::int32 || dtype == DType::int64;
  const int bits = static_cast<int>(element_size(dtype)) * 8 - (is_signed ? 1 : 0);
  const double top = std::ldexp(1.0, std::min(bits, 53));
  return {is_signed ? -top : 0.0, top - 1};
}

// What each of the 256 pixel values becomes in one channel, in the input's own numbers.
std::array<float, 256> value_table(const Preprocessing& p, size_t channel) {
  std::array<float, 256> table{};
  for (size_t x = 0; x < table.size(); ++x) {
    const auto pixel = static_cast<double>(x);
    double value = (pixel * *p.spec.scale - p.spec.mean[channel]) / p.spec.std[channel];
    if (p.raw_integers) value = p.input.dtype == DType::int8 ? pixel - 128 : pixel;
    if (is_integer(p.input.dtype)) {
      const auto [low, high] = integer_range(p.input.dtype);
      if (!p.raw_integers)
        value = std::nearbyint(value / p.input.quantization_scale) + static_cast<double>(p.input.zero_point);
      value = std::clamp(value, low, high);
    }
    table[x] = static_cast<float>(value);
  }
  return table;
}

void fill(const Image& image, const Preprocessing& p, std::span<float> out) {
  const auto channels = static_cast<size_t>(image.channels);
  const size_t count = static_cast<size_t>(image.width) * static_cast<size_t>(image.height);
  const bool nchw = p.spec.order.value_or(*p.spec.layout) == Layout::nchw;
  for (size_t c = 0; c < channels; ++c) {
    const auto table = value_table(p, c);
    float* to = out.data() + (nchw ? c * count : c);
    const size_t step = nchw ? 1 : channels;
    for (size_t i = 0; i < count; ++i) to[i * step] = table[image.pixels[i * channels + c]];
  }
  const size_t one = count * channels;
  for (size_t at = one; at + one <= out.size(); at += one) std::copy_n(out.data(), one, out.data() + at);
}

}  // namespace

bool is_crop(const GeometryStep& step) {
  return step.kind == Kind::crop_exact || step.kind == Kind::crop_fraction;
}

Size size_after(const GeometryStep& step, Size from, Size input) {
  switch (step.kind) {
    case Kind::resize_short: {
      // The long side is rounded down, as in torchvision.
      const double wide = static_cast<double>(step.width) * from.width / from.height;
      const double tall = static_cast<double>(step.width) * from.height / from.width;
      return from.width <= from.height ? Size{step.width, at_least_one(tall)}
                                       : Size{at_least_one(wide), step.width};
    }
    case Kind::resize_input:
      return input;
    case Kind::crop_fraction: {
      const int side = at_least_one(step.fraction * std::min(from.width, from.height) + 1e-6);
      return {side, side};
    }
    case Kind::resize_exact:
    case Kind::crop_exact:
      break;
  }
  return {step.width, step.height};
}

Size size_before_axes(const Preprocessing& p) {
  return p.spec.axes == Axes::wh ? Size{p.height, p.width} : Size{p.width, p.height};
}

Result<Image> pixels_for(const Image& image, const Preprocessing& p) {
  const Size wanted = size_before_axes(p);
  // Channels first: resizing gray is a third of the work, and alpha must not be resized for nothing.
  Image current = with_channels(image, *p.spec.channels);
  for (const GeometryStep& step : p.spec.steps) {
    const Size size = size_after(step, {current.width, current.height}, wanted);
    if (is_crop(step)) {
      FETAFIX_TRY(current, center_crop(current, size, p));
    } else if (int64_t{size.width} * size.height > most_pixels) {
      return apply_error(p, "a picture of " + size_text(current.width, current.height) + " would become " +
                                size_text(size.width, size.height));
    } else {
      current = resize(current, size.width, size.height, step.filter);
    }
  }
  if ((wanted.width > 0 && current.width != wanted.width) ||
      (wanted.height > 0 && current.height != wanted.height))
    return apply_error(p, "ends with " + size_text(current.width, current.height) +
                              " pixels, and the input takes " + to_string(p.input.shape) +
                              "; end it with resize=input or with crop=...");
  return p.spec.axes == Axes::wh ? with_axes_swapped(current) : current;
}

Result<Tensor> numbers_of(const Image& pixels, const Preprocessing& p) {
  const int64_t c = pixels.channels, h = pixels.height, w = pixels.width;
  Shape shape = *p.spec.layout == Layout::nchw ? Shape{c, h, w} : Shape{h, w, c};
  if (p.input.shape.size() == 4) shape.insert(shape.begin(), p.batch);
  FETAFIX_TRY(Tensor tensor, Tensor::zeros(DType::float32, shape));
  fill(pixels, p, tensor.mutable_as<float>());
  return p.input.dtype == DType::float32 ? tensor : cast(tensor, p.input.dtype);
}

Result<Tensor> apply(const Image& image, const Preprocessing& p) {
  FETAFIX_TRY(const Image pixels, pixels_for(image, p));
  return numbers_of(pixels, p);
}

}  // namespace fetafix::data
