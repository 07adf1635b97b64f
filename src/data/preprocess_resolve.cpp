// Completing a specification from the model's own input.
#include <algorithm>
#include <array>

#include "data/preprocess_steps.h"

namespace fetafix::data {
namespace {

using Kind = GeometryStep::Kind;

// Shape without batch, and where the channels are.
struct ImageShape {
  int64_t batch = 1;  // -1 dynamic
  Shape rest;         // three dimensions
};

std::string input_name(const InputSpec& input) {
  return "input '" + input.name + "' " + std::string(dtype_name(input.dtype)) + to_string(input.shape);
}

Error input_error(const InputSpec& input, const std::string& why) {
  return {ErrorKind::usage, input_name(input) + ": " + why};
}

bool is_channel_count(int64_t d) {
  return d == 1 || d == 3 || d == 4;
}

Result<ImageShape> image_shape(const InputSpec& input) {
  if (input.shape.size() == 4)
    return ImageShape{input.shape[0], Shape(input.shape.begin() + 1, input.shape.end())};
  if (input.shape.size() == 3) return ImageShape{1, input.shape};
  return input_error(input,
                     "takes no image (an image needs 3 or 4 dimensions); give its values as a .npz file");
}

// Both ends may look like channels: then a square picture decides ([4,4,3]), else the spec has to say
// ([3,224,3]).
Result<Layout> layout_of(const PreprocessSpec& spec, const ImageShape& shape, const InputSpec& input,
                         std::vector<std::string>& assumptions) {
  bool first = is_channel_count(shape.rest[0]), last = is_channel_count(shape.rest[2]);
  const bool square_first = shape.rest[1] == shape.rest[2], square_last = shape.rest[0] == shape.rest[1];
  if (first && last && square_first != square_last) (square_first ? last : first) = false;
  if (spec.layout) {
    const int64_t channels = *spec.layout == Layout::nchw ? shape.rest[0] : shape.rest[2];
    if (channels >= 0 && !is_channel_count(channels))
      return input_error(input, "the layout that was given puts " + std::to_string(channels) +
                                    " channels there; leave out 'layout' or change it");
    return *spec.layout;
  }
  if (first == last)
    return input_error(input,
                       std::string(first ? "both" : "none") +
                           " of its ends look like 1, 3 or 4 channels; say layout=NCHW or layout=NHWC");
  assumptions.push_back("layout " + std::string(first ? "NCHW" : "NHWC") + " taken from " +
                        input_name(input));
  return first ? Layout::nchw : Layout::nhwc;
}

int channel_count(Channels channels) {
  return channels == Channels::gray ? 1 : channels == Channels::rgba ? 4 : 3;
}

Result<Channels> channels_of(const PreprocessSpec& spec, int64_t wanted, const InputSpec& input,
                             std::vector<std::string>& assumptions) {
  if (spec.channels) {
    if (wanted >= 0 && wanted != channel_count(*spec.channels))
      return input_error(input, "has " + std::to_string(wanted) + " channels, and the specification gives " +
                                    std::to_string(channel_count(*spec.channels)));
    return *spec.channels;
  }
  const Channels assumed = wanted == 1 ? Channels::gray : wanted == 4 ? Channels::rgba : Channels::rgb;
  const char* name = wanted == 1 ? "GRAY" : wanted == 4 ? "RGBA" : "RGB";
  assumptions.push_back(std::string("channels ") + name + " assumed for input '" + input.name + "'");
  return assumed;
}

// What the steps end with, when that is the same for every image: then for a wide, a tall and a smaller one.
std::optional<Size> final_size(const Preprocessing& p) {
  std::array<Size, 3> sizes{{{4000, 3000}, {3000, 4000}, {1900, 1700}}};
  for (const GeometryStep& step : p.spec.steps)
    for (Size& size : sizes) size = size_after(step, size, size_before_axes(p));
  return sizes[0] == sizes[1] && sizes[1] == sizes[2] ? std::optional(sizes[0]) : std::nullopt;
}

Status check_size(const Preprocessing& p) {
  const auto size = final_size(p);
  const Size wanted = size_before_axes(p);
  if (!size || ((wanted.width < 0 || wanted.width == size->width) &&
                (wanted.height < 0 || wanted.height == size->height)))
    return {};
  return input_error(p.input, "the preprocessing ends with " + std::to_string(size->width) + "x" +
                                  std::to_string(size->height) +
                                  " pixels; end it with resize=input or with crop=...");
}

Status complete_geometry(Preprocessing& p) {
  if (p.spec.steps.empty()) {
    if (p.width <= 0 || p.height <= 0)
      return input_error(p.input, "takes any size: say resize=... or crop=... in the preprocessing");
    p.spec.steps.push_back({Kind::resize_input, 0, 0, 0, Filter::bilinear});
    p.assumptions.push_back("resize to " + std::to_string(p.width) + "x" + std::to_string(p.height) +
                            " (bilinear, aspect not kept) taken from input '" + p.input.name + "'");
  }
  for (const GeometryStep& step : p.spec.steps)
    if (step.kind == Kind::resize_input && (p.width <= 0 || p.height <= 0))
      return input_error(p.input, "takes any size, so resize=input says nothing: name the size");
  return check_size(p);
}

bool changes_values(const PreprocessSpec& spec) {
  const auto all = [](const std::vector<double>& numbers, double value) {
    return std::all_of(numbers.begin(), numbers.end(), [=](double n) { return n == value; });
  };
  return *spec.scale != 1 || !all(spec.mean, 0) || !all(spec.std, 1);
}

Status complete_numbers(Preprocessing& p) {
  const auto channels = static_cast<size_t>(channel_count(*p.spec.channels));
  if (!p.spec.scale) p.spec.scale = 1;
  if (p.spec.mean.empty()) p.spec.mean = {0};
  if (p.spec.std.empty()) p.spec.std = {1};
  for (auto* numbers : {&p.spec.mean, &p.spec.std}) {
    if (numbers->size() == 1) numbers->resize(channels, numbers->front());
    if (numbers->size() != channels)
      return input_error(p.input, "mean and std need one number, or one for each of " +
                                      std::to_string(channels) + " channels");
  }
  return {};
}

Status complete_values(Preprocessing& p) {
  bool silent = !p.spec.scale && p.spec.mean.empty() && p.spec.std.empty();
  const bool integers = is_integer(p.input.dtype);
  if (!integers && !is_floating(p.input.dtype))
    return input_error(p.input, "takes no image; give its values as a .npz file");
  if (silent && !integers && !p.input.stated_mean.empty()) {
    p.spec.mean = p.input.stated_mean;
    p.spec.std = p.input.stated_std;
    p.assumptions.push_back("mean and std of input '" + p.input.name +
                            "' taken from the metadata of its file");
    silent = false;
  }
  FETAFIX_CHECK(complete_numbers(p));
  p.raw_integers = integers && (silent || p.input.quantization_scale == 0);
  if (p.raw_integers && changes_values(p.spec))
    return input_error(p.input, "takes integers and has no quantization: leave out scale, mean and std");
  const std::string how = !integers                      ? "0 to 255 left as they are"
                          : p.input.dtype == DType::int8 ? "less 128"
                                                         : "as they are";
  if (silent)
    p.assumptions.push_back("pixel values " + how + " for input '" + p.input.name +
                            "': no scale, mean or std was given");
  return {};
}

// The dimension of the height, before that of the width; nullopt: the shape does not say.
std::optional<size_t> height_axis(const InputSpec& input) {
  std::vector<std::string> unsaid;
  const auto shape = image_shape(input);
  if (!shape.ok()) return std::nullopt;
  const auto layout = layout_of({}, *shape, input, unsaid);
  if (!layout.ok()) return std::nullopt;
  return input.shape.size() - (*layout == Layout::nchw ? 2 : 3);
}

}  // namespace

InputSpec sized_like(const PreprocessSpec& spec, const InputSpec& input, const InputSpec& other) {
  const bool left = spec.steps.empty() || std::ranges::any_of(spec.steps, [](const GeometryStep& step) {
                      return step.kind == Kind::resize_input;
                    });
  const auto mine = height_axis(input), theirs = height_axis(other);
  InputSpec out = input;
  for (size_t axis = 0; left && mine && theirs && axis < 2; ++axis)
    if (out.shape[*mine + axis] < 0) out.shape[*mine + axis] = other.shape[*theirs + axis];
  return out;
}

Result<Preprocessing> resolve(const PreprocessSpec& spec, const InputSpec& input) {
  Preprocessing p;
  p.spec = spec;
  p.input = input;
  FETAFIX_TRY(ImageShape shape, image_shape(input));
  FETAFIX_TRY(p.spec.layout, layout_of(spec, shape, input, p.assumptions));
  const bool nchw = *p.spec.layout == Layout::nchw;
  FETAFIX_TRY(p.spec.channels, channels_of(spec, shape.rest[nchw ? 0 : 2], input, p.assumptions));
  const int64_t height = shape.rest[nchw ? 1 : 0], width = shape.rest[nchw ? 2 : 1];
  constexpr int64_t largest_side = 1 << 15;
  if (height > largest_side || width > largest_side) return input_error(input, "is larger than any image");
  p.height = static_cast<int>(height);  // -1 stays -1: the image decides
  p.width = static_cast<int>(width);
  p.batch = shape.batch < 0 ? 1 : shape.batch;
  if (p.batch < 1 || p.batch > 1024) return input_error(input, "has a batch that is not taken");
  if (p.batch > 1)
    p.assumptions.push_back("input '" + input.name + "' wants " + std::to_string(p.batch) +
                            " pictures at once: each one is repeated");
  FETAFIX_CHECK(complete_geometry(p));
  FETAFIX_CHECK(complete_values(p));
  return p;
}

}  // namespace fetafix::data
