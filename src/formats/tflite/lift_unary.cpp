#include "formats/tflite/lift_families.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::tflite {
namespace {

// Operators of one operand and no options that ONNX has too.
const char* plain_name(Builtin builtin) {
  switch (builtin) {
    case Builtin::ABS:
      return "Abs";
    case Builtin::CEIL:
      return "Ceil";
    case Builtin::COS:
      return "Cos";
    case Builtin::ELU:
      return "Elu";
    case Builtin::EXP:
      return "Exp";
    case Builtin::FLOOR:
      return "Floor";
    case Builtin::HARD_SWISH:
      return "HardSwish";
    case Builtin::LOG:
      return "Log";
    case Builtin::LOGICAL_NOT:
      return "Not";
    case Builtin::LOGISTIC:
      return "Sigmoid";
    case Builtin::NEG:
      return "Neg";
    case Builtin::RELU:
      return "Relu";
    case Builtin::ROUND:
      return "Round";
    case Builtin::SIGN:
      return "Sign";
    case Builtin::SIN:
      return "Sin";
    case Builtin::SQRT:
      return "Sqrt";
    case Builtin::TANH:
      return "Tanh";
    default:
      return nullptr;
  }
}

}  // namespace

Status lift_unary(Operation& op) {
  const char* name = plain_name(op.builtin());
  if (!name) return Operation::unsupported("not a plain operator");
  FETAFIX_TRY(Operand x, op.in(0));
  return op.out(op.node(name, {x}));
}

Status lift_rsqrt(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  return op.out(op.node("Reciprocal", {op.node("Sqrt", {x})}));
}

Status lift_square(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  return op.out(op.node("Mul", {x, x}));
}

Status lift_clip(Operation& op) {
  const float low = op.builtin() == Builtin::RELU_N1_TO_1 ? -1.f : 0.f;
  const float high = op.builtin() == Builtin::RELU6 ? 6.f : 1.f;
  FETAFIX_TRY(Operand x, op.in(0));
  return op.out(op.node("Clip", {x, op.number("min", low), op.number("max", high)}));
}

Status lift_leaky_relu(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  return op.out(op.node("LeakyRelu", {x}, {{"alpha", op.options<schema::LeakyReluOptions>().alpha}}));
}

Status lift_prelu(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand slope, op.in(1));
  return op.out(op.node("PRelu", {x, slope}));
}

Status lift_gelu(Operation& op) {
  const bool approximate = op.options<schema::GeluOptions>().approximate;
  FETAFIX_TRY(Operand x, op.in(0));
  return op.out(op.node("Gelu", {x}, {{"approximate", std::string(approximate ? "tanh" : "none")}}));
}

Status lift_cast(Operation& op) {
  const DType to = op.out_info().dtype;
  if (graph::onnx_type(to) == 0 || graph::onnx_type(op.info(0).dtype) == 0)
    return Operation::unsupported("a type without numbers");
  FETAFIX_TRY(Operand x, op.raw(0));
  return op.out(op.node("Cast", {x}, {{"to", graph::onnx_type(to)}}, Role::core, to));
}

Status lift_zeros_like(Operation& op) {
  auto zero = Tensor::zeros(op.out_info().dtype, {1});
  if (!zero.ok()) return Operation::unsupported("a type without numbers");
  FETAFIX_TRY(Operand x, op.raw(0));
  const Operand shape = op.node("Shape", {x}, {}, Role::bridge, DType::int64);
  return op.out(op.node("ConstantOfShape", {shape}, {{"value", std::move(zero).value()}}, Role::core,
                        op.out_info().dtype));
}

}  // namespace fetafix::formats::tflite
