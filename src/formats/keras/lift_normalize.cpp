#include <algorithm>
#include <cmath>

#include "formats/keras/lift_families.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::keras {
namespace {

constexpr int64_t most_channels = 1 << 16;  // of which a setting alone makes a constant

// One axis, as a number or a list of one; counted from the front. nullopt: several, or none that is known.
std::optional<int> axis_of(const Operation& op, const Operand& x) {
  const Json& setting = op.setting("axis");
  const Json& one = setting.is_array() && setting.size() == 1 ? setting[0] : setting;
  const int rank = op.rank(x);
  if (rank < 1) return std::nullopt;
  int64_t axis = one.is_number_integer() ? one.get<int64_t>() : -1;
  if (setting.is_array() && setting.size() > 1) return std::nullopt;
  axis += axis < 0 ? rank : 0;
  if (axis < 0 || axis >= rank) return std::nullopt;
  return static_cast<int>(axis);
}

// Brings axis `axis` to the second place.
std::vector<int> second(int rank, int axis) {
  std::vector<int> out{0, axis};
  for (int i = 1; i < rank; ++i)
    if (i != axis) out.push_back(i);
  return out;
}

Result<Operand> weight_or(Operation& op, bool has, size_t& next, const char* setting, float otherwise,
                          int64_t count) {
  if (has) return op.weight(next++);
  return op.constant(setting, Tensor::of(std::vector<float>(static_cast<size_t>(count), otherwise), {count}));
}

}  // namespace

// gamma, beta, mean, variance, of which the first two may be left out.
Status lift_batch_normalization(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  const auto axis = axis_of(op, x);
  const int rank = op.rank(x);
  if (!axis || *axis == 0 || rank < 2) return Operation::unsupported("its axis is not known");
  if (op.flag("renorm", false)) return Operation::unsupported("it renormalizes");
  const bool scale = op.flag("scale", true), center = op.flag("center", true);
  FETAFIX_TRY(const Shape stored, op.weight_shape(static_cast<size_t>(scale) + static_cast<size_t>(center)));
  if (stored.size() != 1 || stored[0] > 1 << 24)
    return Operation::unsupported("its mean has shape " + to_string(stored));
  size_t next = 0;
  FETAFIX_TRY(const Operand gamma, weight_or(op, scale, next, "scale", 1.f, stored[0]));
  FETAFIX_TRY(const Operand beta, weight_or(op, center, next, "center", 0.f, stored[0]));
  FETAFIX_TRY(const Operand mean, op.weight(next));
  FETAFIX_TRY(const Operand variance, op.weight(next + 1));
  const auto order = second(rank, *axis);
  const bool turned = *axis != 1;
  if (turned) x = op.bridge(x, order);
  Attributes attributes{{"epsilon", static_cast<float>(op.number("epsilon", 1e-3))}};
  const Argument* training = op.call().named("training");
  // Keras 3 asks the whole model, whatever a call says.
  const bool trains = op.generation() == 2 && training && training->literal == Json(true);
  if (trains) attributes["training_mode"] = int64_t{1};
  const Operand y =
      op.nodes("BatchNormalization", {x, gamma, beta, mean, variance}, attributes, trains ? 3 : 1)[0];
  return op.out(turned ? op.bridge(y, inverse_permutation(order)) : y);
}

Status lift_layer_normalization(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto axis = axis_of(op, x);
  if (!axis || *axis != op.rank(x) - 1)
    return Operation::unsupported("it does not normalize the last axis alone");
  if (op.flag("rms_scaling", false)) return Operation::unsupported("it scales by the root mean square");
  const bool scale = op.flag("scale", true), center = op.flag("center", true);
  const auto shape = op.shape(x);
  if (!scale && (shape->back() < 1 || shape->back() > most_channels))
    return Operation::unsupported("its size is not known");
  size_t next = 0;
  FETAFIX_TRY(const Operand gamma,
              weight_or(op, scale, next, "scale", 1.f, std::max<int64_t>(shape->back(), 1)));
  std::vector<Operand> operands{x, gamma};
  if (center) {
    FETAFIX_TRY(const Operand beta, op.weight(next));
    operands.push_back(beta);
  }
  return op.out(
      op.node("LayerNormalization", operands,
              {{"axis", int64_t{-1}}, {"epsilon", static_cast<float>(op.number("epsilon", 1e-3))}}));
}

