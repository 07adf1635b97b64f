// Sums of products: convolutions and matrix products.
#include <algorithm>

#include "evaluate/wide.h"

namespace fetafix::evaluate::wide {
namespace {

// The sum at one place of one output channel.
double convolved(const Wide& x, const Wide& w, const Windows& windows, int64_t image, int64_t first_channel,
                 int64_t channel, const std::vector<int64_t>& at) {
  const auto xs = strides_of(x.shape), ws = strides_of(w.shape);
  double sum = 0;
  for (int64_t c = 0; c < w.shape[1]; ++c) {
    std::vector<int64_t> tap(at.size(), 0);
    do {
      int64_t from = image * xs[0] + (first_channel + c) * xs[1];
      int64_t weight = channel * ws[0] + c * ws[1];
      bool inside = true;
      for (size_t i = 0; i < at.size(); ++i) {
        const int64_t place = at[i] * windows.strides[i] - windows.before[i] + tap[i] * windows.dilations[i];
        inside = inside && place >= 0 && place < x.shape[i + 2];
        from += place * xs[i + 2];
        weight += tap[i] * ws[i + 2];
      }
      if (inside) sum += x.values[static_cast<size_t>(from)] * w.values[static_cast<size_t>(weight)];
    } while (next(tap, windows.kernel));
  }
  return sum;
}

Result<Wide> convolution(const Call& call) {
  const Wide &x = call.operand(0), &w = call.operand(1);
  const int64_t groups = call.attribute<int64_t>("group", 1);
  if (w.shape.size() < 3 || groups < 1 || x.shape.size() != w.shape.size() ||
      x.shape[1] != w.shape[1] * groups || w.shape[0] % groups != 0)
    return call.unknown("of these shapes");
  FETAFIX_TRY(const Windows windows, windows_of(call, x.shape, Shape(w.shape.begin() + 2, w.shape.end())));
  Shape shape{x.shape[0], w.shape[0]};
  shape.insert(shape.end(), windows.output.begin(), windows.output.end());
  Wide out = zeros(shape, x.dtype);
  size_t place = 0;
  for (int64_t image = 0; image < shape[0]; ++image)
    for (int64_t channel = 0; channel < shape[1]; ++channel) {
      const int64_t first = channel / (w.shape[0] / groups) * w.shape[1];
      const double bias = call.has(2) ? call.operand(2).values[static_cast<size_t>(channel)] : 0;
      std::vector<int64_t> at(windows.output.size(), 0);
      do out.values[place++] = bias + convolved(x, w, windows, image, first, channel, at);
      while (next(at, windows.output));
    }
  return out;
}

Wide transposed(const Wide& matrix) {
  Wide out = zeros({matrix.shape[1], matrix.shape[0]}, matrix.dtype);
  for (int64_t r = 0; r < matrix.shape[0]; ++r)
    for (int64_t c = 0; c < matrix.shape[1]; ++c)
      out.values[static_cast<size_t>(c * matrix.shape[0] + r)] =
          matrix.values[static_cast<size_t>(r * matrix.shape[1] + c)];
  return out;
}

Result<Wide> product(const Call& call, Wide a, Wide b) {
  const bool row = a.shape.size() == 1, column = b.shape.size() == 1;
  if (row) a.shape.insert(a.shape.begin(), 1);
  if (column) b.shape.push_back(1);
  if (a.shape.size() < 2 || b.shape.size() < 2) return call.unknown("of scalars");
  const int64_t rows = a.shape[a.shape.size() - 2], inner = a.shape.back(), columns = b.shape.back();
  if (b.shape[b.shape.size() - 2] != inner) return call.unknown("of these shapes");
  const Shape a_batch(a.shape.begin(), a.shape.end() - 2), b_batch(b.shape.begin(), b.shape.end() - 2);
  FETAFIX_TRY(Shape shape, broadcast(a_batch, b_batch));
  const Shape batch = shape;
  shape.insert(shape.end(), {rows, columns});
  Wide out = zeros(shape, a.dtype);
  std::vector<int64_t> index(batch.size(), 0);
  size_t place = 0;
  if (out.values.empty()) return out;
  do {
    const int64_t left = broadcast_offset(index, a_batch) * rows * inner;
    const int64_t right = broadcast_offset(index, b_batch) * inner * columns;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c, ++place)
        for (int64_t k = 0; k < inner; ++k)
          out.values[place] += a.values[static_cast<size_t>(left + r * inner + k)] *
                               b.values[static_cast<size_t>(right + k * columns + c)];
  } while (next(index, batch));
  if (row) out.shape.erase(out.shape.end() - 2);
  if (column) out.shape.pop_back();
  return out;
}

Result<Wide> matmul(const Call& call) {
  return product(call, call.operand(0), call.operand(1));
}

Result<Wide> gemm(const Call& call) {
  Wide a = call.operand(0), b = call.operand(1);
  if (a.shape.size() != 2 || b.shape.size() != 2) return call.unknown("of these shapes");
  if (call.attribute<int64_t>("transA", 0)) a = transposed(a);
  if (call.attribute<int64_t>("transB", 0)) b = transposed(b);
  FETAFIX_TRY(Wide out, product(call, std::move(a), std::move(b)));
  const double alpha = static_cast<double>(call.attribute<float>("alpha", 1));
  const double beta = static_cast<double>(call.attribute<float>("beta", 1));
  std::vector<int64_t> index(2, 0);
  for (double& v : out.values) {
    v *= alpha;
    if (call.has(2))
      v += beta * call.operand(2).values[static_cast<size_t>(broadcast_offset(index, call.operand(2).shape))];
    next(index, out.shape);
  }
  return out;
}

}  // namespace

const Table& linear() {
  static const Table table{{"Conv", convolution}, {"MatMul", matmul}, {"Gemm", gemm}};
  return table;
}

}  // namespace fetafix::evaluate::wide
