// Functions of two tensors, or of a tensor and a number. PyTorch takes operands of different types and says
// what type the result has; ONNX wants them alike.
#include "formats/torch/lift_families.h"

namespace fetafix::formats::torch {
namespace {

struct Pair {
  Operand a, b;
};

// Both in the result's type.
Result<Pair> operands(Operation& op) {
  const DType dtype = op.result_type();
  FETAFIX_TRY(const Operand a, op.scalar("self", dtype));
  FETAFIX_TRY(const Operand b, op.scalar("other", dtype));
  return Pair{a, b};
}

// b times the argument `alpha`, if that is not 1.
Result<Operand> weighted(Operation& op, const Operand& b) {
  if (op.number("alpha", 1) == 1) return b;
  FETAFIX_TRY(const Operand alpha, op.scalar("alpha", op.result_type()));
  return op.node("Mul", {b, alpha});
}

bool is(const Operation& op, const char* name) {
  return op.target().starts_with(std::string("aten.") + name);
}

// The type in which two operands of any types are compared.
DType common_type(const Operation& op) {
  const DType a = op.dtype_of("self"), b = op.is_tensor("other") ? op.dtype_of("other") : DType::unknown;
  if (b == DType::unknown) return is_floating(a) || !op.has("other") ? a : DType::unknown;
  if (is_floating(a) != is_floating(b)) return is_floating(a) ? a : b;
  return element_size(a) >= element_size(b) ? a : b;
}

}  // namespace

Status lift_sum(Operation& op) {
  FETAFIX_TRY(const Pair pair, operands(op));
  FETAFIX_TRY(const Operand b, weighted(op, pair.b));
  return op.out(op.node(is(op, "sub") ? "Sub" : "Add", {pair.a, b}));
}

// rsub: other - alpha * self.
Status lift_difference_from(Operation& op) {
  FETAFIX_TRY(const Pair pair, operands(op));
  FETAFIX_TRY(const Operand a, weighted(op, pair.a));
  return op.out(op.node("Sub", {pair.b, a}));
}

Status lift_product(Operation& op) {
  FETAFIX_TRY(const Pair pair, operands(op));
  return op.out(op.node("Mul", {pair.a, pair.b}));
}

Status lift_quotient(Operation& op) {
  FETAFIX_TRY(const Pair pair, operands(op));
  const std::string rounding = is(op, "floor_divide") ? "floor" : op.text("rounding_mode", "");
  const Operand quotient = op.node("Div", {pair.a, pair.b});
  if (rounding.empty()) return op.out(quotient);
  const bool floats = is_floating(op.result_type());
  if (rounding == "floor" && floats) return op.out(op.node("Floor", {quotient}));
  if (rounding == "trunc" && !floats) return op.out(quotient);
  return Operation::unsupported("its quotient is rounded by '" + rounding + "'");
}

Status lift_power(Operation& op) {
  const DType dtype = op.result_type();
  FETAFIX_TRY(const Operand base, op.scalar("self", dtype));
  FETAFIX_TRY(const Operand exponent, op.scalar("exponent", dtype));
  return op.out(op.node("Pow", {base, exponent}));
}

Status lift_extreme(Operation& op) {
  FETAFIX_TRY(const Pair pair, operands(op));
  const bool greatest = is(op, "maximum") || is(op, "max");
  return op.out(op.node(greatest ? "Max" : "Min", {pair.a, pair.b}));
}

Status lift_comparison(Operation& op) {
  const DType dtype = common_type(op) == DType::unknown ? DType::float64 : common_type(op);
  FETAFIX_TRY(const Operand a, op.scalar("self", dtype));
  FETAFIX_TRY(const Operand b, op.scalar("other", dtype));
  const char* type = is(op, "eq") || is(op, "ne") ? "Equal"
                     : is(op, "lt")               ? "Less"
                     : is(op, "le")               ? "LessOrEqual"
                     : is(op, "gt")               ? "Greater"
                                                  : "GreaterOrEqual";
  const Operand result = op.node(type, {a, b}, {}, Role::core, DType::boolean);
  return op.out(is(op, "ne") ? op.node("Not", {result}) : result);
}

Status lift_logical(Operation& op) {
  FETAFIX_TRY(const Operand a, op.scalar("self", DType::boolean));
  FETAFIX_TRY(const Operand b, op.scalar("other", DType::boolean));
  const bool all = op.target().find("and") != std::string::npos,
             either = op.target().find("xor") == std::string::npos;
  if (op.result_type() != DType::boolean) return Operation::unsupported("it works on the bits of numbers");
  return op.out(op.node(all ? "And" : either ? "Or" : "Xor", {a, b}, {}, Role::core, DType::boolean));
}

// remainder has the divisor's sign, fmod the dividend's.
Status lift_remainder(Operation& op) {
  FETAFIX_TRY(const Pair pair, operands(op));
  if (is(op, "fmod")) return op.out(op.node("Mod", {pair.a, pair.b}, {{"fmod", int64_t{1}}}));
  if (!is_floating(op.result_type())) return op.out(op.node("Mod", {pair.a, pair.b}));
  const Operand whole = op.node("Floor", {op.node("Div", {pair.a, pair.b})});
  return op.out(op.node("Sub", {pair.a, op.node("Mul", {whole, pair.b})}));
}

Status lift_where(Operation& op) {
  FETAFIX_TRY(const Operand condition, op.in("condition"));
  FETAFIX_TRY(const Pair pair, operands(op));
  return op.out(op.node("Where", {condition, pair.a, pair.b}, {}, Role::core, op.result_type()));
}

Status lift_masked_fill(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  FETAFIX_TRY(const Operand mask, op.in("mask"));
  FETAFIX_TRY(const Operand value, op.scalar("value", op.dtype(x)));
  return op.out(op.node("Where", {mask, value, x}, {}, Role::core, op.dtype(x)));
}

}  // namespace fetafix::formats::torch
