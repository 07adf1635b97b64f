// Pools.
#include <algorithm>
#include <cmath>

#include "evaluate/wide.h"

namespace fetafix::evaluate::wide {
namespace {

// What a window holds: its largest element, the sum, how many of its places lie in the operand, and how many
// in the operand or its pads.
struct Window {
  double largest = -INFINITY, sum = 0;
  int64_t inside = 0, padded = 0;
};

Window look(const Wide& x, const Windows& windows, const Shape& pads, int64_t start,
            const std::vector<int64_t>& at) {
  const auto strides = strides_of(x.shape);
  Window out;
  std::vector<int64_t> tap(at.size(), 0);
  do {
    bool inside = true, padded = true;
    int64_t from = start;
    for (size_t i = 0; i < at.size(); ++i) {
      const int64_t place = at[i] * windows.strides[i] - windows.before[i] + tap[i] * windows.dilations[i];
      inside = inside && place >= 0 && place < x.shape[i + 2];
      padded = padded && place < x.shape[i + 2] + pads[i + at.size()];
      from += place * strides[i + 2];
    }
    out.padded += padded;
    if (!inside) continue;
    ++out.inside;
    out.largest = std::max(out.largest, x.values[static_cast<size_t>(from)]);
    out.sum += x.values[static_cast<size_t>(from)];
  } while (next(tap, windows.kernel));
  return out;
}

template <class F>
Result<Wide> pool(const Call& call, F f) {
  const Wide& x = call.operand(0);
  const auto kernel = call.attribute<Shape>("kernel_shape", {});
  FETAFIX_TRY(const Windows windows, windows_of(call, x.shape, kernel));
  Shape pads = call.attribute<Shape>("pads", Shape(2 * kernel.size(), 0));
  if (call.attribute<std::string>("auto_pad", "NOTSET") != "NOTSET")  // none of them reaches beyond its pads
    pads = Shape(2 * kernel.size(), 1 << 20);
  Shape shape{x.shape[0], x.shape[1]};
  shape.insert(shape.end(), windows.output.begin(), windows.output.end());
  Wide out = zeros(shape, x.dtype);
  const int64_t plane = strides_of(x.shape)[1];
  size_t place = 0;
  for (int64_t channel = 0; channel < shape[0] * shape[1]; ++channel) {
    std::vector<int64_t> at(kernel.size(), 0);
    do out.values[place++] = f(look(x, windows, pads, channel * plane, at));
    while (next(at, windows.output));
  }
  return out;
}

Result<Wide> largest(const Call& call) {
  if (call.node.outputs.size() > 1) return call.unknown("with indices");
  return pool(call, [](const Window& w) { return w.largest; });
}

Result<Wide> average(const Call& call) {
  const bool with_pads = call.attribute<int64_t>("count_include_pad", 0) != 0;
  return pool(call, [&](const Window& w) {
    return w.sum / static_cast<double>(std::max<int64_t>(with_pads ? w.padded : w.inside, 1));
  });
}

}  // namespace

const Table& windows() {
  static const Table table{{"MaxPool", largest}, {"AveragePool", average}};
  return table;
}

}  // namespace fetafix::evaluate::wide
