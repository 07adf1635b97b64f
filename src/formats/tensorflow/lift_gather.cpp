#include "formats/tensorflow/lift_families.h"

namespace fetafix::formats::tensorflow {

// GatherV2: the axis is operand 2.
Status lift_gather(Operation& op) {
  int64_t axis = 0;
  if (op.type() == "GatherV2") {
    FETAFIX_TRY(const auto axes, op.ints(2));
    if (axes.size() != 1) return Operation::unsupported("expected one axis");
    axis = axes[0];
  }
  const int64_t batch = op.integer("batch_dims", 0);
  FETAFIX_TRY(const Operand x, op.in(0));
  if (batch == 0) {
    FETAFIX_TRY(const Operand indices, op.in(1));
    return op.out(op.node("Gather", {x, indices}, {{"axis", axis}}));
  }
  if (axis != batch || batch < 0) return Operation::unsupported("batch dimensions before another axis");
  FETAFIX_TRY(Operand indices, op.int64s(1));
  indices = op.node("Unsqueeze", {indices, op.number("", Tensor::vector<int64_t>({-1}))}, {}, Role::bridge);
  return op.out(op.node("GatherND", {x, indices}, {{"batch_dims", batch}}));
}

Status lift_gather_nd(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand indices, op.int64s(1));
  return op.out(op.node("GatherND", {x, indices}));
}

// Several updates of one place add up.
Status lift_scatter_nd(Operation& op) {
  FETAFIX_TRY(const Operand indices, op.int64s(0));
  FETAFIX_TRY(const Operand updates, op.in(1));
  FETAFIX_TRY(const Operand shape, op.int64s(2));
  auto zero = Tensor::zeros(op.dtype(updates), {1});
  if (!zero.ok()) return Operation::unsupported("a type without numbers");
  const Operand empty = op.node("ConstantOfShape", {shape}, {{"value", std::move(zero).value()}},
                                Role::bridge, op.dtype(updates));
  return op.out(op.node("ScatterND", {empty, indices, updates}, {{"reduction", std::string("add")}}));
}

Status lift_where(Operation& op) {
  FETAFIX_TRY(const Operand condition, op.in(0));
  const Operand places = op.node("NonZero", {condition}, {}, Role::core, DType::int64);
  return op.out(op.bridge(places, {1, 0}));
}

// Operands: indices, depth, value where on, value where off.
Status lift_one_hot(Operation& op) {
  FETAFIX_TRY(const Operand indices, op.int64s(0));
  FETAFIX_TRY(const Operand depth, op.int64s(1));
  FETAFIX_TRY(const Operand on, op.parameter(2, {}, {1}));
  FETAFIX_TRY(const Operand off, op.parameter(3, {}, {1}));
  const Operand values = op.node("Concat", {off, on}, {{"axis", int64_t{0}}}, Role::constant);
  return op.out(op.node("OneHot", {indices, depth, values}, {{"axis", op.integer("axis", -1)}}, Role::core,
                        op.dtype(on)));
}

}  // namespace fetafix::formats::tensorflow
