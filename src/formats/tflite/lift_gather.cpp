#include "formats/tflite/lift_families.h"

namespace fetafix::formats::tflite {

Status lift_gather(Operation& op) {
  const auto options = op.options<schema::GatherOptions>();
  FETAFIX_TRY(Operand x, op.in(0));
  if (options.batch_dims == 0) {
    FETAFIX_TRY(Operand indices, op.raw(1));
    return op.out(op.node("Gather", {x, indices}, {{"axis", int64_t{options.axis}}}));
  }
  if (options.axis != options.batch_dims || options.batch_dims < 0)
    return Operation::unsupported("batch dimensions before another axis");
  FETAFIX_TRY(Operand indices, op.int64s(1));
  indices =
      op.node("Unsqueeze", {indices, op.number("last", Tensor::vector<int64_t>({-1}))}, {}, Role::bridge);
  return op.out(op.node("GatherND", {x, indices}, {{"batch_dims", int64_t{options.batch_dims}}}));
}

Status lift_gather_nd(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand indices, op.int64s(1));
  return op.out(op.node("GatherND", {x, indices}));
}

Status lift_embedding_lookup(Operation& op) {
  FETAFIX_TRY(Operand indices, op.raw(0));
  FETAFIX_TRY(Operand table, op.in(1));
  return op.out(op.node("Gather", {table, indices}, {{"axis", int64_t{0}}}));
}

// Several updates of one place add up.
Status lift_scatter_nd(Operation& op) {
  FETAFIX_TRY(Operand indices, op.int64s(0));
  FETAFIX_TRY(Operand updates, op.in(1));
  FETAFIX_TRY(Operand shape, op.int64s(2));
  auto zero = Tensor::zeros(op.dtype_of(updates), {1});
  if (!zero.ok()) return Operation::unsupported("a type without numbers");
  const Operand empty = op.node("ConstantOfShape", {shape}, {{"value", std::move(zero).value()}},
                                Role::bridge, op.dtype_of(updates));
  return op.out(op.node("ScatterND", {empty, indices, updates}, {{"reduction", std::string("add")}}));
}

Status lift_where(Operation& op) {
  FETAFIX_TRY(Operand condition, op.raw(0));
  const Operand places = op.node("NonZero", {condition}, {}, Role::core, DType::int64);
  return op.out(op.cast(op.bridge(places, {1, 0}), op.out_info().dtype));
}

// Operands: indices, depth, value where on, value where off.
Status lift_one_hot(Operation& op) {
  FETAFIX_TRY(Operand indices, op.int64s(0));
  FETAFIX_TRY(Operand depth, op.int64s(1));
  FETAFIX_TRY(Operand on, op.parameter(2, {}, {1}));
  FETAFIX_TRY(Operand off, op.parameter(3, {}, {1}));
  const Operand values = op.node("Concat", {off, on}, {{"axis", int64_t{0}}}, Role::constant);
  const int64_t axis = op.options<schema::OneHotOptions>().axis;
  return op.out(op.node("OneHot", {indices, depth, values}, {{"axis", axis}}, Role::core, op.dtype_of(on)));
}

}  // namespace fetafix::formats::tflite
