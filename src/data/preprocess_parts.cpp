#include "data/preprocess_parts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "data/preprocess_steps.h"

namespace fetafix::data {
namespace {

using Kind = GeometryStep::Kind;

constexpr std::array all_parts{Part::values, Part::channels, Part::axes, Part::order, Part::geometry};

// How a channel's pixel value becomes a number: value * factor - shift.
struct Line {
  double factor, shift;
  double at(double x) const { return x * factor - shift; }
};

std::vector<Line> lines_of(const PreprocessSpec& spec) {
  std::vector<Line> out;
  for (size_t c = 0; c < spec.mean.size() && c < spec.std.size(); ++c)
    out.push_back({spec.scale.value_or(1) / spec.std[c], spec.mean[c] / spec.std[c]});
  return out;
}

bool is_near(double a, double b) {
  return std::abs(a - b) <= 1e-9 * std::max({1.0, std::abs(a), std::abs(b)});
}

bool is_same(const Line& a, const Line& b) {
  return is_near(a.factor * 255, b.factor * 255) && is_near(a.shift, b.shift);
}

bool same_values(const PreprocessSpec& a, const PreprocessSpec& b) {
  const auto x = lines_of(a), y = lines_of(b);
  return std::equal(x.begin(), x.end(), y.begin(), y.end(), is_same);
}

bool is_uniform(const PreprocessSpec& spec) {
  const auto lines = lines_of(spec);
  return std::all_of(lines.begin(), lines.end(), [&](const Line& one) { return is_same(one, lines[0]); });
}

Layout order_of(const PreprocessSpec& spec) {
  return spec.order.value_or(spec.layout.value_or(Layout::nchw));
}

bool is_reshaped(const PreprocessSpec& spec) {
  return spec.order && spec.layout && *spec.order != *spec.layout;
}

void set_reshaped(PreprocessSpec& spec, bool reshaped) {
  spec.order.reset();
  if (reshaped) spec.order = spec.layout == Layout::nchw ? Layout::nhwc : Layout::nchw;
}

bool is_same(Part part, const PreprocessSpec& a, const PreprocessSpec& b) {
  switch (part) {
    case Part::values:
      return same_values(a, b);
    case Part::channels:
      return a.channels == b.channels;
    case Part::axes:
      return a.axes == b.axes;
    case Part::order:
      return is_reshaped(a) == is_reshaped(b);
    case Part::geometry:
      return a.steps == b.steps;
  }
  return true;
}

std::vector<GeometryStep> crops_of(const PreprocessSpec& spec) {
  std::vector<GeometryStep> out = spec.steps;
  std::erase_if(out, [](const GeometryStep& step) { return !is_crop(step); });
  return out;
}

PreprocessSpec without_filters(PreprocessSpec spec) {
  for (GeometryStep& step : spec.steps) step.filter = Filter::bilinear;
  return spec;
}

std::string short_number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3g", value);
  return text.data();
}

// One of the ways in which frameworks make numbers of pixels; mean and std of RGB.
struct Range {
  double scale;
  std::vector<double> mean, std;
};

const std::vector<Range>& known_ranges() {
  static const std::vector<double> one(3, 1.0), none(3, 0.0), mean{0.485, 0.456, 0.406},
      std{0.229, 0.224, 0.225};
  static const std::vector<Range> ranges{
      {1, none, one},
      {1.0 / 255, none, one},
      {1.0 / 127.5, one, one},
      {1, std::vector<double>(3, 127), std::vector<double>(3, 128)},
      {1, std::vector<double>(3, 128), std::vector<double>(3, 128)},
      {1, std::vector<double>(3, 128), one},
      {1.0 / 255, std::vector<double>(3, 0.5), one},
      {1.0 / 255, mean, std},
      {1.0 / 255, mean, one},
      {1, {123.68, 116.779, 103.939}, one},
      {1, {123.675, 116.28, 103.53}, {58.395, 57.12, 57.375}},
      {1.0 / 255, {0.48145466, 0.4578275, 0.40821073}, {0.26862954, 0.26130258, 0.27577711}},
  };
  return ranges;
}

void add(std::vector<PreprocessSpec>& out, PreprocessSpec spec) {
  const bool known = std::any_of(out.begin(), out.end(), [&](const PreprocessSpec& other) {
    return differing_parts(other, spec).empty();
  });
  if (!known) out.push_back(std::move(spec));
}

// The numbers of `base` and those that frameworks make, in either order of the channels.
std::vector<PreprocessSpec> with_other_values(const PreprocessSpec& base) {
  std::vector<PreprocessSpec> out{base};
  if (base.channels != Channels::rgb && base.channels != Channels::bgr) {
    for (const Range& range : known_ranges()) {
      PreprocessSpec spec = base;
      spec.scale = range.scale;
      spec.mean.assign(base.mean.size(), range.mean[0]);
      spec.std.assign(base.std.size(), range.std[0]);
      if (range.mean[0] == range.mean[1]) add(out, std::move(spec));
    }
    return out;
  }
  std::vector<Range> ranges{{base.scale.value_or(1), base.mean, base.std}};
  ranges.insert(ranges.end(), known_ranges().begin(), known_ranges().end());
  for (Range range : ranges)
    for (int turn = 0; turn < 2; ++turn) {
      for (const Channels channels : {Channels::rgb, Channels::bgr}) {
        PreprocessSpec spec = base;
        spec.scale = range.scale, spec.mean = range.mean, spec.std = range.std, spec.channels = channels;
        add(out, std::move(spec));
      }
      std::reverse(range.mean.begin(), range.mean.end());
      std::reverse(range.std.begin(), range.std.end());
    }
  return out;
}

void sort_by_distance(std::vector<PreprocessSpec>& specs, const PreprocessSpec& base) {
  std::erase_if(specs, [&](const PreprocessSpec& spec) { return differing_parts(spec, base).empty(); });
  std::stable_sort(specs.begin(), specs.end(), [&](const PreprocessSpec& a, const PreprocessSpec& b) {
    return differing_parts(a, base).size() < differing_parts(b, base).size();
  });
}

std::string values_text(const PreprocessSpec& spec) {
  PreprocessSpec values;
  values.scale = spec.scale, values.mean = spec.mean, values.std = spec.std;
  if (!spec.mean.empty() && is_uniform(spec)) {
    values.mean.assign(1, spec.mean.at(0));
    values.std.assign(1, spec.std.at(0));
  }
  const auto lines = lines_of(spec);
  if (lines.empty()) return to_text(values);
  const auto [low, high] = std::minmax_element(
      lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.at(127.5) < b.at(127.5); });
  return to_text(values) + " (" + short_number(low->at(0)) + " to " + short_number(high->at(255)) + ")";
}

