#include <cmath>

#include "formats/keras/lift_families.h"

namespace fetafix::formats::keras {
namespace {

// A name, or what Keras makes of a function or a layer: {"class_name": "function", "config": "relu6"}.
std::string function_name(const Json& activation) {
  if (activation.is_null()) return "linear";
  if (activation.is_string()) return activation.get<std::string>();
  if (!activation.is_object() || !activation.contains("class_name")) return "?";
  if (activation.contains("module") && activation["module"].is_string() &&
      !is_keras_module(activation["module"].get<std::string>()))
    return "of " + activation["module"].get<std::string>();
  if (activation.contains("config") && activation["config"].is_string())
    return activation["config"].get<std::string>();
  const Json& name = activation["class_name"];
  return name.is_string() ? name.get<std::string>() : "?";
}

Result<Operand> named(Operation& op, const Operand& x, const std::string& name, Role role) {
  const auto plain = [&](const char* type, Attributes attributes = {}) {
    return op.node(type, {x}, std::move(attributes), role);
  };
  if (name == "linear") return x;
  if (name == "relu") return plain("Relu");
  if (name == "relu6")
    return op.node("Clip", {x, op.constant("activation_min", 0.f), op.constant("activation_max", 6.f)}, {},
                   role);
  if (name == "sigmoid") return plain("Sigmoid");
  if (name == "tanh") return plain("Tanh");
  if (name == "softmax") return plain("Softmax", {{"axis", int64_t{-1}}});
  if (name == "log_softmax") return plain("LogSoftmax", {{"axis", int64_t{-1}}});
  if (name == "elu") return plain("Elu");
  if (name == "selu") return plain("Selu");
  if (name == "softplus") return plain("Softplus");
  if (name == "softsign") return plain("Softsign");
  if (name == "exponential") return plain("Exp");
  if (name == "mish") return plain("Mish");
  if (name == "gelu") return plain("Gelu");
  if (name == "hard_swish" || name == "hard_silu") return plain("HardSwish");
  if (name == "leaky_relu") return plain("LeakyRelu", {{"alpha", 0.2f}});
  if (name == "hard_sigmoid")
    return plain("HardSigmoid", {{"alpha", op.generation() == 2 ? 0.2f : 1.f / 6.f}, {"beta", 0.5f}});
  if (name == "swish" || name == "silu") return op.node("Mul", {x, plain("Sigmoid")}, {}, role);
  return Operation::unsupported("activation function '" + name + "' is not known here");
}

// The slope for negative numbers: one key in Keras 2, another in Keras 3.
float slope(const Json& config, double otherwise) {
  for (const char* key : {"negative_slope", "alpha"})
    if (config.is_object() && config.contains(key)) {
      const Json& value = config[key];
      if (value.is_number()) return value.get<float>();
      // numpy numbers of old files: {"class_name": "__numpy__", "value": 0.1}, or {"value": [0.1]}
      if (value.is_object() && value.contains("value") && value["value"].is_number())
        return value["value"].get<float>();
    }
  return static_cast<float>(otherwise);
}

Result<Operand> relu(Operation& op, const Operand& x, const Json& config, Role role) {
  const auto number = [&](const char* key) -> std::optional<float> {
    if (!config.is_object() || !config.contains(key) || !config[key].is_number()) return std::nullopt;
    return config[key].get<float>();
  };
  const float negative = number("negative_slope").value_or(0.f);
  const auto most = number("max_value");
  if (number("threshold").value_or(0.f) != 0.f) return Operation::unsupported("it has a threshold");
  if (negative == 0.f && most)
    return op.node("Clip", {x, op.constant("activation_min", 0.f), op.constant("max_value", *most)}, {},
                   role);
  if (negative == 0.f) return op.node("Relu", {x}, {}, role);
  const Operand y = op.node("LeakyRelu", {x}, {{"alpha", negative}}, role);
  return most ? op.node("Min", {y, op.constant("max_value", *most)}, {}, role) : y;
}

}  // namespace

Result<Operand> Operation::activated(const Operand& value, const Json& activation, Role role) {
  const std::string name = function_name(activation);
  if (activation.is_object() && activation.contains("config") && activation["config"].is_object()) {
    const Json& config = activation["config"];
    if (name == "ReLU") return relu(*this, value, config, role);
    if (name == "LeakyReLU") return node("LeakyRelu", {value}, {{"alpha", slope(config, 0.3)}}, role);
  }
  return named(*this, value, name, role);
}

Status lift_activation(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand y, op.activated(x, op.setting("activation"), Role::core));
  return op.out(y);
}

Status lift_relu(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand y, relu(op, x, *op.layer().config, Role::core));
  return op.out(y);
}

Status lift_leaky_relu(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  return op.out(op.node("LeakyRelu", {x}, {{"alpha", slope(*op.layer().config, 0.3)}}));
}

Status lift_prelu(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand alpha, op.weight(0));
  return op.out(op.node("PRelu", {x, alpha}));
}

Status lift_elu(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  return op.out(op.node("Elu", {x}, {{"alpha", static_cast<float>(op.number("alpha", 1.0))}}));
}

Status lift_softmax(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  if (op.operands() > 1) return Operation::unsupported("it is called with a mask");
  const Json& axis = op.setting("axis");
  const Json& one = axis.is_array() && axis.size() == 1 ? axis[0] : axis;
  if (!one.is_number_integer() && !one.is_null()) return Operation::unsupported("it works over several axes");
  return op.out(op.node("Softmax", {x}, {{"axis", one.is_null() ? int64_t{-1} : one.get<int64_t>()}}));
}

}  // namespace fetafix::formats::keras
