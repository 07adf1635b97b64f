#include <algorithm>

#include "formats/strided_slice.h"
#include "formats/tensorflow/lift_families.h"

namespace fetafix::formats::tensorflow {
namespace {

// The stored constant where it says exactly this, so that the lens leads to it; else one of our own.
Result<Operand> indices(Operation& op, int slot, const std::vector<int64_t>& resolved) {
  FETAFIX_TRY(auto stored, op.ints(slot));
  if (stored == resolved) return op.int64s(slot);
  Operand own = op.number("", Tensor::vector(resolved));
  own.slot = slot;
  return own;
}

// begin is computed: no masks but a single index, as shape arithmetic writes it.
Status lift_computed_slice(Operation& op, const SliceMasks& masks) {
  if (masks.any() || !op.is_constant(3)) return Operation::unsupported("computed indices with masks");
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand starts, op.int64s(1));
  FETAFIX_TRY(Operand ends, op.int64s(2));
  FETAFIX_TRY(Operand steps, op.int64s(3));
  FETAFIX_TRY(auto count, op.ints(3));
  std::vector<int64_t> axes;
  for (size_t i = 0; i < count.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  return op.out(op.node("Slice", {x, starts, ends, op.number("", Tensor::vector(axes)), steps}));
}

}  // namespace

Status lift_strided_slice(Operation& op) {
  const SliceMasks masks{op.integer("begin_mask", 0), op.integer("end_mask", 0),
                         op.integer("ellipsis_mask", 0), op.integer("new_axis_mask", 0),
                         op.integer("shrink_axis_mask", 0)};
  if (!op.is_constant(1) || !op.is_constant(2) || !op.is_constant(3)) return lift_computed_slice(op, masks);
  if (op.rank_of(0) < 0) return Operation::unsupported("the input's rank is not known");
  FETAFIX_TRY(auto begin, op.ints(1));
  FETAFIX_TRY(auto end, op.ints(2));
  FETAFIX_TRY(auto strides, op.ints(3));
  if (begin.size() != end.size() || begin.size() != strides.size() || begin.size() > 31)
    return Operation::unsupported("begin, end and strides differ in length");
  const auto found = resolve_strided_slice(masks, begin, end, strides, op.rank_of(0));
  if (!found) return Operation::unsupported("more indices than dimensions");
  const StridedSlice& s = *found;
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand starts, indices(op, 1, s.starts));
  FETAFIX_TRY(Operand ends, indices(op, 2, s.ends));
  FETAFIX_TRY(Operand steps, indices(op, 3, s.steps));
  x = op.node("Slice", {x, starts, ends, op.number("", Tensor::vector(s.axes)), steps});
  if (!s.dropped.empty())
    x = op.node("Squeeze", {x, op.number("", Tensor::vector(s.dropped))}, {}, Role::bridge);
  if (!s.added.empty())
    x = op.node("Unsqueeze", {x, op.number("", Tensor::vector(s.added))}, {}, Role::bridge);
  return op.out(x);
}

namespace {

// Where begin or size is computed: begin + size, and to the end where the size is negative.
Result<Operand> computed_ends(Operation& op, const Operand& starts) {
  FETAFIX_TRY(Operand sizes, op.int64s(2));
  const Operand ends = op.node("Add", {starts, sizes}, {}, Role::bridge);
  if (op.is_constant(2)) {
    FETAFIX_TRY(const auto size, op.ints(2));
    if (std::all_of(size.begin(), size.end(), [](int64_t s) { return s >= 0; })) return ends;
  }
  const Operand zero = op.number("", Tensor::scalar(int64_t{0}));
  const Operand open = op.node("Less", {sizes, zero}, {}, Role::bridge, DType::boolean);
  return op.node("Where", {open, op.number("", Tensor::scalar(to_the_end)), ends}, {}, Role::bridge,
                 DType::int64);
}

}  // namespace

Status lift_slice(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand starts, op.int64s(1));
  if (op.rank_of(0) < 0) return Operation::unsupported("the input's rank is not known");
  const auto rank = static_cast<size_t>(op.rank_of(0));
  Operand ends;
  if (op.is_constant(1) && op.is_constant(2)) {
    FETAFIX_TRY(auto begin, op.ints(1));
    FETAFIX_TRY(auto size, op.ints(2));
    if (begin.size() != rank || size.size() != rank)
      return Operation::unsupported("begin and size are not as long as the input has dimensions");
    for (size_t i = 0; i < rank; ++i) size[i] = size[i] < 0 ? to_the_end : begin[i] + size[i];
    ends = op.number("", Tensor::vector(size));
  } else {
    FETAFIX_TRY(ends, computed_ends(op, starts));
  }
  std::vector<int64_t> axes;
  for (size_t i = 0; i < rank; ++i) axes.push_back(static_cast<int64_t>(i));
  return op.out(op.node("Slice", {x, starts, ends, op.number("", Tensor::vector(axes))}));
}

Status lift_reverse(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(auto axes, op.ints(1));
  const auto for_each_axis = [&](int64_t value) {
    return op.number("", Tensor::vector(std::vector<int64_t>(axes.size(), value)));
  };
  FETAFIX_TRY(Operand over, op.int64s(1, {static_cast<int64_t>(axes.size())}));
  return op.out(
      op.node("Slice", {x, for_each_axis(to_the_end), for_each_axis(to_the_start), over, for_each_axis(-1)}));
}

// ONNX knows the pairs of axes (0, 1) and (1, 0).
Status lift_reverse_sequence(Operation& op) {
  const int64_t time = op.integer("seq_dim", 0), batch = op.integer("batch_dim", 0);
  if (time + batch != 1 || time * batch != 0) return Operation::unsupported("axes other than the first two");
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand lengths, op.int64s(1));
  return op.out(op.node("ReverseSequence", {x, lengths}, {{"time_axis", time}, {"batch_axis", batch}}));
}

}  // namespace fetafix::formats::tensorflow
