// What takes out a part.
#include <algorithm>
#include <limits>

#include "formats/torch/lift_families.h"

namespace fetafix::formats::torch {
namespace {

constexpr int64_t to_the_end = std::numeric_limits<int32_t>::max();

Operand sliced(Operation& op, const Operand& x, int64_t axis, const Operand& start, const Operand& end,
               int64_t step) {
  return op.node("Slice", {x, start, end, op.int64s("", {axis}), op.int64s(step == 1 ? "" : "step", {step})});
}

// A bound that may be computed.
Result<Operand> bound(Operation& op, const std::string& name, int64_t otherwise) {
  if (!op.has(name) || !op.integers(name).empty()) return op.int64s(name, {op.integer(name, otherwise)});
  return Operation::unsupported("'" + name + "' depends on the run");
}

}  // namespace

Status lift_slice(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, rank));
  FETAFIX_TRY(const Operand x, op.in("self"));
  FETAFIX_TRY(const Operand start, bound(op, "start", 0));
  FETAFIX_TRY(const Operand end, bound(op, "end", to_the_end));
  if (op.integer("start", 0) == 0 && op.integer("end", to_the_end) == to_the_end &&
      op.integer("step", 1) == 1)
    return op.out(op.node("Identity", {x}));
  return op.out(sliced(op, x, axis, start, end, op.integer("step", 1)));
}

Status lift_narrow(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, rank));
  FETAFIX_TRY(const Operand x, op.in("self"));
  const int64_t start = op.integer("start", 0), length = op.integer("length", 0);
  if (!op.has("length") || start < 0) return Operation::unsupported("its bounds depend on the run");
  return op.out(sliced(op, x, axis, op.int64s("", {start}), op.int64s("", {start + length}), 1));
}

Status lift_select(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, rank));
  FETAFIX_TRY(const Operand x, op.in("self"));
  if (op.integers("index").empty()) return Operation::unsupported("'index' depends on the run");
  const Operand index = op.constant("index", Tensor::scalar(op.integer("index", 0)));
  return op.out(op.node("Gather", {x, index}, {{"axis", axis}}));
}

Status lift_flip(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const Operand x, op.in("self"));
  std::vector<int64_t> axes = op.integers("dims");
  for (int64_t& axis : axes) axis = axis < 0 ? axis + rank : axis;
  const size_t count = axes.size();
  const auto all = [&](int64_t number) { return op.int64s("", std::vector<int64_t>(count, number)); };
  const Operand last = all(-1), before_first = all(std::numeric_limits<int64_t>::min() + 1), back = all(-1);
  return op.out(op.node("Slice", {x, last, before_first, op.int64s("dims", axes), back}));
}

Status lift_roll(Operation& op) {
  const auto shape = op.shape_of("self");
  const auto shifts = op.integers("shifts"), axes = op.integers("dims");
  if (!shape || shifts.size() != axes.size() || axes.empty())
    return Operation::unsupported("it rolls all axes as one");
  FETAFIX_TRY(Operand x, op.in("self"));
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = axes[i] < 0 ? axes[i] + static_cast<int64_t>(shape->size()) : axes[i];
    if (axis < 0 || static_cast<size_t>(axis) >= shape->size())
      return Operation::unsupported("an axis lies outside");
    const int64_t size = (*shape)[static_cast<size_t>(axis)];
    if (size < 1) return Operation::unsupported("a size depends on the run");
    const int64_t at = (size - shifts[i] % size) % size;
    if (at == 0) continue;
    const Operand cut = op.int64s("", {at});
    const Operand behind = sliced(op, x, axis, cut, op.int64s("", {to_the_end}), 1);
    const Operand front = sliced(op, x, axis, op.int64s("", {0}), cut, 1);
    x = op.node("Concat", {behind, front}, {{"axis", axis}});
  }
  return op.out(x);
}

Status lift_embedding(Operation& op) {
  FETAFIX_TRY(const Operand table, op.in("weight"));
  FETAFIX_TRY(const Operand indices, op.in("indices"));
  return op.out(op.node("Gather", {table, indices}, {{"axis", int64_t{0}}}));
}

Status lift_index_select(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, rank));
  FETAFIX_TRY(const Operand x, op.in("self"));
  FETAFIX_TRY(const Operand index, op.in("index"));
  return op.out(op.node("Gather", {x, index}, {{"axis", axis}}));
}

Status lift_gather(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, rank));
  FETAFIX_TRY(const Operand x, op.in("self"));
  FETAFIX_TRY(const Operand index, op.in("index"));
  return op.out(op.node("GatherElements", {x, index}, {{"axis", axis}}));
}

// x[:, :, index]: a list of whole numbers on one axis.
Status lift_index(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  std::optional<Operand> index;
  int64_t axis = 0;
  for (size_t i = 0; i < op.list_size("indices"); ++i) {
    FETAFIX_TRY(const Operand one, op.element("indices", i));
    if (one.absent()) continue;
    if (index) return Operation::unsupported("it is indexed on several axes");
    index = one;
    axis = static_cast<int64_t>(i);
  }
  if (!index || !is_integer(op.dtype(*index)) || op.dtype(*index) == DType::boolean)
    return Operation::unsupported("it is indexed by a mask");
  return op.out(op.node("Gather", {x, *index}, {{"axis", axis}}));
}

}  // namespace fetafix::formats::torch
