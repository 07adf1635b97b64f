// Error along the depth. Zero has no place on a logarithmic scale: everything below the floor lies on the
// lowest line, what is infinite or not a number on the highest.
#include <algorithm>
#include <cmath>

#include "report/html_parts.h"
#include "report/words.h"
#include "results/sentences.h"

namespace fetafix::report {
namespace {

using results::DepthPoint;
using results::SegmentState;

constexpr int floor_exponent = -9;  // below the rounding of float32 there is nothing to see
constexpr double width = 800, height = 300, left = 52, right = 16, top = 26, bottom = 34;

class Plot {
 public:
  explicit Plot(const std::vector<DepthPoint>& points) : points_(points) {
    for (const DepthPoint& p : points)
      highest_ =
          std::max({highest_, exponent(p.relative_error), exponent(p.relative_error_after.value_or(0))});
    highest_ = std::min(highest_, 9);
  }

  std::string grid() const {
    std::string out;
    const int step = highest_ - floor_exponent > 10 ? 3 : 2;
    for (int e = floor_exponent; e <= highest_; e += step) {
      const double at = y(std::pow(10.0, e));
      out += "<line class=\"grid\"" + number("x1", left) + number("x2", width - right) + number("y1", at) +
             number("y2", at) + "/>";
      out += "<text" + number("x", left - 8) + number("y", at + 4) + " text-anchor=\"end\">" +
             (e == floor_exponent ? "0" : "10" + superscript(e)) + "</text>";
    }
    return out;
  }

  std::string axis() const {
    std::string out;
    const size_t last = points_.size() - 1;
    const size_t parts = std::min<size_t>(last, 4);
    for (size_t i = 0; i <= parts; ++i) {
      const size_t at = parts == 0 ? 0 : last * i / parts;
      const char* anchor = i == 0 ? "start" : i == parts ? "end" : "middle";
      out += "<text" + number("x", x(at)) + number("y", height - 10) + " text-anchor=\"" + anchor + "\">" +
             std::to_string(points_[at].operator_index) + "</text>";
    }
    return out;
  }

  std::string mark(size_t i) const {
    const DepthPoint& p = points_[i];
    const bool faulty = p.state == SegmentState::faulty;
    std::string out = "<g><title>" + title(p) + "</title>";
    if (faulty)
      out += "<line class=\"stem\"" + number("x1", x(i)) + number("x2", x(i)) +
             number("y1", y(p.relative_error)) + number("y2", y(0)) + "/>";
    out += "<circle class=\"" + std::string(results::segment_state_name(p.state)) + "\"" +
           number("cx", x(i)) + number("cy", y(p.relative_error)) + number("r", faulty ? 5 : 2.5) + "/>";
    if (p.relative_error_after)
      out += "<circle class=\"after\"" + number("cx", x(i)) + number("cy", y(*p.relative_error_after)) +
             number("r", 4) + "/>";
    return out + "</g>";
  }

  // The name beside the first few faulty points; more would lie on each other.
  std::string label(size_t i) const {
    const bool flipped = x(i) > width / 2;
    return "<text class=\"strong\"" + number("x", x(i) + (flipped ? -9 : 9)) +
           number("y", y(points_[i].relative_error) - 6) + " text-anchor=\"" + (flipped ? "end" : "start") +
           "\">" +
           escaped(shortened(clean(std::to_string(points_[i].operator_index) + " " + points_[i].type), 28)) +
           "</text>";
  }

 private:
  static int exponent(double value) {
    if (std::isnan(value) || std::isinf(value)) return 1;
    return value > 0 ? static_cast<int>(std::ceil(std::log10(value))) : floor_exponent;
  }
  static std::string number(const char* name, double value) {
    const double rounded = std::round(value * 10) / 10;
    std::string text = std::to_string(rounded);
    return std::string(" ") + name + "=\"" + text.substr(0, text.find('.') + 2) + "\"";
  }
  static std::string superscript(int exponent_value) {
    static const char* const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    return std::string(exponent_value < 0 ? "⁻" : "") + digits[std::abs(exponent_value) % 10];
  }
  static std::string title(const DepthPoint& p) {
    std::string out = std::to_string(p.operator_index) + " " + p.type + (p.name.empty() ? "" : " " + p.name) +
                      ": " + std::string(results::segment_state_name(p.state)) + ", relative error " +
                      results::number_text(p.relative_error) + ", error / tolerance " +
                      results::number_text(p.ratio_to_tolerance);
    if (p.relative_error_after) out += ", after the repair " + results::number_text(*p.relative_error_after);
    return escaped(out);
  }
  double x(size_t i) const {
    const double last = static_cast<double>(std::max<size_t>(points_.size() - 1, 1));
    return left + 8 + (width - left - right - 16) * static_cast<double>(i) / last;
  }
  double y(double value) const {
    const double low = floor_exponent, high = highest_;
    double e = std::isfinite(value) ? (value > 0 ? std::log10(value) : low) : high;
    e = std::clamp(e, low, high);
    return height - bottom - (height - top - bottom) * (e - low) / (high - low);
  }

  const std::vector<DepthPoint>& points_;
  int highest_ = 0;
};

}  // namespace

std::string html_depth(const results::Result& r) {
  if (r.depth.empty()) return "";
  const Plot plot(r.depth);
  std::string marks, labels;
  size_t labeled = 0;
  for (size_t i = 0; i < r.depth.size(); ++i) {
    marks += plot.mark(i);
    if (r.depth[i].state == SegmentState::faulty && labeled < 4) labels += plot.label(i), ++labeled;
  }
  const bool after = std::any_of(r.depth.begin(), r.depth.end(),
                                 [](const DepthPoint& p) { return p.relative_error_after.has_value(); });
  return "<section><h2>Error along the depth of the target</h2><figure><div class=\"scroll\"><svg "
         "viewBox=\"0 0 800 300\" "
         "role=\"img\" aria-label=\"relative error of each operator of the target, logarithmic\">" +
         plot.grid() + plot.axis() + marks + labels +
         "</svg></div><figcaption>The relative error that each operator makes by itself, on the source&#39;s "
         "own values; "
         "operators from left to right in the order of execution" +
         std::string(after ? "; the rings are after the repair" : "") + ".</figcaption></figure></section>\n";
}

}  // namespace fetafix::report
