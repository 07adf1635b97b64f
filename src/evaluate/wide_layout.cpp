// Operators that move or select elements.
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "evaluate/wide.h"

namespace fetafix::evaluate::wide {
namespace {

// A result whose element at each index is the operand's at `from(index)`; below zero: `otherwise`.
Wide moved(const Wide& x, Shape shape, const std::function<int64_t(const std::vector<int64_t>&)>& from,
           double otherwise = 0) {
  Wide out = zeros(std::move(shape), x.dtype);
  std::vector<int64_t> index(out.shape.size(), 0);
  for (double& v : out.values) {
    const int64_t place = from(index);
    v = place < 0 ? otherwise : x.values[static_cast<size_t>(place)];
    next(index, out.shape);
  }
  return out;
}

Result<Wide> reshaped(const Call& call, Shape shape) {
  Wide out = call.operand(0);
  if (element_count(shape) != static_cast<int64_t>(out.values.size())) return call.unknown("to that shape");
  out.shape = std::move(shape);
  return out;
}

Result<Wide> same(const Call& call) {
  return call.operand(0);
}

Result<Wide> reshape(const Call& call) {
  const Shape& old = call.operand(0).shape;
  Shape shape = call.numbers(1);
  const bool zero_is_zero = call.attribute<int64_t>("allowzero", 0) != 0;
  int64_t known = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && !zero_is_zero && i < old.size()) shape[i] = old[i];
    if (shape[i] != -1) known *= shape[i];
  }
  for (int64_t& size : shape)
    if (size == -1) size = known ? static_cast<int64_t>(call.operand(0).values.size()) / known : 0;
  return reshaped(call, shape);
}

Result<Wide> flatten(const Call& call) {
  const Shape& old = call.operand(0).shape;
  auto axis = call.attribute<int64_t>("axis", 1);
  if (axis < 0) axis += static_cast<int64_t>(old.size());
  const auto split = old.begin() + std::clamp<int64_t>(axis, 0, static_cast<int64_t>(old.size()));
  const auto product = [](auto from, auto to) {
    return std::accumulate(from, to, int64_t{1}, std::multiplies());
  };
  return reshaped(call, {product(old.begin(), split), product(split, old.end())});
}

Result<Wide> squeeze(const Call& call) {
  const Shape& old = call.operand(0).shape;
  std::vector<bool> drop(old.size(), false);
  for (size_t i = 0; i < old.size(); ++i) drop[i] = !call.has(1) && old[i] == 1;
  for (int64_t axis : call.numbers(1)) {
    FETAFIX_TRY(const int64_t i, axis_in(axis, static_cast<int64_t>(old.size())));
    drop[static_cast<size_t>(i)] = true;
  }
  Shape shape;
  for (size_t i = 0; i < old.size(); ++i)
    if (!drop[i]) shape.push_back(old[i]);
  return reshaped(call, shape);
}

Result<Wide> unsqueeze(const Call& call) {
  Shape shape = call.operand(0).shape;
  auto axes = call.numbers(1);
  const auto rank = static_cast<int64_t>(shape.size() + axes.size());
  for (int64_t& axis : axes) {
    FETAFIX_TRY(axis, axis_in(axis, rank));
  }
  std::sort(axes.begin(), axes.end());
  for (int64_t axis : axes) {
    if (axis > static_cast<int64_t>(shape.size())) return call.unknown("with these axes");
    shape.insert(shape.begin() + axis, 1);
  }
  return reshaped(call, shape);
}

Result<Wide> transposed(const Call& call) {
  const Wide& x = call.operand(0);
  const size_t rank = x.shape.size();
  std::vector<int64_t> order(rank);
  for (size_t i = 0; i < rank; ++i) order[i] = static_cast<int64_t>(rank - 1 - i);
  order = call.attribute<std::vector<int64_t>>("perm", order);
  if (order.size() != rank) return call.unknown("with that order");
  Shape shape(rank);
  for (size_t i = 0; i < rank; ++i) shape[i] = x.shape[static_cast<size_t>(order[i])];
  const auto strides = strides_of(x.shape);
  return moved(x, shape, [&](const std::vector<int64_t>& index) {
    int64_t out = 0;
    for (size_t i = 0; i < rank; ++i) out += index[i] * strides[static_cast<size_t>(order[i])];
    return out;
  });
}

