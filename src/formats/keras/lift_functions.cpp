// Functions in a graph of layers: keras.ops of Keras 3, TensorFlow's of Keras 2 (TFOpLambda). Both by name,
// from the tables below; none is ever called.
#include <algorithm>
#include <map>

#include "formats/keras/lift_families.h"

namespace fetafix::formats::keras {
namespace {

const char* binary(const std::string& name) {
  static const std::map<std::string, const char*> table{
      {"add", "Add"},     {"subtract", "Sub"},   {"multiply", "Mul"},
      {"divide", "Div"},  {"truedivide", "Div"}, {"maximum", "Max"},
      {"minimum", "Min"}, {"power", "Pow"},      {"matmul", "MatMul"}};
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

const char* unary(const std::string& name) {
  static const std::map<std::string, const char*> table{
      {"relu", "Relu"},         {"sigmoid", "Sigmoid"}, {"tanh", "Tanh"},
      {"exp", "Exp"},           {"log", "Log"},         {"sqrt", "Sqrt"},
      {"abs", "Abs"},           {"absolute", "Abs"},    {"negative", "Neg"},
      {"erf", "Erf"},           {"floor", "Floor"},     {"ceil", "Ceil"},
      {"softplus", "Softplus"}, {"elu", "Elu"},         {"selu", "Selu"},
      {"sin", "Sin"},           {"cos", "Cos"},         {"reciprocal", "Reciprocal"},
      {"sign", "Sign"},         {"round", "Round"},     {"softsign", "Softsign"}};
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

// An argument that is a tensor, or a number or list of numbers as a constant of the first tensor's type.
Result<Operand> operand(Operation& op, size_t position, const std::string& name) {
  if (auto tensor = op.tensor(position, name)) return *tensor;
  const Argument* argument = op.argument(position, name);
  if (!argument) return Operation::unsupported("argument '" + name + "' is missing");
  const Json& literal = argument->literal;
  std::vector<float> numbers;
  const auto add = [&](const Json& v) { return v.is_number() && (numbers.push_back(v.get<float>()), true); };
  if (add(literal)) return op.constant(name, Tensor::scalar(numbers[0]));
  if (literal.is_array() && !literal.empty() && literal.size() < 1 << 16 && std::ranges::all_of(literal, add))
    return op.constant(name, Tensor::vector(numbers));
  return Operation::unsupported("argument '" + name + "' is neither a tensor nor a number");
}

std::optional<std::vector<int64_t>> integers(const Operation& op, size_t position, const std::string& name) {
  const Argument* argument = op.argument(position, name);
  const Json* literal = argument ? &argument->literal : &op.setting(name);
  std::vector<int64_t> out;
  const auto add = [&](const Json& v) {
    if (!v.is_number_integer()) return false;
    const auto number = v.get<int64_t>();
    out.push_back(number);
    return number >= -(int64_t{1} << 32) && number <= int64_t{1} << 32;
  };
  if (literal->is_number_integer()) return add(*literal) ? std::optional(out) : std::nullopt;
  if (!literal->is_array() || literal->empty() || !std::ranges::all_of(*literal, add)) return std::nullopt;
  return out;
}

bool truth(const Operation& op, size_t position, const std::string& name) {
  const Argument* argument = op.argument(position, name);
  const Json& literal = argument ? argument->literal : op.setting(name);
  return literal == Json(true);
}

// Whether an argument is left out, or says what it says by itself.
bool is_default(const Operation& op, size_t position, const std::string& name, const Json& otherwise) {
  const Argument* argument = op.argument(position, name);
  const Json& value = argument ? argument->literal : op.setting(name);
  return !(argument && !argument->is_literal()) && (value.is_null() || value == otherwise);
}

// A number among the arguments or settings.
std::optional<float> number(const Operation& op, size_t position, const std::string& name, float otherwise) {
  const Argument* argument = op.argument(position, name);
  const Json& value = argument ? argument->literal : op.setting(name);
  if (!argument && value.is_null()) return otherwise;
  return value.is_number() ? std::optional(value.get<float>()) : std::nullopt;
}

Status reduce(Operation& op, const char* type, const std::string& axis_name) {
  if (!is_default(op, 3, "initial", Json()) || !is_default(op, 4, "where", Json()))
    return Operation::unsupported("it starts from a number or leaves some out");
  FETAFIX_TRY(const Operand x, operand(op, 0, "x"));
  const auto axes = integers(op, 1, axis_name);
  if (!axes) return Operation::unsupported("its axes are not known");
  return op.out(op.node(type, {x, op.constant(axis_name, Tensor::vector(*axes))},
                        {{"keepdims", int64_t{truth(op, 2, "keepdims")}}}));
}

Status reshape(Operation& op, const std::string& shape_name) {
  const auto x = op.tensor(0, "x") ? op.tensor(0, "x") : op.tensor(0, "tensor");
  auto shape = integers(op, 1, shape_name);
  if (!shape) shape = integers(op, 1, "newshape");
  if (!x || !shape) return Operation::unsupported("its shape is not known");
  return op.out(op.node("Reshape", {*x, op.constant(shape_name, Tensor::vector(*shape))}));
}

Status transpose(Operation& op, const std::string& name) {
  const auto x = op.tensor(0, "x") ? op.tensor(0, "x") : op.tensor(0, "a");
  const auto order = integers(op, 1, name);
  if (!x || !order || !is_order(*order)) return Operation::unsupported("its order of axes is not known");
  return op.out(op.node("Transpose", {*x}, {{"perm", *order}}));
}

Status concatenate(Operation& op) {
  std::vector<Operand> operands;
  for (size_t i = 0; i < op.operands(); ++i) {
    FETAFIX_TRY(const Operand x, op.in(i));
    operands.push_back(x);
  }
  const auto axis = integers(op, 1, "axis");
  if (operands.empty() || !axis || axis->size() != 1) return Operation::unsupported("its axis is not known");
  return op.out(op.node("Concat", operands, {{"axis", (*axis)[0]}}));
}

Status softmax(Operation& op, const char* type) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto axis = integers(op, 1, "axis");
  const bool last = op.generation() == 2 && is_default(op, 1, "axis", Json());
  if (!last && !(axis && axis->size() == 1)) return Operation::unsupported("it works over several axes");
  return op.out(op.node(type, {x}, {{"axis", last ? int64_t{-1} : (*axis)[0]}}));
}

Status sloped(Operation& op, const char* type, const std::string& name, float otherwise) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto slope = number(op, 1, name, otherwise);
  if (!slope) return Operation::unsupported("argument '" + name + "' is no number");
  return op.out(op.node(type, {x}, {{"alpha", *slope}}));
}

// By a name that both generations share.
Status common(Operation& op, const std::string& name, const std::vector<std::string>& names) {
  if (const char* type = binary(name)) {
    FETAFIX_TRY(const Operand a, operand(op, 0, names[0]));
    FETAFIX_TRY(const Operand b, operand(op, 1, names[1]));
    return op.out(op.node(type, {a, b}));
  }
  if (const char* type = unary(name)) {
    FETAFIX_TRY(const Operand x, op.in(0));
    return op.out(op.node(type, {x}));
  }
  return Operation::unsupported("function '" + name + "' is not known here");
}

Status gelu(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const bool approximate = is_default(op, 1, "approximate", Json(true));
  return op.out(op.node("Gelu", {x}, {{"approximate", std::string(approximate ? "tanh" : "none")}}));
}

Status square(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  return op.out(op.node("Mul", {x, x}));
}

// A function that is one of the activation functions, by that one's name.
Status activation(Operation& op, const char* name) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand y, op.activated(x, Json(name), Role::core));
  return op.out(y);
}

}  // namespace

