// The text form of preprocessing specifications, both ways.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/near.h"
#include "data/preprocess.h"

namespace fetafix::data {
namespace {

using Kind = GeometryStep::Kind;

constexpr std::array<std::string_view, 2> axes_names{"HW", "WH"};
constexpr std::array<std::string_view, 2> layout_names{"NCHW", "NHWC"};
constexpr std::array<std::string_view, 4> channel_names{"RGB", "BGR", "GRAY", "RGBA"};
constexpr int largest_side = 16384;

Error spec_error(std::string_view item, const std::string& why) {
  return {ErrorKind::usage, "preprocessing: '" + std::string(item) + "': " + why};
}

std::vector<std::string_view> split_at(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<double> plain_number(std::string_view text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// "0.5" or "1/255".
std::optional<double> number(std::string_view text) {
  const size_t slash = text.find('/');
  const auto above = plain_number(text.substr(0, slash));
  if (slash == std::string_view::npos || !above) return above;
  const auto below = plain_number(text.substr(slash + 1));
  if (!below || *below == 0) return std::nullopt;
  return *above / *below;
}

std::optional<int> side(std::string_view text) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value >= 1 && value <= largest_side ? std::optional(value) : std::nullopt;
}

// "224x160": width, then height.
bool sides(std::string_view text, GeometryStep& step) {
  const size_t x = text.find('x');
  const auto width = side(text.substr(0, x));
  const auto height = x == std::string_view::npos ? width : side(text.substr(x + 1));
  if (!width || !height) return false;
  step.width = *width;
  step.height = *height;
  return true;
}

Result<GeometryStep> parse_resize(std::string_view item, std::string_view value) {
  const auto parts = split_at(value, ':');
  GeometryStep step;
  if (parts.size() > 2) return spec_error(item, "expected resize=SIZE[:FILTER]");
  if (parts.size() == 2) {
    const auto filter = filter_from_name(parts[1]);
    if (!filter) {
      std::vector<std::string> known;
      for (const Filter one : all_filters()) known.emplace_back(filter_name(one));
      return spec_error(item, "no filter '" + std::string(parts[1]) + "'; use one of " + joined(known));
    }
    step.filter = *filter;
  }
  if (parts[0] == "input") {
    step.kind = Kind::resize_input;
    return step;
  }
  step.kind = parts[0].find('x') == std::string_view::npos ? Kind::resize_short : Kind::resize_exact;
  if (!sides(parts[0], step))
    return spec_error(item,
                      "expected the short side (256), WIDTHxHEIGHT (320x240) or 'input', up to 16384 pixels");
  return step;
}

Result<GeometryStep> parse_crop(std::string_view item, std::string_view value) {
  GeometryStep step;
  step.kind = Kind::crop_exact;
  if (sides(value, step)) return step;
  const auto fraction = number(value);
  if (!fraction || *fraction <= 0 || *fraction > 1)
    return spec_error(item, "expected pixels (224), WIDTHxHEIGHT or a fraction of the short side (0.875)");
  step.kind = Kind::crop_fraction;
  step.fraction = *fraction;
  return step;
}

Result<std::vector<double>> parse_numbers(std::string_view item, std::string_view value, bool positive) {
  std::vector<double> numbers;
  for (std::string_view part : split_at(value, ':')) {
    const auto parsed = number(part);
    if (!parsed || (positive && *parsed <= 0))
      return spec_error(item, "'" + std::string(part) + "' is not a " + (positive ? "positive " : "") +
                                  "number; write 0.485:0.456:0.406");
    numbers.push_back(*parsed);
  }
  if (numbers.size() != 1 && numbers.size() != 3 && numbers.size() != 4)
    return spec_error(item,
                      "has " + std::to_string(numbers.size()) + " numbers; expected one, or one a channel");
  return numbers;
}

template <class Enum, size_t n>
Result<Enum> parse_name(std::string_view item, std::string_view value,
                        const std::array<std::string_view, n>& names) {
  std::string known;
  for (size_t i = 0; i < n; ++i) {
    if (names[i] == value) return static_cast<Enum>(i);
    known += (i ? ", " : "") + std::string(names[i]);
  }
  return spec_error(item, "expected one of " + known);
}

Status parse_item(std::string_view item, PreprocessSpec& spec) {
  const size_t equals = item.find('=');
  const std::string_view key = item.substr(0, equals);
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1);
  if (key == "resize") {
    FETAFIX_TRY(GeometryStep step, parse_resize(item, value));
    spec.steps.push_back(step);
  } else if (key == "crop") {
    FETAFIX_TRY(GeometryStep step, parse_crop(item, value));
    spec.steps.push_back(step);
  } else if (key == "layout") {
    FETAFIX_TRY(spec.layout, parse_name<Layout>(item, value, layout_names));
  } else if (key == "channels") {
    FETAFIX_TRY(spec.channels, parse_name<Channels>(item, value, channel_names));
  } else if (key == "axes") {
    FETAFIX_TRY(spec.axes, parse_name<Axes>(item, value, axes_names));
  } else if (key == "order") {
    FETAFIX_TRY(spec.order, parse_name<Layout>(item, value, layout_names));
  } else if (key == "scale") {
    const auto scale = number(value);
    if (!scale || *scale == 0) return spec_error(item, "expected a number such as 1/255");
    spec.scale = *scale;
  } else if (key == "mean") {
    FETAFIX_TRY(spec.mean, parse_numbers(item, value, false));
  } else if (key == "std") {
    FETAFIX_TRY(spec.std, parse_numbers(item, value, true));
  } else {
    return spec_error(item,
                      "no such key; use resize, crop, layout, channels, scale, mean, std, axes or order");
  }
  return {};
}

Result<PreprocessSpec> parse_preset(std::string_view name) {
  std::string known;
  for (const Preset& preset : preprocess_presets()) {
    if (preset.name == name) return parse_preprocess(preset.spec);
    known += (known.empty() ? "" : ", ") + std::string(preset.name);
  }
  return spec_error(name, "neither KEY=VALUE nor a preset; presets: " + known);
}

std::string shortest(double value) {
  std::array<char, 40> text{};
  auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::string(text.data(), end) : "0";
}

// 1/255 rather than 0.00392156862745098, where it parses back to the same.
std::string fraction_text(double value) {
  const std::string whole = shortest(value), below = shortest(std::round(10 / value) / 10);
  const auto same = number("1/" + below);
  return whole.size() > below.size() + 4 && same == value ? "1/" + below : whole;
}

std::string numbers_text(const std::vector<double>& numbers) {
  const bool one = std::all_of(numbers.begin(), numbers.end(), [&](double n) { return n == numbers[0]; });
  std::string text;
  for (size_t i = 0; i < (one ? 1 : numbers.size()); ++i) text += (i ? ":" : "") + shortest(numbers[i]);
  return text;
}

std::string step_text(const GeometryStep& step) {
  const std::string size = std::to_string(step.width) + "x" + std::to_string(step.height);
  const std::string filter = ":" + std::string(filter_name(step.filter));
  switch (step.kind) {
    case Kind::resize_short:
      return "resize=" + std::to_string(step.width) + filter;
    case Kind::resize_exact:
      return "resize=" + size + filter;
    case Kind::resize_input:
      return "resize=input" + filter;
    case Kind::crop_exact:
      return "crop=" + (step.width == step.height ? std::to_string(step.width) : size);
    case Kind::crop_fraction:
      // A whole 1 would read as one pixel.
      return "crop=" + (step.fraction == 1 ? std::string("1.0") : shortest(step.fraction));
  }
  return "";
}

}  // namespace

const std::vector<Preset>& preprocess_presets() {
  static const std::vector<Preset> presets{
      {"efficientnet-lite", "crop=0.875,resize=224:bicubic,channels=RGB,scale=1,mean=127,std=128",
       "EfficientNet-Lite0: center 7/8, bicubic, (x - 127) / 128"},
      {"torchvision",
       "resize=256:bilinear,crop=224,channels=RGB,scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225",
       "torchvision's ImageNet models"},
      {"keras-tf", "resize=input:bilinear,channels=RGB,scale=1/127.5,mean=1,std=1",
       "keras.applications, mode 'tf': x / 127.5 - 1"},
      {"keras-caffe", "resize=input:bilinear,channels=BGR,scale=1,mean=103.939:116.779:123.68,std=1",
       "keras.applications, mode 'caffe': BGR less the mean"},
      {"keras-torch",
       "resize=input:bilinear,channels=RGB,scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225",
       "keras.applications, mode 'torch'"},
      {"mobilenet", "crop=0.875,resize=input:bilinear,channels=RGB,scale=1/127.5,mean=1,std=1",
       "TensorFlow's MobileNets: center 7/8, x / 127.5 - 1"},
      {"raw", "scale=1,mean=0,std=1", "pixel values 0 to 255"},
      {"unit", "scale=1/255,mean=0,std=1", "pixel values 0 to 1"},
  };
  return presets;
}

Result<PreprocessSpec> parse_preprocess(std::string_view text) {
  PreprocessSpec spec;
  if (text.empty()) return spec;
  auto items = split_at(text, ',');
  bool preset_steps = false;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i == 0 && items[i].find('=') == std::string_view::npos) {
      FETAFIX_TRY(spec, parse_preset(items[i]));
      preset_steps = true;
      continue;
    }
    const bool geometry = items[i].starts_with("resize=") || items[i].starts_with("crop=");
    if (geometry && preset_steps) spec.steps.clear();  // what is written replaces the preset's
    if (geometry) preset_steps = false;
    FETAFIX_CHECK(parse_item(items[i], spec));
  }
  return spec;
}

std::string to_text(const PreprocessSpec& spec) {
  std::vector<std::string> items;
  for (const GeometryStep& step : spec.steps) items.push_back(step_text(step));
  if (spec.layout) items.push_back("layout=" + std::string(layout_names[static_cast<size_t>(*spec.layout)]));
  if (spec.channels)
    items.push_back("channels=" + std::string(channel_names[static_cast<size_t>(*spec.channels)]));
  if (spec.scale) items.push_back("scale=" + fraction_text(*spec.scale));
  if (!spec.mean.empty()) items.push_back("mean=" + numbers_text(spec.mean));
  if (!spec.std.empty()) items.push_back("std=" + numbers_text(spec.std));
  if (spec.axes == Axes::wh) items.emplace_back("axes=WH");
  if (spec.order) items.push_back("order=" + std::string(layout_names[static_cast<size_t>(*spec.order)]));
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ",") + item;
  return text;
}

}  // namespace fetafix::data
