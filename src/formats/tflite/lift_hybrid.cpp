// Hybrid kernels: weights in int8, activations in float. TFLite rounds the activations to 8 bits with a range
// found at run time, one for each row or image, multiplies integers and scales back. The view says so in
// float: round, then the plain operator on dequantized weights. (The XNNPACK delegate may compute the same
// file without rounding.)
#include "formats/tflite/lift_families.h"

namespace fetafix::formats::tflite {
namespace {

// A range of zero would divide by zero; TFLite takes scale 1 then, and every value is zero either way.
constexpr float tiny = 1e-30f;

Operand round_symmetric(Operation& op, const Operand& x, const Operand& axes) {
  const Operand magnitude = op.node("Abs", {x}, {}, Role::quantize);
  const Operand range =
      op.node("Max", {op.node("ReduceMax", {magnitude, axes}, {}, Role::quantize), op.number("tiny", tiny)},
              {}, Role::quantize);
  const Operand step = op.node("Div", {range, op.number("steps", 127.f)}, {}, Role::quantize);
  const Operand rounded =
      op.node("Round", {op.node("Div", {x, step}, {}, Role::quantize)}, {}, Role::quantize);
  return op.node("Mul", {rounded, step}, {}, Role::quantize);
}

Operand round_asymmetric(Operation& op, const Operand& x, const Operand& axes) {
  const auto step_of = [&](const std::string& type, const std::vector<Operand>& in) {
    return op.node(type, in, {}, Role::quantize);
  };
  const Operand zero = op.number("zero", 0.f);
  const Operand low = step_of("Min", {step_of("ReduceMin", {x, axes}), zero});
  const Operand high = step_of("Max", {step_of("ReduceMax", {x, axes}), zero});
  const Operand range = step_of("Max", {step_of("Sub", {high, low}), op.number("tiny", tiny)});
  const Operand step = step_of("Div", {range, op.number("steps", 255.f)});
  const Operand zero_point =
      step_of("Round", {step_of("Sub", {op.number("lowest", -128.f), step_of("Div", {low, step})})});
  const Operand rounded = step_of("Round", {step_of("Add", {step_of("Div", {x, step}), zero_point})});
  const Operand clipped =
      step_of("Clip", {rounded, op.number("lowest", -128.f), op.number("highest", 127.f)});
  return step_of("Mul", {step_of("Sub", {clipped, zero_point}), step});
}

}  // namespace

bool is_hybrid(const Operation& op, int input_slot, int weight_slot) {
  return op.info(input_slot).dtype == DType::float32 && op.info(weight_slot).quantization.has_value();
}

Result<Operand> as_hybrid_sees(Operation& op, const Operand& value, const std::vector<int64_t>& axes,
                               bool asymmetric) {
  const Operand over = op.number("axes", Tensor::vector(axes));
  return asymmetric ? round_asymmetric(op, value, over) : round_symmetric(op, value, over);
}

}  // namespace fetafix::formats::tflite
