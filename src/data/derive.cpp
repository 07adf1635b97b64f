#include "data/derive.h"

#include <algorithm>
#include <cstring>

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

Result<Tensor> shift(const Tensor& tensor, Layout layout, int dy, int dx) {
  const auto by = [](int64_t step) {
    return [step](int64_t at, int64_t size) { return std::clamp(at - step, int64_t{0}, size - 1); };
  };
  return moved(tensor, layout, by(dy), by(dx));
}

}  // namespace fetafix::data
