// Functions in a graph of layers: those of keras.ops here, TensorFlow's in lift_tf_functions.cpp. Both by
// name, from tables; none is ever called.
#include <algorithm>
#include <map>

#include "formats/keras/functions.h"

namespace fetafix::formats::keras {
namespace {

const char* binary(const std::string& name) {
  static const std::map<std::string, const char*> table{{"add", "Add"},
                                                        {"subtract", "Sub"},
                                                        {"multiply", "Mul"},
                                                        {"divide", "Div"},
                                                        {"truedivide", "Div"},
                                                        {"maximum", "Max"},
                                                        {"minimum", "Min"},
                                                        {"power", "Pow"},
                                                        {"matmul", "MatMul"},
                                                        {"greater", "Greater"},
                                                        {"less", "Less"},
                                                        {"greaterequal", "GreaterOrEqual"},
                                                        {"lessequal", "LessOrEqual"},
                                                        {"equal", "Equal"},
                                                        {"logicaland", "And"},
                                                        {"logicalor", "Or"}};
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

bool answers_truth(const std::string& type) {
  static const char* types[]{"Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal", "And", "Or", "Not"};
  return std::ranges::any_of(types, [&](const char* one) { return type == one; });
}

const char* unary(const std::string& name) {
  static const std::map<std::string, const char*> table{
      {"relu", "Relu"},         {"sigmoid", "Sigmoid"}, {"tanh", "Tanh"},
      {"exp", "Exp"},           {"log", "Log"},         {"sqrt", "Sqrt"},
      {"abs", "Abs"},           {"absolute", "Abs"},    {"negative", "Neg"},
      {"erf", "Erf"},           {"floor", "Floor"},     {"ceil", "Ceil"},
      {"softplus", "Softplus"}, {"elu", "Elu"},         {"selu", "Selu"},
      {"sin", "Sin"},           {"cos", "Cos"},         {"reciprocal", "Reciprocal"},
      {"sign", "Sign"},         {"round", "Round"},     {"softsign", "Softsign"},
      {"identity", "Identity"}, {"logicalnot", "Not"}};
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

Status gelu(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const bool approximate = is_default(op, 1, "approximate", Json(true));
  return op.out(op.node("Gelu", {x}, {{"approximate", std::string(approximate ? "tanh" : "none")}}));
}

Status where(Operation& op) {
  FETAFIX_TRY(const Operand condition, operand_at(op, 0, "condition"));
  FETAFIX_TRY(const Operand yes, operand_at(op, 1, "x1"));
  FETAFIX_TRY(const Operand no, operand_at(op, 2, "x2"));
  return op.out(op.node("Where", {condition, yes, no}, {}, Role::core, DType::float32));
}

}  // namespace

Status lift_common_function(Operation& op, const std::string& name, const std::string& first,
                            const std::string& second) {
  if (const char* type = binary(name)) {
    FETAFIX_TRY(const Operand a, operand_at(op, 0, first));
    FETAFIX_TRY(const Operand b, operand_at(op, 1, second));
    // Of a number and a tensor, the type is the tensor's.
    const DType known = answers_truth(type) ? DType::boolean : op.dtype(a.slot < weight_slot ? a : b);
    return op.out(op.node(type, {a, b}, {}, Role::core, known));
  }
  if (const char* type = unary(name)) {
    FETAFIX_TRY(const Operand x, op.in(0));
    return op.out(op.node(type, {x}));
  }
  return Operation::unsupported("function '" + name + "' is not known here");
}

Status lift_activation_function(Operation& op, const char* name) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand y, op.activated(x, Json(name), Role::core));
  return op.out(y);
}

Status lift_reduction(Operation& op, const char* type, const std::string& axis, const std::string& keepdims) {
  if (!is_default(op, 3, "initial", Json()) || !is_default(op, 4, "where", Json()))
    return Operation::unsupported("it starts from a number or leaves some out");
  FETAFIX_TRY(const Operand x, op.in(0));
  std::vector<Operand> operands{x};
  if (!is_default(op, 1, axis, Json())) {
    const auto axes = integers_at(op, 1, axis);
    if (!axes) return Operation::unsupported("its axes are not known");
    operands.push_back(op.constant(axis, Tensor::vector(*axes)));
  }
  return op.out(op.node(type, operands, {{"keepdims", int64_t{truth_at(op, 2, keepdims)}}}));
}

Status lift_softmax_function(Operation& op, const char* type, const std::string& axis_name) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto axis = integer_at(op, 1, axis_name, -1);
  const bool last = op.generation() == 2 && is_default(op, 1, axis_name, Json());
  if (!axis || (!last && is_default(op, 1, axis_name, Json())))
    return Operation::unsupported("it works over several axes");
  return op.out(op.node(type, {x}, {{"axis", *axis}}));
}

