#include "data/resize_plain.h"

#include <algorithm>
#include <cmath>

namespace fetafix::data {
namespace {

// An input position and how much it counts.
struct Tap {
  size_t from;
  double weight;
};
using Taps = std::vector<Tap>;

double linear(double x) {
  return std::max(0.0, 1 - std::abs(x));
}

// Keys' kernel; OpenCV and torch take a = -0.75, TensorFlow -0.5.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

double weight(Filter filter, double x) {
  if (filter == Filter::cubic) return cubic(x, -0.75);
  return filter == Filter::tf_cubic ? cubic(x, -0.5) : linear(x);
}

// Beyond the edge lies what is at the edge.
Taps around(double center, int from, Filter filter) {
  const int first = static_cast<int>(std::floor(center)) - 1;
  Taps taps;
  for (int k = first; k < first + 4; ++k)
    if (const double w = weight(filter, k - center); w != 0)
      taps.push_back({static_cast<size_t>(std::clamp(k, 0, from - 1)), w});
  return taps;
}

Taps covered(double begin, double end, int from) {
  Taps taps;
  const int last = std::min(static_cast<int>(std::ceil(end - 1e-9)), from);
  for (int k = static_cast<int>(begin); k < last; ++k) {
    const double part = std::min(end, k + 1.0) - std::max(begin, static_cast<double>(k));
    if (part > 0) taps.push_back({static_cast<size_t>(k), part / (end - begin)});
  }
  return taps;
}

std::vector<Taps> taps_of(int from, int to, Filter filter) {
  const double scale = static_cast<double>(from) / to;
  std::vector<Taps> out;
  for (int i = 0; i < to; ++i) {
    const double corner = i * scale;
    if (filter == Filter::area)
      out.push_back(covered(corner, corner + scale, from));
    else if (filter == Filter::cv_nearest)
      out.push_back({{static_cast<size_t>(std::min(static_cast<int>(corner), from - 1)), 1}});
    else
      out.push_back(around(filter == Filter::tf1_linear ? corner : corner + scale / 2 - 0.5, from, filter));
  }
  return out;
}

}  // namespace

bool is_plain(Filter filter) {
  return filter >= Filter::linear;
}

Image resize_plain(const Image& image, int width, int height, Filter filter) {
  const auto columns = taps_of(image.width, width, filter), rows = taps_of(image.height, height, filter);
  const auto channels = static_cast<size_t>(image.channels);
  const size_t from = static_cast<size_t>(image.width) * channels, to = columns.size() * channels;
  Image out{width, height, image.channels, {}};
  out.pixels.reserve(rows.size() * to);
  std::vector<double> mixed(from);
  for (const Taps& row : rows) {
    std::fill(mixed.begin(), mixed.end(), 0.0);
    for (const Tap& tap : row)
      for (size_t i = 0; i < from; ++i) mixed[i] += tap.weight * image.pixels[tap.from * from + i];
    for (const Taps& column : columns)
      for (size_t c = 0; c < channels; ++c) {
        double sum = 0;
        for (const Tap& tap : column) sum += tap.weight * mixed[tap.from * channels + c];
        out.pixels.push_back(static_cast<uint8_t>(std::clamp(std::nearbyint(sum), 0.0, 255.0)));
      }
  }
  return out;
}

}  // namespace fetafix::data
