// MultiHeadAttention over one axis of a sequence: projections to heads, scaled products, softmax, and back.
#include <cmath>

#include "formats/keras/lift_families.h"

namespace fetafix::formats::keras {
namespace {

struct Heads {
  int64_t count, size;
};

// x W + b, split into heads: [batch, heads, time, size], for keys [batch, heads, size, time].
Result<Operand> projected(Operation& op, const Operand& x, size_t k, bool keys, bool bias) {
  FETAFIX_TRY(const Shape kernel, op.weight_shape(k));
  if (kernel.size() != 3) return Operation::unsupported("a projection has shape " + to_string(kernel));
  FETAFIX_TRY(const Operand w, op.weight(k, {}, {kernel[0], kernel[1] * kernel[2]}));
  Operand y = op.node("MatMul", {x, w});
  if (bias) {
    FETAFIX_TRY(const Operand b, op.weight(k + 1, {}, {kernel[1] * kernel[2]}));
    y = op.node("Add", {y, b}, {}, Role::bias);
  }
  y = op.reshape(y, {0, -1, kernel[1], kernel[2]});
  return op.node("Transpose", {y},
                 {{"perm", keys ? std::vector<int64_t>{0, 2, 3, 1} : std::vector<int64_t>{0, 2, 1, 3}}},
                 Role::bridge);
}

}  // namespace

Status lift_attention(Operation& op) {
  const auto query = op.tensor(0, "query"), value = op.tensor(1, "value");
  if (!query || !value) return Operation::unsupported("it is called without a query or a value");
  const Operand key = op.tensor(2, "key").value_or(*value);
  for (const char* name : {"attention_mask", "query_mask", "value_mask", "key_mask"})
    if (const Argument* mask = op.call().named(name); mask && (mask->tensor || !mask->literal.is_null()))
      return Operation::unsupported("it is called with a mask");
  for (const char* name : {"use_causal_mask", "return_attention_scores"})
    if (const Argument* flag = op.call().named(name); flag && flag->literal == Json(true))
      return Operation::unsupported(std::string("it is called with ") + name);
  const Json& axes = op.setting("attention_axes");
  if (op.rank(*query) != 3 || !(axes.is_null() || axes == Json::array({1})) || op.flag("use_gate", false) ||
      !op.setting("sliding_window").is_null())
    return Operation::unsupported("it attends over something else than the second of three axes");
  const bool bias = op.flag("use_bias", true);
  const size_t step = bias ? 2 : 1;
  FETAFIX_TRY(const Shape kernel, op.weight_shape(0));
  FETAFIX_TRY(Operand q, projected(op, *query, 0, false, bias));
  FETAFIX_TRY(const Operand k, projected(op, key, step, true, bias));
  FETAFIX_TRY(const Operand v, projected(op, *value, 2 * step, false, bias));
  const double size = op.number("key_dim", static_cast<double>(kernel[2]));
  q = op.node("Mul", {q, op.constant("scale", static_cast<float>(1 / std::sqrt(size)))});
  const Operand scores = op.node("Softmax", {op.node("MatMul", {q, k})}, {{"axis", int64_t{-1}}});
  Operand y = op.bridge(op.node("MatMul", {scores, v}), {0, 2, 1, 3});
  FETAFIX_TRY(const Shape out, op.weight_shape(3 * step));
  if (out.size() != 3) return Operation::unsupported("the projection behind it has shape " + to_string(out));
  y = op.reshape(y, {0, -1, out[0] * out[1]});
  FETAFIX_TRY(const Operand w, op.weight(3 * step, {}, {out[0] * out[1], out[2]}));
  y = op.node("MatMul", {y, w});
  if (bias) {
    FETAFIX_TRY(const Operand b, op.weight(3 * step + 1));
    y = op.node("Add", {y, b}, {}, Role::bias);
  }
  return op.out(y);
}

}  // namespace fetafix::formats::keras