Status lift_reshape_function(Operation& op, const std::string& shape_name) {
  FETAFIX_TRY(const Operand x, op.in(0));
  auto shape = integers_at(op, 1, shape_name);
  if (!shape) shape = integers_at(op, 1, "newshape");
  if (!shape || op.operands() != 1) return Operation::unsupported("its shape is not known");
  return op.out(op.node("Reshape", {x, op.constant(shape_name, Tensor::vector(*shape))}));
}

Status lift_transpose_function(Operation& op, const std::string& axes) {
  FETAFIX_TRY(const Operand x, op.in(0));
  auto order = integers_at(op, 1, axes);
  if (is_default(op, 1, axes, Json()) && op.rank(x) > 0) {
    order.emplace();
    for (int64_t axis = op.rank(x) - 1; axis >= 0; --axis) order->push_back(axis);
  }
  if (!order || !is_order(*order)) return Operation::unsupported("its order of axes is not known");
  return op.out(op.node("Transpose", {x}, {{"perm", *order}}));
}

Status lift_concat_function(Operation& op, const std::string& values) {
  FETAFIX_TRY(const auto operands, operands_at(op, 0, values));
  const auto axis = integer_at(op, 1, "axis", -1);
  if (!axis) return Operation::unsupported("its axis is not known");
  return op.out(op.node("Concat", operands, {{"axis", *axis}}));
}

Status lift_square(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  return op.out(op.node("Mul", {x, x}));
}

Status lift_sloped(Operation& op, const char* type, const std::string& name, float otherwise) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto slope = number_at(op, 1, name, otherwise);
  if (!slope) return Operation::unsupported("argument '" + name + "' is no number");
  return op.out(op.node(type, {x}, {{"alpha", *slope}}));
}

Status lift_clip_function(Operation& op, const std::string& least, const std::string& most) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto low = literal_tensor(literal_of(op, 1, least)), high = literal_tensor(literal_of(op, 2, most));
  if (!low || !high || low->rank() != 0 || high->rank() != 0)
    return Operation::unsupported("its ends are not two numbers");
  FETAFIX_TRY(const Operand from, literal_operand(op, literal_of(op, 1, least), least));
  FETAFIX_TRY(const Operand to, literal_operand(op, literal_of(op, 2, most), most));
  return op.out(op.node("Clip", {x, from, to}));
}

Status lift_function(Operation& op) {
  const std::string name = lower_case(op.layer().class_name);
  if (name == "mean") return lift_reduction(op, "ReduceMean", "axis", "keepdims");
  if (name == "sum") return lift_reduction(op, "ReduceSum", "axis", "keepdims");
  if (name == "max") return lift_reduction(op, "ReduceMax", "axis", "keepdims");
  if (name == "min") return lift_reduction(op, "ReduceMin", "axis", "keepdims");
  if (name == "reshape") return lift_reshape_function(op, "newshape");
  if (name == "transpose") return lift_transpose_function(op, "axes");
  if (name == "concatenate") return lift_concat_function(op, "xs");
  if (name == "softmax") return lift_softmax_function(op, "Softmax", "axis");
  if (name == "logsoftmax") return lift_softmax_function(op, "LogSoftmax", "axis");
  if (name == "leakyrelu") return lift_sloped(op, "LeakyRelu", "negative_slope", 0.2f);
  if (name == "elu") return lift_sloped(op, "Elu", "alpha", 1.f);
  if (name == "round" && !is_default(op, 1, "decimals", Json(0)))
    return Operation::unsupported("it rounds to decimals");
  if (name == "square") return lift_square(op);
  if (name == "gelu") return gelu(op);
  if (name == "silu" || name == "relu6") return lift_activation_function(op, name.c_str());
  if (name == "hardsigmoid") return lift_activation_function(op, "hard_sigmoid");
  if (name == "hardsilu") return lift_activation_function(op, "hard_silu");
  if (name == "clip") return lift_clip_function(op, "x_min", "x_max");
  if (name == "where") return where(op);
  if (name == "getitem") return lift_indexing(op, 1, "key");
  if (name == "split") return lift_split_function(op, "indices_or_sections");
  if (name == "stack") return lift_stack(op, "x");
  if (name == "expanddims") return lift_new_axis(op, "axis");
  if (name == "squeeze") return lift_squeeze(op, "axis");
  return lift_common_function(op, name, "x1", "x2");
}

}  // namespace fetafix::formats::keras
