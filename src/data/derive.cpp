#include "data/derive.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <vector>

#include "data/random.h"

namespace fetafix::data {
namespace {

// out[.., y, x, ..] = in[.., row(y), column(x), ..].
template <class Row, class Column>
Result<Tensor> moved(const Tensor& tensor, Layout layout, Row row, Column column) {
  const Shape& shape = tensor.shape();
  if (shape.size() != 3 && shape.size() != 4)
    return Error{ErrorKind::usage,
                 "a tensor " + to_string(shape) + " is no image: expected 3 or 4 dimensions"};
  const bool nchw = layout == Layout::nchw;
  const size_t end = shape.size();
  const int64_t height = shape[end - (nchw ? 2 : 3)], width = shape[end - (nchw ? 1 : 2)];
  // Bytes that move together, and how many planes there are.
  const size_t unit = element_size(tensor.dtype()) * (nchw ? size_t{1} : static_cast<size_t>(shape.back()));
  FETAFIX_TRY(Tensor out, Tensor::zeros(tensor.dtype(), shape));
  const size_t plane = static_cast<size_t>(height * width) * unit;
  const std::byte* from = tensor.bytes().data();
  std::byte* to = out.mutable_bytes().data();
  for (size_t start = 0; plane > 0 && start < tensor.byte_size(); start += plane)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x)
        std::memcpy(to + start + static_cast<size_t>(y * width + x) * unit,
                    from + start + static_cast<size_t>(row(y, height) * width + column(x, width)) * unit,
                    unit);
  return out;
}

}  // namespace

Result<Tensor> flip_horizontal(const Tensor& tensor, Layout layout) {
  return moved(
      tensor, layout, [](int64_t y, int64_t) { return y; },
      [](int64_t x, int64_t width) { return width - 1 - x; });
}

Result<Tensor> scatter(const Tensor& tensor, Layout layout, uint64_t seed) {
  const auto order = [seed](int64_t size) {
    std::vector<int64_t> out(static_cast<size_t>(size));
    std::iota(out.begin(), out.end(), int64_t{0});
    Random random(seed + static_cast<uint64_t>(size));
    for (size_t i = out.size(); i > 1; --i) std::swap(out[i - 1], out[random.below(i)]);
    return out;
  };
  std::map<int64_t, std::vector<int64_t>> orders;  // by size
  const auto moves = [&](int64_t at, int64_t size) {
    auto& known = orders[size];
    if (known.empty()) known = order(size);
    return known[static_cast<size_t>(at)];
  };
  return moved(tensor, layout, moves, moves);
}

Result<Tensor> shift(const Tensor& tensor, Layout layout, int dy, int dx) {
  const auto by = [](int64_t step) {
    return [step](int64_t at, int64_t size) { return std::clamp(at - step, int64_t{0}, size - 1); };
  };
  return moved(tensor, layout, by(dy), by(dx));
}

}  // namespace fetafix::data