Status lift_group_normalization(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  const auto axis = axis_of(op, x);
  const auto shape = op.shape(x);
  int64_t groups = op.integer("groups").value_or(32);
  if (!axis || *axis == 0 || (*shape)[static_cast<size_t>(*axis)] < 1 ||
      (*shape)[static_cast<size_t>(*axis)] > most_channels)
    return Operation::unsupported("its axis or size is not known");
  const int64_t channels = (*shape)[static_cast<size_t>(*axis)];
  if (groups == -1) groups = channels;
  size_t next = 0;
  FETAFIX_TRY(const Operand gamma, weight_or(op, op.flag("scale", true), next, "scale", 1.f, channels));
  FETAFIX_TRY(const Operand beta, weight_or(op, op.flag("center", true), next, "center", 0.f, channels));
  const auto order = second(op.rank(x), *axis);
  const bool turned = *axis != 1;
  if (turned) x = op.bridge(x, order);
  const Operand y =
      op.node("GroupNormalization", {x, gamma, beta},
              {{"epsilon", static_cast<float>(op.number("epsilon", 1e-3))}, {"num_groups", groups}});
  return op.out(turned ? op.bridge(y, inverse_permutation(order)) : y);
}

Status lift_unit_normalization(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto axis = axis_of(op, x);
  if (!axis) return Operation::unsupported("it normalizes over several axes");
  return op.out(op.node("LpNormalization", {x}, {{"axis", int64_t{*axis}}, {"p", int64_t{2}}}));
}

namespace {

// A number, or one for each channel.
Result<Tensor> factor(const Operation& op, const std::string& name, float otherwise) {
  const Json& value = op.setting(name);
  if (value.is_null()) return Tensor::scalar(otherwise);
  if (value.is_number()) return Tensor::scalar(value.get<float>());
  std::vector<float> out;
  if (value.is_array())
    for (const Json& v : value) {
      if (!v.is_number()) return Operation::unsupported("setting '" + name + "' is not made of numbers");
      out.push_back(v.get<float>());
    }
  if (out.empty()) return Operation::unsupported("setting '" + name + "' is no number");
  return Tensor::vector(out);
}

}  // namespace

Status lift_rescaling(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Tensor scale, factor(op, "scale", 1.f));
  FETAFIX_TRY(Tensor offset, factor(op, "offset", 0.f));
  if (op.dtype(x) != DType::float32)
    x = op.node("Cast", {x}, {{"to", graph::onnx_type(DType::float32)}}, Role::bridge, DType::float32);
  const Operand y = op.node("Mul", {x, op.constant("scale", std::move(scale))});
  return op.out(op.node("Add", {y, op.constant("offset", std::move(offset))}, {}, Role::bias));
}

// Of keras.applications' ConvNeXt: x * gamma.
Status lift_layer_scale(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand gamma, op.weight(0));
  return op.out(op.node("Mul", {x, gamma}));
}

// (x - mean) / max(sqrt(variance), 1e-7), of weights that were adapted to data or of numbers in the settings.
Status lift_normalization(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  if (op.flag("invert", false)) return Operation::unsupported("it inverts a normalization");
  const Json& axis = op.setting("axis");
  const Json& one = axis.is_array() && axis.size() == 1 ? axis[0] : axis;
  const bool last = one.is_number_integer() && (one == Json(-1) || one.get<int64_t>() == op.rank(x) - 1);
  const bool given = !op.setting("mean").is_null();
  const bool none = axis.is_null() || (axis.is_array() && axis.empty());  // one mean for all
  if (!last && !none && !given) return Operation::unsupported("it does not normalize along the last axis");
  Operand mean, variance;
  if (given) {
    FETAFIX_TRY(Tensor m, factor(op, "mean", 0.f));
    FETAFIX_TRY(Tensor v, factor(op, "variance", 1.f));
    mean = op.constant("mean", std::move(m));
    variance = op.constant("variance", std::move(v));
  } else {
    FETAFIX_TRY(mean, op.weight(0));
    FETAFIX_TRY(variance, op.weight(1));
  }
  const Operand root = op.node("Sqrt", {variance}, {}, Role::constant);
  const Operand safe = op.node("Max", {root, op.constant("least", 1e-7f)}, {}, Role::constant);
  return op.out(op.node("Div", {op.node("Sub", {x, mean}), safe}));
}

}  // namespace fetafix::formats::keras
