// Sums, means and extremes over axes, and what is made of them: Softmax and normalizations.
#include <algorithm>
#include <cmath>

#include "evaluate/wide.h"

namespace fetafix::evaluate::wide {
namespace {

// The operand's shape with 1 where it is reduced.
Result<Shape> kept_shape(const Shape& shape, const std::vector<int64_t>& axes) {
  Shape out = shape;
  for (int64_t axis : axes) {
    FETAFIX_TRY(const int64_t i, axis_in(axis, static_cast<int64_t>(shape.size())));
    if (!shape.empty()) out[static_cast<size_t>(i)] = 1;
  }
  return out;
}

// f(so far, element) over all elements that become one.
template <class F>
Wide folded(const Wide& x, const Shape& kept, double start, F f) {
  Wide out = zeros(kept, x.dtype);
  std::fill(out.values.begin(), out.values.end(), start);
  std::vector<int64_t> index(x.shape.size(), 0);
  for (double v : x.values) {
    double& sum = out.values[static_cast<size_t>(broadcast_offset(index, kept))];
    sum = f(sum, v);
    next(index, x.shape);
  }
  return out;
}

// f(element, what `other` holds for it), `other` broadcast to x.
template <class F>
Wide with(const Wide& x, const Wide& other, F f) {
  Wide out = x;
  std::vector<int64_t> index(x.shape.size(), 0);
  for (double& v : out.values) {
    v = f(v, other.values[static_cast<size_t>(broadcast_offset(index, other.shape))]);
    next(index, x.shape);
  }
  return out;
}

double share(const Wide& x, const Wide& reduced) {
  return static_cast<double>(reduced.values.size()) /
         static_cast<double>(std::max<size_t>(x.values.size(), 1));
}

Wide mean_of(const Wide& x, const Shape& kept) {
  Wide out = folded(x, kept, 0, [](double a, double v) { return a + v; });
  for (double& v : out.values) v *= share(x, out);
  return out;
}

template <class F>
Result<Wide> reduce(const Call& call, F f) {
  const Wide& x = call.operand(0);
  std::vector<int64_t> axes = call.numbers(1, call.attribute<std::vector<int64_t>>("axes", {}));
  if (axes.empty() && call.attribute<int64_t>("noop_with_empty_axes", 0)) return x;
  if (axes.empty())
    for (size_t i = 0; i < x.shape.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  FETAFIX_TRY(const Shape kept, kept_shape(x.shape, axes));
  Wide out = f(x, kept);
  if (call.attribute<int64_t>("keepdims", 1)) return out;
  std::vector<bool> drop(x.shape.size(), false);
  for (int64_t axis : axes) {
    FETAFIX_TRY(const int64_t i, axis_in(axis, static_cast<int64_t>(x.shape.size())));
    drop[static_cast<size_t>(i)] = true;
  }
  Shape shape;
  for (size_t i = 0; i < x.shape.size(); ++i)
    if (!drop[i]) shape.push_back(x.shape[i]);
  out.shape = shape;
  return out;
}

double plus(double a, double v) {
  return a + v;
}

Result<Wide> reduce_sum(const Call& call) {
  return reduce(call, [](const Wide& x, const Shape& kept) { return folded(x, kept, 0, plus); });
}

Result<Wide> reduce_mean(const Call& call) {
  return reduce(call, mean_of);
}

Result<Wide> reduce_max(const Call& call) {
  return reduce(call, [](const Wide& x, const Shape& kept) {
    return folded(x, kept, -INFINITY, [](double a, double v) { return std::max(a, v); });
  });
}

Result<Wide> reduce_min(const Call& call) {
  return reduce(call, [](const Wide& x, const Shape& kept) {
    return folded(x, kept, INFINITY, [](double a, double v) { return std::min(a, v); });
  });
}

Result<Wide> reduce_squares(const Call& call) {
  return reduce(call, [](const Wide& x, const Shape& kept) {
    return folded(x, kept, 0, [](double a, double v) { return a + v * v; });
  });
}

Result<Wide> global(const Call& call, Wide (*f)(const Wide&, const Shape&)) {
  Shape kept = call.operand(0).shape;
  for (size_t i = 2; i < kept.size(); ++i) kept[i] = 1;
  return f(call.operand(0), kept);
}

Result<Wide> global_average(const Call& call) {
  return global(call, mean_of);
}

Result<Wide> global_max(const Call& call) {
  return global(call, [](const Wide& x, const Shape& kept) {
    return folded(x, kept, -INFINITY, [](double a, double v) { return std::max(a, v); });
  });
}

Result<Wide> softmax_of(const Call& call, bool logarithm) {
  const Wide& x = call.operand(0);
  FETAFIX_TRY(const Shape kept, kept_shape(x.shape, {call.attribute<int64_t>("axis", -1)}));
  const Wide most = folded(x, kept, -INFINITY, [](double a, double v) { return std::max(a, v); });
  const Wide shifted = with(x, most, [](double v, double m) { return v - m; });
  const Wide sum = folded(shifted, kept, 0, [](double a, double v) { return a + std::exp(v); });
  return with(shifted, sum,
              [&](double v, double s) { return logarithm ? v - std::log(s) : std::exp(v) / s; });
}

Result<Wide> softmax(const Call& call) {
  return softmax_of(call, false);
}

Result<Wide> log_softmax(const Call& call) {
  return softmax_of(call, true);
}

Result<Wide> batch_normalization(const Call& call) {
  if (call.attribute<int64_t>("training_mode", 0)) return call.unknown("in training mode");
  if (call.operand(0).shape.size() < 2) return call.unknown("of this rank");
  for (size_t k = 1; k < 5; ++k)
    if (!call.has(k) || static_cast<int64_t>(call.operand(k).values.size()) != call.operand(0).shape[1])
      return call.unknown("of this form");
  const double epsilon = static_cast<double>(call.attribute<float>("epsilon", 1e-5f));
  Wide out = call.operand(0);
  const int64_t plane = strides_of(out.shape)[1], channels = out.shape[1];
  for (size_t i = 0; i < out.values.size(); ++i) {
    const auto c = static_cast<size_t>(static_cast<int64_t>(i) / plane % channels);
    const auto of = [&](size_t k) { return call.operand(k).values[c]; };
    out.values[i] = of(1) * (out.values[i] - of(3)) / std::sqrt(of(4) + epsilon) + of(2);
  }
  return out;
}

Result<Wide> layer_normalization(const Call& call) {
  const Wide& x = call.operand(0);
  const auto rank = static_cast<int64_t>(x.shape.size());
  FETAFIX_TRY(const int64_t first, axis_in(call.attribute<int64_t>("axis", -1), rank));
  std::vector<int64_t> axes;
  for (int64_t i = first; i < rank; ++i) axes.push_back(i);
  FETAFIX_TRY(const Shape kept, kept_shape(x.shape, axes));
  const double epsilon = static_cast<double>(call.attribute<float>("epsilon", 1e-5f));
  Wide out = with(x, mean_of(x, kept), [](double v, double m) { return v - m; });
  Wide squares = folded(out, kept, 0, [](double a, double v) { return a + v * v; });
  for (double& v : squares.values) v = v * share(x, squares) + epsilon;
  out = with(out, squares, [](double v, double variance) { return v / std::sqrt(variance); });
  if (call.has(1)) out = with(out, call.operand(1), [](double v, double s) { return v * s; });
  if (call.has(2)) out = with(out, call.operand(2), [](double v, double b) { return v + b; });
  return out;
}

}  // namespace

const Table& reductions() {
  static const Table table{{"ReduceSum", reduce_sum},
                           {"ReduceMean", reduce_mean},
                           {"ReduceMax", reduce_max},
                           {"ReduceMin", reduce_min},
                           {"ReduceSumSquare", reduce_squares},
                           {"GlobalAveragePool", global_average},
                           {"GlobalMaxPool", global_max},
                           {"Softmax", softmax},
                           {"LogSoftmax", log_softmax},
                           {"BatchNormalization", batch_normalization},
                           {"LayerNormalization", layer_normalization}};
  return table;
}

}  // namespace fetafix::evaluate::wide
