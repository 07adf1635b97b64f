#include <algorithm>
#include <utility>

#include "formats/strided_slice.h"
#include "formats/tflite/lift_families.h"

namespace fetafix::formats::tflite {
namespace {

// The stored constant where it says exactly this, so that the lens leads to it; else one of our own.
Result<Operand> indices(Operation& op, int slot, const std::string& name,
                        const std::vector<int64_t>& resolved) {
  FETAFIX_TRY(auto stored, op.ints(slot));
  if (stored == resolved) return op.int64s(slot);
  Operand own = op.number(name, Tensor::vector(resolved));
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
  return op.out(op.node("Slice", {x, starts, ends, op.number("axes", Tensor::vector(axes)), steps}));
}

}  // namespace

Status lift_strided_slice(Operation& op) {
  const auto options = op.options<schema::StridedSliceOptions>();
  if (options.offset) return Operation::unsupported("ends as offsets");
  const SliceMasks masks{options.begin_mask, options.end_mask, options.ellipsis_mask, options.new_axis_mask,
                         options.shrink_axis_mask};
  if (!op.is_constant(1) || !op.is_constant(2) || !op.is_constant(3)) return lift_computed_slice(op, masks);
  if (!op.info(0).shape) return Operation::unsupported("the input's rank is not known");
  FETAFIX_TRY(auto begin, op.ints(1));
  FETAFIX_TRY(auto end, op.ints(2));
  FETAFIX_TRY(auto strides, op.ints(3));
  if (begin.size() != end.size() || begin.size() != strides.size() || begin.size() > 31)
    return Operation::unsupported("begin, end and strides differ in length");
  const auto found =
      resolve_strided_slice(masks, begin, end, strides, static_cast<int64_t>(op.info(0).shape->size()));
  if (!found) return Operation::unsupported("more indices than dimensions");
  const StridedSlice& s = *found;
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand starts, indices(op, 1, "begin", s.starts));
  FETAFIX_TRY(Operand ends, indices(op, 2, "end", s.ends));
  FETAFIX_TRY(Operand steps, indices(op, 3, "strides", s.steps));
  x = op.node("Slice", {x, starts, ends, op.number("axes", Tensor::vector(s.axes)), steps});
  if (!s.dropped.empty())
    x = op.node("Squeeze", {x, op.number("shrink_axis_mask", Tensor::vector(s.dropped))}, {}, Role::bridge);
  if (!s.added.empty())
    x = op.node("Unsqueeze", {x, op.number("new_axis_mask", Tensor::vector(s.added))}, {}, Role::bridge);
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
  const Operand zero = op.number("none", Tensor::scalar(int64_t{0}));
  const Operand open = op.node("Less", {sizes, zero}, {}, Role::bridge, DType::boolean);
  return op.node("Where", {open, op.number("end", Tensor::scalar(to_the_end)), ends}, {}, Role::bridge,
                 DType::int64);
}

}  // namespace

Status lift_slice(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand starts, op.int64s(1));
  if (!op.info(0).shape) return Operation::unsupported("the input's rank is not known");
  const size_t rank = op.info(0).shape->size();
  Operand ends;
  if (op.is_constant(1) && op.is_constant(2)) {
    FETAFIX_TRY(auto begin, op.ints(1));
    FETAFIX_TRY(auto size, op.ints(2));
    if (begin.size() != rank || size.size() != rank)
      return Operation::unsupported("begin and size are not as long as the input has dimensions");
    for (size_t i = 0; i < rank; ++i) size[i] = size[i] < 0 ? to_the_end : begin[i] + size[i];
    ends = op.number("ends", Tensor::vector(size));
  } else {
    FETAFIX_TRY(ends, computed_ends(op, starts));
  }
  std::vector<int64_t> axes;
  for (size_t i = 0; i < rank; ++i) axes.push_back(static_cast<int64_t>(i));
  return op.out(op.node("Slice", {x, starts, ends, op.number("axes", Tensor::vector(axes))}));
}

Status lift_reverse(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(auto axes, op.ints(1));
  const auto for_each_axis = [&](const std::string& name, int64_t value) {
    return op.number(name, Tensor::vector(std::vector<int64_t>(axes.size(), value)));
  };
  FETAFIX_TRY(Operand over, op.int64s(1, {static_cast<int64_t>(axes.size())}));
  return op.out(op.node("Slice", {x, for_each_axis("starts", to_the_end), for_each_axis("ends", to_the_start),
                                  over, for_each_axis("steps", -1)}));
}

// ONNX knows the pairs of axes (0, 1) and (1, 0).
Status lift_reverse_sequence(Operation& op) {
  const auto options = op.options<schema::ReverseSequenceOptions>();
  const std::pair axes(options.seq_dim, options.batch_dim);
  if (axes != std::pair(0, 1) && axes != std::pair(1, 0))
    return Operation::unsupported("axes other than the first two");
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand lengths, op.int64s(1));
  return op.out(
      op.node("ReverseSequence", {x, lengths},
              {{"time_axis", int64_t{options.seq_dim}}, {"batch_axis", int64_t{options.batch_dim}}}));
}

}  // namespace fetafix::formats::tflite
