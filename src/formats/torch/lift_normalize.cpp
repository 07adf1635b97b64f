// Normalizations, Softmax and Dropout.
#include "formats/torch/lift_families.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::torch {
namespace {

Result<int64_t> channels(const Operation& op, const std::string& input) {
  const auto shape = op.shape_of(input);
  if (!shape || shape->size() < 2 || (*shape)[1] < 1)
    return Operation::unsupported("the number of channels is not known");
  return (*shape)[1];
}

// A list of one number a channel; where it is None, all of them are `otherwise`.
Result<Operand> channel_list(Operation& op, const std::string& name, int64_t count, float otherwise) {
  if (op.has(name)) return op.in(name);
  FETAFIX_CHECK(op.afford(2 * sizeof(float) * static_cast<uint64_t>(count)));
  Operand out = op.constant("", Tensor::vector(std::vector<float>(static_cast<size_t>(count), otherwise)));
  out.slot = slot_of(name);
  return out;
}

float epsilon(const Operation& op) {
  return static_cast<float>(op.number("eps", 1e-5));
}

}  // namespace

// In training mode the statistics are those of the batch. Further outputs are for training alone.
Status lift_batch_norm(Operation& op) {
  FETAFIX_TRY(const int64_t count, channels(op, "input"));
  if (!op.has("running_mean") || !op.has("running_var"))
    return Operation::unsupported("it keeps no statistics: those of the batch are used in any mode");
  FETAFIX_TRY(const Operand x, op.in("input"));
  FETAFIX_TRY(const Operand scale, channel_list(op, "weight", count, 1));
  FETAFIX_TRY(const Operand bias, channel_list(op, "bias", count, 0));
  FETAFIX_TRY(const Operand mean, op.in("running_mean"));
  FETAFIX_TRY(const Operand variance, op.in("running_var"));
  Attributes attributes{{"epsilon", epsilon(op)},
                        {"momentum", static_cast<float>(1 - op.number("momentum", 0.1))}};
  const bool training = op.flag("training", false);
  if (training) attributes["training_mode"] = int64_t{1};
  return op.out(
      op.nodes("BatchNormalization", {x, scale, bias, mean, variance}, attributes, training ? 3 : 1)[0]);
}

Status lift_instance_norm(Operation& op) {
  if (!op.flag("use_input_stats", true)) return Operation::unsupported("it uses stored statistics");
  FETAFIX_TRY(const int64_t count, channels(op, "input"));
  FETAFIX_TRY(const Operand x, op.in("input"));
  FETAFIX_TRY(const Operand scale, channel_list(op, "weight", count, 1));
  FETAFIX_TRY(const Operand bias, channel_list(op, "bias", count, 0));
  return op.out(op.node("InstanceNormalization", {x, scale, bias}, {{"epsilon", epsilon(op)}}));
}

Status lift_layer_norm(Operation& op) {
  const auto normalized = op.known_sizes("normalized_shape");
  if (!normalized.ok() || normalized->empty()) return Operation::unsupported("its axes are not said");
  FETAFIX_TRY(const Operand x, op.in("input"));
  std::vector<Operand> operands{x};
  if (op.has("weight")) {
    FETAFIX_TRY(operands.emplace_back(), op.in("weight"));
  } else {
    const auto count = element_count(*normalized);
    if (!count) return Operation::unsupported("its axes have no such sizes");
    FETAFIX_CHECK(op.afford(sizeof(float) * static_cast<uint64_t>(*count)));
    FETAFIX_TRY(Tensor ones, Tensor::zeros(DType::float32, *normalized));
    for (float& one : ones.mutable_as<float>()) one = 1;
    operands.push_back(op.constant("", std::move(ones)));
    operands.back().slot = slot_of("weight");
  }
  FETAFIX_TRY(operands.emplace_back(), op.optional("bias"));
  const auto axis = -static_cast<int64_t>(normalized->size());
  return op.out(op.node("LayerNormalization", operands, {{"axis", axis}, {"epsilon", epsilon(op)}}));
}

namespace {

Status group_norm(Operation& op, const std::string& groups) {
  FETAFIX_TRY(const int64_t count, channels(op, "input"));
  FETAFIX_TRY(const Operand x, op.in("input"));
  FETAFIX_TRY(const Operand scale, channel_list(op, "weight", count, 1));
  FETAFIX_TRY(const Operand bias, channel_list(op, "bias", count, 0));
  return op.out(op.node("GroupNormalization", {x, scale, bias},
                        {{"num_groups", op.integer(groups, 1)}, {"epsilon", epsilon(op)}}));
}

}  // namespace

Status lift_group_norm(Operation& op) {
  return group_norm(op, "num_groups");
}
Status lift_native_group_norm(Operation& op) {
  return group_norm(op, "group");
}

Status lift_softmax(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", -1, rank));
  FETAFIX_TRY(Operand x, op.in("self"));
  if (const DType dtype = op.element_type("dtype"); dtype != DType::unknown)
    x = op.cast(x, dtype, Role::core);
  const bool log = op.target().find("log_softmax") != std::string::npos;
  return op.out(op.node(log ? "LogSoftmax" : "Softmax", {x}, {{"axis", axis}}));
}

// A module that was exported in training mode drops elements in every run.
Status lift_dropout(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(op.has("input") ? "input" : "self"));
  if (!op.flag("train", false)) return op.out(op.node("Identity", {x}));
  const Operand ratio = op.constant("", Tensor::scalar(static_cast<float>(op.number("p", 0.5))));
  const Operand training = op.constant("", Tensor::scalar(true));
  return op.out(op.node("Dropout", {x, ratio, training}));
}

}  // namespace fetafix::formats::torch