constexpr std::array<Mistake, 8> mistakes{{
    {"value-range", "pixel values reach the model in another range"},
    {"mean-std", "other means or deviations of the channels"},
    {"channel-order", "RGB for BGR, or the reverse"},
    {"axes-swapped", "width and height in each other's place"},
    {"reshaped-input", "NCHW made NHWC, or the reverse, by a reshape in place of a transposition"},
    {"resize-filter", "pictures resized with another filter"},
    {"resize-size", "pictures resized to another size before the crop"},
    {"crop", "another part of the picture is cut out"},
}};

}  // namespace

std::span<const Mistake> preprocess_mistakes() {
  return mistakes;
}

std::vector<Part> differing_parts(const PreprocessSpec& a, const PreprocessSpec& b) {
  std::vector<Part> out;
  for (Part part : all_parts)
    if (!is_same(part, a, b)) out.push_back(part);
  return out;
}

PreprocessSpec with_part(PreprocessSpec spec, Part part, const PreprocessSpec& from) {
  switch (part) {
    case Part::values:
      spec.scale = from.scale, spec.mean = from.mean, spec.std = from.std;
      break;
    case Part::channels:
      spec.channels = from.channels;
      break;
    case Part::axes:
      spec.axes = from.axes;
      break;
    case Part::order:
      set_reshaped(spec, is_reshaped(from));
      break;
    case Part::geometry:
      spec.steps = from.steps;
      break;
  }
  return spec;
}

