#include <algorithm>
#include <cmath>

#include "formats/tensorflow/lift_families.h"

namespace fetafix::formats::tensorflow {

namespace {

// Without mean and variance of its own: over all axes but the channels, of what it is given.
Status normalize(Operation& op) {
  if (op.wire().op() == "FusedBatchNorm" || op.outputs() > 1)
    return Operation::unsupported("its mean and variance are read too");
  const auto mean_of = [&](const Operand& x) {
    const std::vector<int64_t> axes =
        op.channels_last() ? std::vector<int64_t>{0, 1, 2} : std::vector<int64_t>{0, 2, 3};
    return op.node("ReduceMean", {x, op.number("", Tensor::vector(axes))}, {{"keepdims", int64_t{1}}});
  };
  FETAFIX_TRY(const Operand x, op.in(0));
  std::vector<Operand> parameters;
  for (int slot : {1, 2}) {
    const auto shape = op.shape_of(slot);
    if (!shape || shape->size() != 1) return Operation::unsupported("its parameters have no known length");
    FETAFIX_TRY(const Operand parameter,
                op.parameter(slot, {}, op.channels_last() ? Shape{} : Shape{(*shape)[0], 1, 1}));
    parameters.push_back(parameter);
  }
  const Operand centered = op.node("Sub", {x, mean_of(x)});
  const Operand variance = mean_of(op.node("Mul", {centered, centered}));
  const Operand epsilon = op.number("epsilon", Tensor::scalar(op.number("epsilon", 1e-4f)));
  const Operand deviation = op.node("Sqrt", {op.node("Add", {variance, epsilon})});
  const Operand y = op.node("Mul", {op.node("Div", {centered, deviation}), parameters[0]});
  return op.out(op.node("Add", {y, parameters[1]}));
}

}  // namespace

// Operands: image, scale, offset, mean, variance.
Status lift_batch_norm(Operation& op) {
  const bool training = op.flag("is_training", true);
  if (const auto mean = op.shape_of(3); training && mean && *mean == Shape{0}) return normalize(op);
  if (const int rank = op.rank_of(0); rank >= 0 && rank != 4)
    return Operation::unsupported("the input has " + std::to_string(rank) + " dimensions");
  FETAFIX_TRY(const Operand x, op.in(0));
  std::vector<Operand> operands{op.to_channels_first(x)};
  for (int slot = 1; slot < 5; ++slot) {
    FETAFIX_TRY(const Operand parameter, op.in(slot));
    operands.push_back(parameter);
  }
  Attributes attributes{{"epsilon", op.number("epsilon", 1e-4f)}};
  if (training) attributes["training_mode"] = int64_t{1};
  const auto results = op.nodes("BatchNormalization", operands, attributes, training ? 3 : 1);
  FETAFIX_CHECK(op.out(0, op.to_channels_last(results[0])));
  for (size_t i = 1; i < results.size(); ++i) FETAFIX_CHECK(op.out(static_cast<int>(i), results[i]));
  return {};
}

// Several operators of the file, whose last makes the result. Channels come last.
Status Lifter::lift_normalization(Operation& op, const Normalization& parts) {
  FETAFIX_TRY(const Operand x, op.operand_of(parts.x, slot_x));
  const auto shape = op.shape(x);
  if (!shape || shape->size() < 2 || shape->size() > 5)
    return Operation::unsupported("how many dimensions it normalizes is not known");
  const int rank = static_cast<int>(shape->size());
  FETAFIX_TRY(const Operand variance, op.list_of(parts.variance, slot_variance));
  const int64_t channels = (*op.shape(variance))[0];
  if (shape->back() >= 0 && shape->back() != channels) return Operation::unsupported("it has other channels");
  std::vector<Operand> operands{rank > 2 ? op.to_channels_first(x, rank) : x};
  if (parts.gamma.op >= 0) {
    FETAFIX_TRY(const Operand gamma, op.list_of(parts.gamma, slot_gamma));
    operands.push_back(gamma);
  } else {
    operands.push_back(op.number("", Tensor::vector(std::vector<float>(static_cast<size_t>(channels), 1.f))));
  }
  FETAFIX_TRY(const Operand beta, op.list_of(parts.beta, slot_beta));
  FETAFIX_TRY(const Operand mean, op.list_of(parts.mean, slot_mean));
  operands.insert(operands.end(), {beta, mean, variance});
  const auto epsilon = stored(out_.program.ops[static_cast<size_t>(parts.epsilon.op)].inputs[1]);
  const Operand y = op.node("BatchNormalization", operands, {{"epsilon", epsilon->value().as<float>()[0]}});
  return op.out(rank > 2 ? op.to_channels_last(y, rank) : y);
}

Status lift_softmax(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  return op.out(op.node(op.type(), {x}, {{"axis", int64_t{-1}}}));
}

// TensorFlow counts neighbors to one side and does not divide alpha by their number.
Status lift_local_response(Operation& op) {
  const int64_t radius = op.integer("depth_radius", 5);
  if (radius < 0 || radius > 2047) return Operation::unsupported("its radius is out of range");
  const int64_t size = 2 * radius + 1;
  FETAFIX_TRY(const Operand x, op.in(0));
  const Operand y = op.node("LRN", {op.to_channels_first(x)},
                            {{"size", size},
                             {"bias", op.number("bias", 1.f)},
                             {"alpha", op.number("alpha", 1.f) * static_cast<float>(size)},
                             {"beta", op.number("beta", 0.5f)}});
  return op.out(op.to_channels_last(y));
}

// Rounds to the nearest of 256 values between min and max, moved so that zero is one of them.
Status lift_fake_quant(Operation& op) {
  if (op.integer("num_bits", 8) != 8) return Operation::unsupported("other than 8 bits");
  if (op.flag("narrow_range", false)) return Operation::unsupported("a narrow range");
  float low = op.number("min", -6.f), high = op.number("max", 6.f);
  if (op.type() != "FakeQuantWithMinMaxArgs") {
    FETAFIX_TRY(const Tensor min, op.constant(1));
    FETAFIX_TRY(const Tensor max, op.constant(2));
    if (min.size() != 1 || max.size() != 1 || min.dtype() != DType::float32 || max.dtype() != DType::float32)
      return Operation::unsupported("its range is not two numbers");
    low = min.as<float>()[0];
    high = max.as<float>()[0];
  }
  const float scale = (high - low) / 255.f;
  if (!(scale > 0) || !std::isfinite(scale)) return Operation::unsupported("an empty range");
  auto zero = Tensor::zeros(DType::uint8, {});
  if (!zero.ok()) return std::move(zero).error();
  zero->mutable_as<uint8_t>()[0] = static_cast<uint8_t>(std::clamp(std::round(-low / scale), 0.f, 255.f));
  FETAFIX_TRY(const Operand x, op.in(0));
  const Operand step = op.number("", Tensor::scalar(scale)), offset = op.number("", std::move(zero).value());
  const Operand q = op.node("QuantizeLinear", {x, step, offset}, {}, Role::core, DType::uint8);
  return op.out(op.node("DequantizeLinear", {q, step, offset}, {}, Role::core, DType::float32));
}

}  // namespace fetafix::formats::tensorflow
