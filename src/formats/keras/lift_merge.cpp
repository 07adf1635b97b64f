#include "formats/keras/lift_families.h"

namespace fetafix::formats::keras {
namespace {

Result<std::vector<Operand>> all(const Operation& op, size_t least) {
  if (op.operands() < least)
    return Operation::unsupported("it is called with " + std::to_string(op.operands()) + " tensors");
  std::vector<Operand> out;
  for (size_t i = 0; i < op.operands(); ++i) {
    FETAFIX_TRY(const Operand x, op.in(i));
    if (i > 0 && op.rank(x) != op.rank(out[0]))
      return Operation::unsupported("its operands have different ranks");
    out.push_back(x);
  }
  return out;
}

// Two by two, from the left.
Status chain(Operation& op, const char* type) {
  FETAFIX_TRY(const auto operands, all(op, 2));
  Operand y = operands[0];
  for (size_t i = 1; i < operands.size(); ++i) y = op.node(type, {y, operands[i]});
  return op.out(y);
}

Status together(Operation& op, const char* type) {
  FETAFIX_TRY(const auto operands, all(op, 2));
  return op.out(op.node(type, operands));
}

}  // namespace

Status lift_add(Operation& op) {
  return op.operands() == 2 ? together(op, "Add") : together(op, "Sum");
}
Status lift_subtract(Operation& op) {
  if (op.operands() != 2) return Operation::unsupported("it subtracts other than two tensors");
  return together(op, "Sub");
}
Status lift_multiply(Operation& op) {
  return chain(op, "Mul");
}
Status lift_average(Operation& op) {
  return together(op, "Mean");
}
Status lift_maximum(Operation& op) {
  return together(op, "Max");
}
Status lift_minimum(Operation& op) {
  return together(op, "Min");
}

// Of keras.applications' InceptionResNetV2: a + scale * b.
Status lift_scaled_sum(Operation& op) {
  FETAFIX_TRY(const auto operands, all(op, 2));
  const double scale = op.number("scale", 0);
  if (operands.size() != 2 || scale == 0) return Operation::unsupported("it is no scaled sum of two tensors");
  const Operand scaled = op.node("Mul", {operands[1], op.constant("scale", static_cast<float>(scale))});
  return op.out(op.node("Add", {operands[0], scaled}));
}

Status lift_concatenate(Operation& op) {
  FETAFIX_TRY(const auto operands, all(op, 1));
  return op.out(op.node("Concat", operands, {{"axis", op.integer("axis").value_or(-1)}}));
}

}  // namespace fetafix::formats::keras