std::string_view mistake_name(Part part, const PreprocessSpec& wrong, const PreprocessSpec& right) {
  switch (part) {
    case Part::values:
      return is_uniform(wrong) && is_uniform(right) ? "value-range" : "mean-std";
    case Part::channels:
      return "channel-order";
    case Part::axes:
      return "axes-swapped";
    case Part::order:
      return "reshaped-input";
    case Part::geometry:
      break;
  }
  if (without_filters(wrong).steps == without_filters(right).steps) return "resize-filter";
  return crops_of(wrong) == crops_of(right) ? "resize-size" : "crop";
}

std::string part_text(Part part, const PreprocessSpec& spec) {
  PreprocessSpec alone;
  switch (part) {
    case Part::values:
      return values_text(spec);
    case Part::channels:
      alone.channels = spec.channels;
      return to_text(alone).substr(std::string_view("channels=").size());
    case Part::axes:
      return spec.axes == Axes::hw ? "height before width" : "width before height";
    case Part::order:
      return std::string("numbers in the order ") + (order_of(spec) == Layout::nchw ? "NCHW" : "NHWC");
    case Part::geometry:
      alone.steps = spec.steps;
      return to_text(alone);
  }
  return "";
}

std::string short_text(const Preprocessing& preprocessing) {
  const InputSpec& input = preprocessing.input;
  for (const Preset& preset : preprocess_presets()) {
    const auto spec = parse_preprocess(preset.spec);
    if (!spec.ok()) continue;
    const auto whole = resolve(*spec, input);
    if (whole.ok() && differing_parts(whole->spec, preprocessing.spec).empty())
      return std::string(preset.name);
  }
  PreprocessSpec spec = preprocessing.spec;
  spec.layout.reset();
  const auto whole = resolve(spec, input);
  return to_text(whole.ok() && whole->spec.layout == preprocessing.spec.layout ? spec : preprocessing.spec);
}

std::vector<PreprocessSpec> value_variations(const PreprocessSpec& base) {
  std::vector<PreprocessSpec> out;
  for (const PreprocessSpec& values : with_other_values(base))
    for (const Axes axes : {Axes::hw, Axes::wh})
      for (const bool reshaped : {false, true}) {
        PreprocessSpec spec = values;
        spec.axes = axes;
        set_reshaped(spec, reshaped);
        out.push_back(std::move(spec));
      }
  sort_by_distance(out, base);
  return out;
}

std::vector<PreprocessSpec> geometry_variations(const PreprocessSpec& base, int side) {
  std::vector<PreprocessSpec> out;
  const auto add_steps = [&](std::vector<GeometryStep> steps) {
    PreprocessSpec spec = base;
    spec.steps = std::move(steps);
    out.push_back(std::move(spec));
  };
  for (const Filter filter : all_filters()) {
    std::vector<GeometryStep> same = base.steps;
    for (GeometryStep& step : same)
      if (!is_crop(step)) step.filter = filter;
    add_steps(std::move(same));
    const GeometryStep to_input{Kind::resize_input, 0, 0, 0, filter};
    add_steps({to_input});
    for (const double fraction : {1.0, 0.875}) add_steps({{Kind::crop_fraction, 0, 0, fraction}, to_input});
    for (const double larger : {1.0, 232.0 / 224, 256.0 / 224})
      add_steps({{Kind::resize_short, static_cast<int>(std::lround(side * larger)), 0, 0, filter},
                 {Kind::crop_exact, side, side, 0}});
  }
  sort_by_distance(out, base);
  return out;
}

}  // namespace fetafix::data
