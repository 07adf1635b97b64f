#include "formats/tflite/lift_families.h"

namespace fetafix::formats::tflite {
namespace {

constexpr float l2_epsilon = 1e-6f;  // built into TFLite's kernel

}  // namespace

Status lift_softmax(Operation& op) {
  const float beta = op.options<schema::SoftmaxOptions>().beta;
  FETAFIX_TRY(Operand x, op.in(0));
  if (beta != 1.f) x = op.node("Mul", {x, op.number("beta", beta)}, {}, Role::padding);
  return op.out(op.node("Softmax", {x}, {{"axis", int64_t{-1}}}));
}

Status lift_log_softmax(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  return op.out(op.node("LogSoftmax", {x}, {{"axis", int64_t{-1}}}));
}

Status lift_l2_normalization(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  const Operand axes = op.number("axes", Tensor::vector<int64_t>({-1}));
  const Operand norm = op.node("ReduceL2", {x, axes});
  const Operand y = op.node("Div", {x, op.node("Max", {norm, op.number("epsilon", l2_epsilon)})});
  return op.finish(y, op.options<schema::L2NormOptions>().fused_activation_function);
}

// TFLite scales the sum of 2 radius + 1 squares, ONNX their mean.
Status lift_local_response(Operation& op) {
  const auto options = op.options<schema::LocalResponseNormalizationOptions>();
  const int64_t size = 2 * int64_t{options.radius} + 1;
  FETAFIX_TRY(Operand x, op.in(0));
  const Operand y = op.node("LRN", {op.to_channels_first(x)},
                            {{"size", size},
                             {"alpha", options.alpha * static_cast<float>(size)},
                             {"beta", options.beta},
                             {"bias", options.bias}});
  return op.out(op.to_channels_last(y));
}

}  // namespace fetafix::formats::tflite
