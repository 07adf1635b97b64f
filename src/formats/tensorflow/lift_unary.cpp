#include <map>

#include "formats/tensorflow/lift_families.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::tensorflow {
namespace {

// Operators of one operand and no attributes that ONNX has too.
const std::map<std::string, std::string>& plain_names() {
  static const std::map<std::string, std::string> names{
      {"Abs", "Abs"},           {"Acos", "Acos"},         {"Acosh", "Acosh"},    {"Asin", "Asin"},
      {"Asinh", "Asinh"},       {"Atan", "Atan"},         {"Atanh", "Atanh"},    {"Ceil", "Ceil"},
      {"Cos", "Cos"},           {"Cosh", "Cosh"},         {"Elu", "Elu"},        {"Erf", "Erf"},
      {"Exp", "Exp"},           {"Floor", "Floor"},       {"Inv", "Reciprocal"}, {"IsNan", "IsNaN"},
      {"Log", "Log"},           {"LogicalNot", "Not"},    {"Neg", "Neg"},        {"Reciprocal", "Reciprocal"},
      {"Relu", "Relu"},         {"Rint", "Round"},        {"Round", "Round"},    {"Selu", "Selu"},
      {"Sigmoid", "Sigmoid"},   {"Sign", "Sign"},         {"Sin", "Sin"},        {"Sinh", "Sinh"},
      {"Softplus", "Softplus"}, {"Softsign", "Softsign"}, {"Sqrt", "Sqrt"},      {"Tan", "Tan"},
      {"Tanh", "Tanh"}};
  return names;
}

Result<Operand> one(Operation& op, const Operand& like) {
  FETAFIX_TRY(Tensor tensor, cast(Tensor::scalar(1.f), op.dtype(like)));
  return op.number("", std::move(tensor));
}

}  // namespace

Status lift_unary(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  return op.out(op.node(plain_names().at(op.type()), {x}, {}, Role::core,
                        op.type() == "IsNan" ? DType::boolean : DType::unknown));
}

Status lift_rsqrt(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  return op.out(op.node("Reciprocal", {op.node("Sqrt", {x})}));
}

Status lift_square(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  return op.out(op.node("Mul", {x, x}));
}

Status lift_relu6(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  // By slots that no operand has: where they are set, the operator becomes one that has them.
  Operand low = op.number("min", Tensor::scalar(0.f)), high = op.number("max", Tensor::scalar(6.f));
  low.slot = 1;
  high.slot = 2;
  return op.out(op.node("Clip", {x, low, high}));
}

Status lift_clip(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand low, op.in(1));
  FETAFIX_TRY(const Operand high, op.in(2));
  return op.out(op.node("Clip", {x, low, high}));
}

Status lift_leaky_relu(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  return op.out(op.node("LeakyRelu", {x}, {{"alpha", op.number("alpha", 0.2f)}}));
}

Status lift_expm1(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand unit, one(op, x));
  return op.out(op.node("Sub", {op.node("Exp", {x}), unit}));
}

Status lift_log1p(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand unit, one(op, x));
  return op.out(op.node("Log", {op.node("Add", {x, unit})}));
}

Status lift_erfc(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand unit, one(op, x));
  return op.out(op.node("Sub", {unit, op.node("Erf", {x})}));
}

Status lift_cast(Operation& op) {
  const DType to = op.element_type("DstT");
  FETAFIX_TRY(const Operand x, op.in(0));
  if (graph::onnx_type(to) == 0 || graph::onnx_type(op.dtype(x)) == 0)
    return Operation::unsupported("a type without numbers");
  return op.out(op.node("Cast", {x}, {{"to", graph::onnx_type(to)}}, Role::core, to));
}

Status lift_filled_like(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const float content = op.type() == "OnesLike" ? 1.f : 0.f;
  auto value = cast(Tensor::vector<float>({content}), op.dtype(x));
  if (!value.ok()) return Operation::unsupported("a type without numbers");
  const Operand shape = op.node("Shape", {x}, {}, Role::bridge, DType::int64);
  return op.out(
      op.node("ConstantOfShape", {shape}, {{"value", std::move(value).value()}}, Role::core, op.dtype(x)));
}

}  // namespace fetafix::formats::tensorflow
