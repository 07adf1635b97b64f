// Functions of one tensor, element by element.
#include <algorithm>
#include <cmath>
#include <map>

#include "formats/torch/lift_families.h"

namespace fetafix::formats::torch {
namespace {

Operand same_type(Operation& op, const Operand& x, double number) {
  auto typed = fetafix::cast(Tensor::scalar(number), op.dtype(x));
  return op.constant("", typed.ok() ? std::move(*typed) : Tensor::scalar(static_cast<float>(number)));
}

// "aten.relu_.default" -> "relu"
std::string name_of(const std::string& target) {
  const std::string plain = without_writing(target).empty() ? target : without_writing(target);
  return aten_name(plain);
}

}  // namespace

Status lift_unary(Operation& op) {
  static const std::map<std::string, const char*> types{{"abs", "Abs"},
                                                        {"acos", "Acos"},
                                                        {"acosh", "Acosh"},
                                                        {"asin", "Asin"},
                                                        {"asinh", "Asinh"},
                                                        {"atan", "Atan"},
                                                        {"atanh", "Atanh"},
                                                        {"ceil", "Ceil"},
                                                        {"cos", "Cos"},
                                                        {"cosh", "Cosh"},
                                                        {"erf", "Erf"},
                                                        {"exp", "Exp"},
                                                        {"floor", "Floor"},
                                                        {"log", "Log"},
                                                        {"neg", "Neg"},
                                                        {"reciprocal", "Reciprocal"},
                                                        {"relu", "Relu"},
                                                        {"round", "Round"},
                                                        {"hardswish", "HardSwish"},
                                                        {"selu", "Selu"},
                                                        {"sigmoid", "Sigmoid"},
                                                        {"sign", "Sign"},
                                                        {"sin", "Sin"},
                                                        {"sinh", "Sinh"},
                                                        {"sqrt", "Sqrt"},
                                                        {"tan", "Tan"},
                                                        {"tanh", "Tanh"},
                                                        {"logical_not", "Not"},
                                                        {"bitwise_not", "Not"},
                                                        {"isnan", "IsNaN"},
                                                        {"isinf", "IsInf"}};
  FETAFIX_TRY(const Operand x, op.in("self"));
  const auto found = types.find(name_of(op.target()));
  if (found == types.end()) return Operation::unsupported("no ONNX operator says this");
  return op.out(op.node(found->second, {x}, {}, Role::core, op.result_type()));
}

Status lift_relu6(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("Clip", {x, same_type(op, x, 0), same_type(op, x, 6)}));
}

Status lift_hardtanh(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  const auto bound = [&](const char* name, float otherwise) {
    return op.constant(name, Tensor::scalar(static_cast<float>(op.number(name, otherwise))));
  };
  return op.out(op.node("Clip", {x, bound("min_val", -1), bound("max_val", 1)}));
}

Status lift_clamp(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  std::vector<Operand> operands{x};
  for (const char* bound : {"min", "max"}) {
    Operand one{graph::no_value, slot_of(bound)};
    if (op.has(bound)) {
      FETAFIX_TRY(one, op.scalar(bound, op.dtype(x)));
    }
    operands.push_back(one);
  }
  if (op.target() != "aten.clamp.Tensor") return op.out(op.node("Clip", operands));
  // ONNX's Clip has one bound for all elements.
  Operand y = x;
  if (!operands[1].absent()) y = op.node("Max", {y, operands[1]});
  if (!operands[2].absent()) y = op.node("Min", {y, operands[2]});
  return op.out(y);
}

Status lift_leaky_relu(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(
      op.node("LeakyRelu", {x}, {{"alpha", static_cast<float>(op.number("negative_slope", 0.01))}}));
}

Status lift_elu(Operation& op) {
  if (op.number("scale", 1) != 1 || op.number("input_scale", 1) != 1)
    return Operation::unsupported("its input or output is scaled");
  FETAFIX_TRY(const Operand x, op.in("self"));
  const bool celu = name_of(op.target()) == "celu";
  return op.out(op.node(celu ? "Celu" : "Elu", {x}, {{"alpha", static_cast<float>(op.number("alpha", 1))}}));
}

Status lift_gelu(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("Gelu", {x}, {{"approximate", op.text("approximate", "none")}}));
}

Status lift_silu(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("Mul", {x, op.node("Sigmoid", {x})}));
}

Status lift_mish(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("Mish", {x}));
}

Status lift_hardsigmoid(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("HardSigmoid", {x}, {{"alpha", 1.f / 6}, {"beta", 0.5f}}));
}

// Above the threshold it is the identity, which it is to float32 anyway where beta is 1.
Status lift_softplus(Operation& op) {
  if (op.number("beta", 1) != 1 || op.number("threshold", 20) < 17)
    return Operation::unsupported("its beta or threshold is another");
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("Softplus", {x}));
}

Status lift_log_sigmoid(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("Neg", {op.node("Softplus", {op.node("Neg", {x})})}));
}

// One slope, or one a channel: the second axis.
Status lift_prelu(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  const auto slopes = op.shape_of("weight");
  FETAFIX_TRY(const Operand x, op.in("self"));
  if (!slopes || slopes->size() > 1) return Operation::unsupported("the shape of its slopes is not known");
  Shape rows(static_cast<size_t>(std::max(rank - 1, 1)), 1);
  rows[0] = slopes->empty() ? 1 : (*slopes)[0];
  FETAFIX_TRY(const Operand slope, op.parameter("weight", {}, rows));
  return op.out(op.node("PRelu", {x, slope}));
}

Status lift_glu(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", -1, rank));
  FETAFIX_TRY(const Operand x, op.in("self"));
  const auto halves = op.nodes("Split", {x}, {{"axis", axis}, {"num_outputs", int64_t{2}}}, 2);
  return op.out(op.node("Mul", {halves[0], op.node("Sigmoid", {halves[1]})}));
}

Status lift_rsqrt(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("Reciprocal", {op.node("Sqrt", {x})}));
}

Status lift_square(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("Mul", {x, x}));
}

// log2, log10
Status lift_log_of_base(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  const double base = name_of(op.target()) == "log2" ? 2 : 10;
  return op.out(op.node("Div", {op.node("Log", {x}), same_type(op, x, std::log(base))}));
}

Status lift_expm1(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("Sub", {op.node("Exp", {x}), same_type(op, x, 1)}));
}

Status lift_log1p(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("Log", {op.node("Add", {x, same_type(op, x, 1)})}));
}

}  // namespace fetafix::formats::torch