Status lift_function(Operation& op) {
  const std::string name = lower_case(op.layer().class_name);
  if (name == "mean") return reduce(op, "ReduceMean", "axis");
  if (name == "sum") return reduce(op, "ReduceSum", "axis");
  if (name == "max") return reduce(op, "ReduceMax", "axis");
  if (name == "min") return reduce(op, "ReduceMin", "axis");
  if (name == "reshape") return reshape(op, "newshape");
  if (name == "transpose") return transpose(op, "axes");
  if (name == "concatenate") return concatenate(op);
  if (name == "softmax") return softmax(op, "Softmax");
  if (name == "logsoftmax") return softmax(op, "LogSoftmax");
  if (name == "leakyrelu") return sloped(op, "LeakyRelu", "negative_slope", 0.2f);
  if (name == "elu") return sloped(op, "Elu", "alpha", 1.f);
  if (name == "round" && !is_default(op, 1, "decimals", Json(0)))
    return Operation::unsupported("it rounds to decimals");
  if (name == "square") return square(op);
  if (name == "gelu") return gelu(op);
  if (name == "silu" || name == "relu6") return activation(op, name.c_str());
  if (name == "hardsigmoid") return activation(op, "hard_sigmoid");
  if (name == "hardsilu") return activation(op, "hard_silu");
  return common(op, name, {"x1", "x2"});
}

Status lift_tf_function(Operation& op) {
  const std::string name = op.text("function");
  static const std::map<std::string, std::string> known{{"math.add", "add"},
                                                        {"__operators__.add", "add"},
                                                        {"math.multiply", "multiply"},
                                                        {"math.subtract", "subtract"},
                                                        {"math.divide", "divide"},
                                                        {"math.truediv", "divide"},
                                                        {"math.maximum", "maximum"},
                                                        {"math.minimum", "minimum"},
                                                        {"math.pow", "power"},
                                                        {"nn.relu", "relu"},
                                                        {"math.sigmoid", "sigmoid"},
                                                        {"math.tanh", "tanh"},
                                                        {"math.exp", "exp"},
                                                        {"math.log", "log"},
                                                        {"math.sqrt", "sqrt"},
                                                        {"math.abs", "abs"},
                                                        {"math.negative", "negative"},
                                                        {"math.erf", "erf"},
                                                        {"nn.elu", "elu"},
                                                        {"nn.selu", "selu"},
                                                        {"math.softplus", "softplus"},
                                                        {"nn.softsign", "softsign"},
                                                        {"math.floor", "floor"}};
  if (name == "linalg.matmul") {
    for (const char* turn : {"transpose_a", "transpose_b", "adjoint_a", "adjoint_b"})
      if (!is_default(op, 2, turn, Json(false))) return Operation::unsupported("it turns its operands");
    return common(op, "matmul", {"a", "b"});
  }
  if (const auto found = known.find(name); found != known.end()) return common(op, found->second, {"x", "y"});
  if (name == "nn.relu6" || name == "nn.silu") {
    if (!is_default(op, 1, "beta", Json(1.0))) return Operation::unsupported("it has a beta of its own");
    return activation(op, name == "nn.relu6" ? "relu6" : "silu");
  }
  if (name == "math.reduce_mean") return reduce(op, "ReduceMean", "axis");
  if (name == "math.reduce_sum") return reduce(op, "ReduceSum", "axis");
  if (name == "math.reduce_max") return reduce(op, "ReduceMax", "axis");
  if (name == "reshape") return reshape(op, "shape");
  if (name == "transpose") return transpose(op, "perm");
  if (name == "concat") return concatenate(op);
  if (name == "nn.softmax") return softmax(op, "Softmax");
  return Operation::unsupported("function 'tf." + name + "' is not known here");
}

}  // namespace fetafix::formats::keras
