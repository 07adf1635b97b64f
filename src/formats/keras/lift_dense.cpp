#include "formats/keras/lift_families.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::keras {

Result<Operand> with_bias(Operation& op, const Operand& y, size_t k) {
  if (!op.flag("use_bias", true)) return y;
  FETAFIX_TRY(const Operand bias, op.weight(k));
  return op.node("Add", {y, bias}, {}, Role::bias);
}

// The last axis counts; weights are [inputs, outputs].
Status lift_dense(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand w, op.weight(0));
  if (!op.setting("quantization_config").is_null() || !op.setting("lora_rank").is_null())
    return Operation::unsupported("its weights are quantized, or have more parts than kernel and bias");
  FETAFIX_TRY(const Operand y, with_bias(op, op.node("MatMul", {x, w}), 1));
  return op.finish(y);
}

Status lift_einsum_dense(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand w, op.weight(0));
  std::string equation = op.text("equation");
  if (equation.find("->") == std::string::npos) return Operation::unsupported("equation '" + equation + "'");
  Operand y = op.node("Einsum", {x, w}, {{"equation", equation}});
  if (!op.setting("bias_axes").is_null()) {
    FETAFIX_TRY(const Operand bias, op.weight(1));
    y = op.node("Add", {y, bias}, {}, Role::bias);
  }
  return op.finish(y);
}

Status lift_embedding(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  if (op.flag("mask_zero", false)) return Operation::unsupported("it hands on a mask");
  FETAFIX_TRY(const Operand table, op.weight(0));
  if (!is_integer(op.dtype(x)) || op.dtype(x) == DType::boolean)
    x = op.node("Cast", {x}, {{"to", graph::onnx_type(DType::int32)}}, Role::bridge, DType::int32);
  return op.out(op.node("Gather", {table, x}, {{"axis", int64_t{0}}}));
}

// The wrapped layer for each step: of a Dense the same as without.
Status lift_time_distributed(Operation& op) {
  const Json& inner = op.setting("layer");
  const bool is_dense = inner.is_object() && inner.contains("class_name") && inner["class_name"] == "Dense" &&
                        inner.contains("config") && inner["config"].is_object();
  if (!is_dense) return Operation::unsupported("what it wraps is no Dense layer");
  const Json& config = inner["config"];
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand w, op.weight(0));
  Operand y = op.node("MatMul", {x, w});
  if (!config.contains("use_bias") || config["use_bias"] != Json(false)) {
    FETAFIX_TRY(const Operand bias, op.weight(1));
    y = op.node("Add", {y, bias}, {}, Role::bias);
  }
  FETAFIX_TRY(y, op.activated(y, config.contains("activation") ? config["activation"] : Json()));
  return op.out(y);
}

}  // namespace fetafix::formats::keras
