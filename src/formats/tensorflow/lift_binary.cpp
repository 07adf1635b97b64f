// Operators of two operands: both languages broadcast from the last dimension, so no layout changes are
// needed.
#include <map>

#include "formats/tensorflow/lift_families.h"

namespace fetafix::formats::tensorflow {
namespace {

struct Plain {
  std::string name;
  bool compares = false;
};

const std::map<std::string, Plain>& plain_names() {
  static const std::map<std::string, Plain> names{{"Add", {"Add"}},
                                                  {"AddV2", {"Add"}},
                                                  {"Sub", {"Sub"}},
                                                  {"Mul", {"Mul"}},
                                                  {"RealDiv", {"Div"}},
                                                  {"Div", {"Div"}},
                                                  {"TruncateDiv", {"Div"}},
                                                  {"Maximum", {"Max"}},
                                                  {"Minimum", {"Min"}},
                                                  {"Pow", {"Pow"}},
                                                  {"Equal", {"Equal", true}},
                                                  {"Greater", {"Greater", true}},
                                                  {"GreaterEqual", {"GreaterOrEqual", true}},
                                                  {"Less", {"Less", true}},
                                                  {"LessEqual", {"LessOrEqual", true}},
                                                  {"LogicalAnd", {"And", true}},
                                                  {"LogicalOr", {"Or", true}}};
  return names;
}

struct Sides {
  Operand a, b;
};

Result<Sides> sides(Operation& op) {
  FETAFIX_TRY(const Operand a, op.in(0));
  FETAFIX_TRY(const Operand b, op.in(1));
  return Sides{a, b};
}

}  // namespace

Status lift_binary(Operation& op) {
  const Plain& plain = plain_names().at(op.type());
  FETAFIX_TRY(const Sides s, sides(op));
  return op.out(
      op.node(plain.name, {s.a, s.b}, {}, Role::core, plain.compares ? DType::boolean : DType::unknown));
}

Status lift_not_equal(Operation& op) {
  FETAFIX_TRY(const Sides s, sides(op));
  return op.out(op.node("Not", {op.node("Equal", {s.a, s.b}, {}, Role::core, DType::boolean)}));
}

Status lift_squared_difference(Operation& op) {
  FETAFIX_TRY(const Sides s, sides(op));
  const Operand difference = op.node("Sub", {s.a, s.b});
  return op.out(op.node("Mul", {difference, difference}));
}

// ONNX division of integers truncates; float64 holds every int32 quotient.
Status lift_floor_div(Operation& op) {
  FETAFIX_TRY(const Sides s, sides(op));
  const DType type = op.dtype(s.a);
  if (type == DType::int64) return Operation::unsupported("64-bit integers");
  if (is_floating(type)) return op.out(op.node("Floor", {op.node("Div", {s.a, s.b})}));
  const Operand a = op.cast(s.a, DType::float64), b = op.cast(s.b, DType::float64);
  return op.out(op.cast(op.node("Floor", {op.node("Div", {a, b})}), type));
}

// Both take the sign of the divisor: ONNX's Mod for integers, written out for floats.
Status lift_floor_mod(Operation& op) {
  FETAFIX_TRY(const Sides s, sides(op));
  if (!is_floating(op.dtype(s.a))) return op.out(op.node("Mod", {s.a, s.b}));
  const Operand whole = op.node("Floor", {op.node("Div", {s.a, s.b})});
  return op.out(op.node("Sub", {s.a, op.node("Mul", {whole, s.b})}));
}

// Zero where the divisor is.
Status lift_div_no_nan(Operation& op) {
  FETAFIX_TRY(const Sides s, sides(op));
  FETAFIX_TRY(Tensor nothing, cast(Tensor::scalar(0.f), op.dtype(s.b)));
  const Operand zero = op.number("", std::move(nothing));
  const Operand none = op.node("Equal", {s.b, zero}, {}, Role::core, DType::boolean);
  return op.out(op.node("Where", {none, zero, op.node("Div", {s.a, s.b})}, {}, Role::core, op.dtype(s.a)));
}

Status lift_add_n(Operation& op) {
  std::vector<Operand> operands;
  for (int slot = 0; slot < op.operands(); ++slot) {
    FETAFIX_TRY(const Operand operand, op.in(slot));
    operands.push_back(operand);
  }
  if (operands.empty()) return Operation::unsupported("no operands");
  return op.out(op.node("Sum", operands));
}

// Select with a condition of one dimension picks whole rows; it broadcasts from the first dimension.
Status lift_select(Operation& op) {
  FETAFIX_TRY(Operand condition, op.in(0));
  FETAFIX_TRY(const Operand yes, op.in(1));
  FETAFIX_TRY(const Operand no, op.in(2));
  if (op.type() == "Select") {
    const int rank = op.rank_of(0), data = op.rank_of(1);
    if (rank < 0 || data < 0) return Operation::unsupported("the rank of an operand is not known");
    if (rank == 1 && data > 1) {
      std::vector<int64_t> rows(static_cast<size_t>(data), 1);
      rows[0] = -1;
      condition = op.node("Reshape", {condition, op.number("", Tensor::vector(rows))}, {}, Role::bridge);
    }
  }
  return op.out(op.node("Where", {condition, yes, no}, {}, Role::core, op.dtype(yes)));
}

}  // namespace fetafix::formats::tensorflow