Result<Wide> concat(const Call& call) {
  Wide out = call.operand(0);
  FETAFIX_TRY(const int64_t axis,
              axis_in(call.attribute<int64_t>("axis", 0), static_cast<int64_t>(out.shape.size())));
  const auto a = static_cast<size_t>(axis);
  for (size_t k = 1; k < call.operands.size(); ++k) {
    if (!call.has(k)) return call.unknown("without an operand");
    const Wide first = std::move(out), &second = call.operand(k);
    if (second.shape.size() != first.shape.size()) return call.unknown("of these shapes");
    Shape shape = first.shape;
    shape[a] += second.shape[a];
    out = zeros(shape, first.dtype);
    std::vector<int64_t> index(shape.size(), 0);
    for (double& v : out.values) {
      std::vector<int64_t> at = index;
      const bool behind = at[a] >= first.shape[a];
      if (behind) at[a] -= first.shape[a];
      const Wide& from = behind ? second : first;
      v = from.values[static_cast<size_t>(broadcast_offset(at, from.shape))];
      next(index, shape);
    }
  }
  return out;
}

Result<Wide> slice(const Call& call) {
  const Wide& x = call.operand(0);
  const auto rank = static_cast<int64_t>(x.shape.size());
  const auto starts = call.numbers(1), ends = call.numbers(2);
  std::vector<int64_t> all(starts.size());
  std::iota(all.begin(), all.end(), int64_t{0});
  const auto axes = call.numbers(3, all), steps = call.numbers(4, std::vector<int64_t>(starts.size(), 1));
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    return call.unknown("of this form");
  Shape shape = x.shape;
  std::vector<int64_t> first(x.shape.size(), 0), step(x.shape.size(), 1);
  for (size_t i = 0; i < starts.size(); ++i) {
    FETAFIX_TRY(const int64_t axis, axis_in(axes[i], rank));
    const auto a = static_cast<size_t>(axis);
    const int64_t size = x.shape[a], by = steps[i];
    if (by == 0) return call.unknown("with step 0");
    const auto bound = [&](int64_t v, int64_t low, int64_t high) {
      return std::clamp(v < 0 ? v + size : v, low, high);
    };
    first[a] = by > 0 ? bound(starts[i], 0, size) : bound(starts[i], 0, size - 1);
    const int64_t end = by > 0 ? bound(ends[i], 0, size) : bound(ends[i], -1, size - 1);
    step[a] = by;
    shape[a] = std::max<int64_t>((end - first[a] + by - (by > 0 ? 1 : -1)) / by, 0);
  }
  return moved(x, shape, [&](const std::vector<int64_t>& index) {
    std::vector<int64_t> at(index.size());
    for (size_t i = 0; i < at.size(); ++i) at[i] = first[i] + index[i] * step[i];
    return broadcast_offset(at, x.shape);
  });
}

Result<Wide> pad(const Call& call) {
  const Wide& x = call.operand(0);
  const auto mode = call.attribute<std::string>("mode", "constant");
  if (mode != "constant" && mode != "edge" && mode != "reflect") return call.unknown("with mode " + mode);
  const auto rank = static_cast<int64_t>(x.shape.size());
  const auto pads = call.numbers(1);
  std::vector<int64_t> all(x.shape.size());
  std::iota(all.begin(), all.end(), int64_t{0});
  const auto axes = call.numbers(3, all);
  if (pads.size() != 2 * axes.size()) return call.unknown("with that many pads");
  Shape shape = x.shape, before(x.shape.size(), 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    FETAFIX_TRY(const int64_t axis, axis_in(axes[i], rank));
    before[static_cast<size_t>(axis)] = pads[i];
    shape[static_cast<size_t>(axis)] += pads[i] + pads[i + axes.size()];
  }
  const auto from = [&](const std::vector<int64_t>& index) -> int64_t {
    std::vector<int64_t> at(index.size());
    for (size_t i = 0; i < at.size(); ++i) {
      at[i] = index[i] - before[i];
      const int64_t last = x.shape[i] - 1;
      if (mode == "constant" && (at[i] < 0 || at[i] > last)) return -1;
      if (mode == "reflect" && at[i] < 0) at[i] = -at[i];
      if (mode == "reflect" && at[i] > last) at[i] = 2 * last - at[i];
      at[i] = std::clamp<int64_t>(at[i], 0, last);
    }
    return broadcast_offset(at, x.shape);
  };
  return moved(x, shape, from, call.number(2, 0));
}

}  // namespace

const Table& layout() {
  static const Table table{{"Identity", same},        {"Dropout", same},
                           {"Reshape", reshape},      {"Flatten", flatten},
                           {"Squeeze", squeeze},      {"Unsqueeze", unsqueeze},
                           {"Transpose", transposed}, {"Concat", concat},
                           {"Slice", slice},          {"Pad", pad}};
  return table;
}

}  // namespace fetafix::evaluate::wide
