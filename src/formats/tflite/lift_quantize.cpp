#include <algorithm>
#include <cmath>

#include "formats/tflite/lift_families.h"

namespace fetafix::formats::tflite {

// Its node is the QuantizeLinear that ends every quantized operator; a requantization dequantizes first.
Status lift_quantize(Operation& op) {
  if (!op.out_info().quantization) return Operation::unsupported("the output has no scale");
  FETAFIX_TRY(Operand x, op.in(0));
  return op.out(x);
}

Status lift_dequantize(Operation& op) {
  const TensorInfo& stored = op.info(0);
  if (stored.quantization) {
    FETAFIX_TRY(Operand x, op.in(0));
    return op.out(x);
  }
  if (stored.dtype != DType::float16) return Operation::unsupported("the input has no scale");
  if (op.is_constant(0)) return op.stores_as_float16();
  FETAFIX_TRY(Operand x, op.raw(0));
  return op.out(op.cast(x, DType::float32, Role::core));
}

// Rounds to the nearest of 2^bits values between min and max, moved so that zero is one of them.
Status lift_fake_quant(Operation& op) {
  const auto options = op.options<schema::FakeQuantOptions>();
  if (options.num_bits != 8) return Operation::unsupported("other than 8 bits");
  const float lowest = options.narrow_range ? 1.f : 0.f;
  const float scale = (options.max - options.min) / (255.f - lowest);
  if (!(scale > 0) || !std::isfinite(scale)) return Operation::unsupported("an empty range");
  const float exact = lowest - options.min / scale;
  const auto zero_point = static_cast<uint8_t>(std::clamp(std::round(exact), lowest, 255.f));
  if (options.narrow_range) return Operation::unsupported("a narrow range");
  FETAFIX_TRY(Operand x, op.in(0));
  auto zero = Tensor::zeros(DType::uint8, {});
  if (!zero.ok()) return std::move(zero).error();
  zero->mutable_as<uint8_t>()[0] = zero_point;
  const Operand step = op.number("scale", scale);
  const Operand offset = op.number("zero_point", std::move(zero).value());
  const Operand q = op.node("QuantizeLinear", {x, step, offset}, {}, Role::core, DType::uint8);
  return op.out(op.node("DequantizeLinear", {q, step, offset}, {}, Role::core, DType::float32));
}

}  // namespace fetafix::formats::tflite
