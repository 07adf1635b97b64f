// Operators of two operands: both languages broadcast from the last dimension, so no layout changes are
// needed.
#include "formats/tflite/lift_families.h"

namespace fetafix::formats::tflite {
namespace {

Result<std::pair<Operand, Operand>> sides(Operation& op) {
  FETAFIX_TRY(Operand a, op.in(0));
  FETAFIX_TRY(Operand b, op.in(1));
  return std::pair{a, b};
}

struct Plain {
  const char* name;
  bool compares;
};

Plain plain(Builtin builtin) {
  switch (builtin) {
    case Builtin::MAXIMUM:
      return {"Max", false};
    case Builtin::MINIMUM:
      return {"Min", false};
    case Builtin::POW:
      return {"Pow", false};
    case Builtin::EQUAL:
      return {"Equal", true};
    case Builtin::GREATER:
      return {"Greater", true};
    case Builtin::GREATER_EQUAL:
      return {"GreaterOrEqual", true};
    case Builtin::LESS:
      return {"Less", true};
    case Builtin::LESS_EQUAL:
      return {"LessOrEqual", true};
    case Builtin::LOGICAL_AND:
      return {"And", true};
    case Builtin::LOGICAL_OR:
      return {"Or", true};
    default:
      return {nullptr, false};
  }
}

}  // namespace

Status lift_arithmetic(Operation& op) {
  using Function = schema::ActivationFunctionType;
  const char* name = nullptr;
  Function function = Function::NONE;
  switch (op.builtin()) {
    case Builtin::ADD:
      name = "Add", function = op.options<schema::AddOptions>().fused_activation_function;
      break;
    case Builtin::SUB:
      name = "Sub", function = op.options<schema::SubOptions>().fused_activation_function;
      break;
    case Builtin::MUL:
      name = "Mul", function = op.options<schema::MulOptions>().fused_activation_function;
      break;
    case Builtin::DIV:
      name = "Div", function = op.options<schema::DivOptions>().fused_activation_function;
      break;
    default:
      return Operation::unsupported("not arithmetic");
  }
  FETAFIX_TRY(auto ab, sides(op));
  return op.finish(op.node(name, {ab.first, ab.second}), function);
}

Status lift_binary(Operation& op) {
  const Plain kind = plain(op.builtin());
  if (!kind.name) return Operation::unsupported("not a plain operator");
  FETAFIX_TRY(auto ab, sides(op));
  return op.out(op.node(kind.name, {ab.first, ab.second}, {}, Role::core,
                        kind.compares ? DType::boolean : DType::unknown));
}

Status lift_not_equal(Operation& op) {
  FETAFIX_TRY(auto ab, sides(op));
  return op.out(op.node("Not", {op.node("Equal", {ab.first, ab.second}, {}, Role::core, DType::boolean)}));
}

Status lift_squared_difference(Operation& op) {
  FETAFIX_TRY(auto ab, sides(op));
  const Operand difference = op.node("Sub", {ab.first, ab.second});
  return op.out(op.node("Mul", {difference, difference}));
}

// ONNX division of integers truncates; float64 holds every int32 quotient.
Status lift_floor_div(Operation& op) {
  FETAFIX_TRY(auto ab, sides(op));
  const DType type = op.dtype_of(ab.first);
  if (type == DType::int64) return Operation::unsupported("64-bit integers");
  if (is_floating(type)) return op.out(op.node("Floor", {op.node("Div", {ab.first, ab.second})}));
  const Operand a = op.cast(ab.first, DType::float64);
  const Operand b = op.cast(ab.second, DType::float64);
  return op.out(op.cast(op.node("Floor", {op.node("Div", {a, b})}), type));
}

// Both take the sign of the divisor: ONNX's Mod for integers, written out for floats.
Status lift_floor_mod(Operation& op) {
  FETAFIX_TRY(auto ab, sides(op));
  if (!is_floating(op.dtype_of(ab.first))) return op.out(op.node("Mod", {ab.first, ab.second}));
  const Operand whole = op.node("Floor", {op.node("Div", {ab.first, ab.second})});
  return op.out(op.node("Sub", {ab.first, op.node("Mul", {whole, ab.second})}));
}

Status lift_add_n(Operation& op) {
  std::vector<Operand> operands;
  for (int slot = 0; slot < op.operands(); ++slot) {
    FETAFIX_TRY(Operand operand, op.in(slot));
    operands.push_back(operand);
  }
  if (operands.empty()) return Operation::unsupported("no operands");
  return op.out(op.node("Sum", operands));
}

// SELECT with a condition of one dimension picks whole rows; it broadcasts from the first dimension.
Status lift_select(Operation& op) {
  FETAFIX_TRY(Operand condition, op.raw(0));
  FETAFIX_TRY(Operand yes, op.in(1));
  FETAFIX_TRY(Operand no, op.in(2));
  const auto& shape = op.info(0).shape;
  const auto& data = op.info(1).shape;
  if (op.builtin() == Builtin::SELECT) {
    if (!shape || !data) return Operation::unsupported("the rank of an operand is not known");
    if (shape->size() == 1 && data->size() > 1) {
      std::vector<int64_t> rows(data->size(), 1);
      rows[0] = -1;
      condition = op.node("Reshape", {condition, op.number("rows", Tensor::vector(rows))}, {}, Role::bridge);
    }
  }
  return op.out(op.node("Where", {condition, yes, no}, {}, Role::core, op.dtype_of(yes)));
}

}  // namespace fetafix::formats::tflite
