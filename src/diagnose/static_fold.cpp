#include "diagnose/static_fold.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <numeric>
#include <optional>

namespace fetafix::diagnose {
namespace {

using graph::Node;
using Ints = std::vector<int64_t>;

constexpr int64_t most_elements = 1000000;

std::optional<Ints> whole_numbers(const Tensor& tensor) {
  if (tensor.empty() || !is_integer(tensor.dtype()) || tensor.size() > most_elements) return std::nullopt;
  auto wide = cast(tensor, DType::int64);
  if (!wide.ok()) return std::nullopt;
  const auto values = wide->as<int64_t>();
  return Ints(values.begin(), values.end());
}

// A tensor of that shape; element i is element from(i) of `source`.
Tensor arranged(const Tensor& source, const Shape& shape, const std::function<int64_t(int64_t)>& from) {
  const auto elements = element_count(shape);
  if (!elements || *elements > most_elements) return {};
  auto out = Tensor::zeros(source.dtype(), shape);
  if (!out.ok()) return {};
  const size_t size = element_size(source.dtype());
  auto bytes = out->mutable_bytes();
  for (int64_t i = 0; i < *elements; ++i)
    std::memcpy(bytes.data() + static_cast<size_t>(i) * size,
                source.bytes().data() + static_cast<size_t>(from(i)) * size, size);
  return std::move(out).value();
}

Tensor constant_of_shape(const Node& node, const Tensor& shape) {
  const auto dims = whole_numbers(shape);
  const Tensor value = graph::attribute_or(node, "value", Tensor::scalar(0.0f));
  if (!dims || value.size() != 1) return {};
  return arranged(value, *dims, [](int64_t) { return 0; });
}

// Lists only: shapes and paddings are put together of nothing else.
Tensor concat(const std::vector<Tensor>& operands) {
  int64_t sum = 0;
  for (const Tensor& one : operands) {
    if (one.empty() || one.rank() != 1 || one.dtype() != operands[0].dtype()) return {};
    sum += one.size();
  }
  if (sum > most_elements) return {};
  std::vector<std::byte> bytes;
  for (const Tensor& one : operands) bytes.insert(bytes.end(), one.bytes().begin(), one.bytes().end());
  auto out = Tensor::from_bytes(operands[0].dtype(), {sum}, bytes);
  return out.ok() ? std::move(out).value() : Tensor();
}

Tensor reshape(const Tensor& from, const Tensor& shape) {
  auto dims = whole_numbers(shape);
  if (from.empty() || !dims) return {};
  int64_t known = 1;
  for (size_t d = 0; d < dims->size(); ++d) {
    if ((*dims)[d] == 0 && d < from.shape().size()) (*dims)[d] = from.shape()[d];
    if ((*dims)[d] > 0) known *= (*dims)[d];
  }
  for (int64_t& d : *dims)
    if (d == -1 && known > 0) d = from.size() / known;
  return element_count(*dims) == from.size() ? from.reshaped(*dims) : Tensor();
}

// The types that ONNX numbers so.
Tensor cast_to(const Tensor& from, int64_t code) {
  static const std::map<int64_t, DType> types{
      {1, DType::float32}, {6, DType::int32}, {7, DType::int64}, {10, DType::float16}, {11, DType::float64}};
  const auto type = types.find(code);
  if (from.empty() || type == types.end()) return {};
  auto out = cast(from, type->second);
  return out.ok() ? std::move(out).value() : Tensor();
}

struct Cut {
  int64_t start = 0, step = 1, count = 0;
};

// One axis of a Slice, as ONNX clamps it.
Cut cut(int64_t size, int64_t start, int64_t end, int64_t step) {
  if (step == 0) return {};  // runs nowhere
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const auto clamped = [&](int64_t v) { return std::clamp(v < 0 ? v + size : v, low, high); };
  // Far below zero means "up to the first" going backwards.
  const int64_t first = clamped(start), last = end < -size ? low : clamped(end);
  const int64_t span = step > 0 ? last - first : first - last;
  const int64_t stride = step > 0 ? step : -step;
  return {first, step, span > 0 ? (span + stride - 1) / stride : 0};
}

Tensor slice(const std::vector<Tensor>& operands) {
  const Tensor& from = operands[0];
  if (from.empty() || operands.size() < 3 || from.size() > most_elements) return {};
  const auto starts = whole_numbers(operands[1]), ends = whole_numbers(operands[2]);
  if (!starts || !ends || starts->size() != ends->size()) return {};
  Ints axes(starts->size()), steps(starts->size(), 1);
  std::iota(axes.begin(), axes.end(), int64_t{0});
  if (operands.size() > 3 && !operands[3].empty()) axes = whole_numbers(operands[3]).value_or(Ints());
  if (operands.size() > 4 && !operands[4].empty()) steps = whole_numbers(operands[4]).value_or(Ints());
  if (axes.size() != starts->size() || steps.size() != starts->size()) return {};
  std::vector<Cut> cuts;
  for (int64_t d : from.shape()) cuts.push_back({0, 1, d});
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = axes[i] < 0 ? axes[i] + from.rank() : axes[i];
    if (axis < 0 || axis >= from.rank() || steps[i] == 0 || std::abs(steps[i]) > most_elements) return {};
    cuts[static_cast<size_t>(axis)] =
        cut(from.shape()[static_cast<size_t>(axis)], (*starts)[i], (*ends)[i], steps[i]);
  }
  Shape shape;
  for (const Cut& one : cuts) shape.push_back(one.count);
  return arranged(from, shape, [&](int64_t index) {
    int64_t at = 0, stride = 1;
    for (size_t d = cuts.size(); d-- > 0;) {
      at += (cuts[d].start + index % cuts[d].count * cuts[d].step) * stride;
      index /= cuts[d].count;
      stride *= from.shape()[d];
    }
    return at;
  });
}

}  // namespace

bool is_permutation(const Ints& order) {
  Ints sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i)
    if (sorted[i] != static_cast<int64_t>(i)) return false;
  return true;
}

Tensor fold(const Node& node, const std::vector<Tensor>& operands) {
  if (operands.empty()) return {};
  if (node.type == "ConstantOfShape") return constant_of_shape(node, operands[0]);
  if (node.type == "Cast") return cast_to(operands[0], graph::attribute_or(node, "to", int64_t{0}));
  if (node.type == "Concat") return concat(operands);
  if (node.type == "Slice") return slice(operands);
  if (node.type == "Reshape" && operands.size() > 1) return reshape(operands[0], operands[1]);
  if (node.type != "Transpose" || operands[0].empty()) return {};
  auto order = graph::attribute_or(node, "perm", Ints());
  if (order.empty()) {
    order.resize(operands[0].shape().size());
    std::iota(order.rbegin(), order.rend(), int64_t{0});
  }
  if (order.size() != operands[0].shape().size() || !is_permutation(order)) return {};
  return transpose(operands[0], std::vector<int>(order.begin(), order.end()));
}

}  // namespace fetafix::diagnose
