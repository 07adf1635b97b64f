// Products of matrices and what is made of them.
#include <cmath>

#include "formats/torch/lift_families.h"

namespace fetafix::formats::torch {
namespace {

std::vector<int> swapped_last(int rank) {
  std::vector<int> out;
  for (int i = 0; i < rank; ++i) out.push_back(i);
  std::swap(out[static_cast<size_t>(rank) - 2], out[static_cast<size_t>(rank) - 1]);
  return out;
}

}  // namespace

// Its weight is [outputs, inputs].
Status lift_linear(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("input"));
  FETAFIX_TRY(const Operand x, op.in("input"));
  if (rank == 2) {
    FETAFIX_TRY(const Operand w, op.in("weight"));
    FETAFIX_TRY(const Operand b, op.optional("bias"));
    return op.out(op.node("Gemm", {x, w, b}, {{"transB", int64_t{1}}}));
  }
  FETAFIX_TRY(const Operand w, op.parameter("weight", {1, 0}));
  const Operand product = op.node("MatMul", {x, w});
  if (!op.has("bias")) return op.out(product);
  FETAFIX_TRY(const Operand b, op.in("bias"));
  return op.out(op.node("Add", {product, b}, {}, Role::bias));
}

// addmm: beta * self + alpha * mat1 @ mat2.
Status lift_add_product(Operation& op) {
  FETAFIX_TRY(const Operand a, op.in("mat1"));
  FETAFIX_TRY(const Operand b, op.in("mat2"));
  FETAFIX_TRY(const Operand c, op.in("self"));
  Attributes attributes;
  if (const double alpha = op.number("alpha", 1); alpha != 1) attributes["alpha"] = static_cast<float>(alpha);
  if (const double beta = op.number("beta", 1); beta != 1) attributes["beta"] = static_cast<float>(beta);
  return op.out(op.node("Gemm", {a, b, c}, std::move(attributes)));
}

Status lift_matmul(Operation& op) {
  FETAFIX_TRY(const Operand a, op.in("self"));
  FETAFIX_TRY(const Operand b, op.in(op.has("other") ? "other" : op.has("vec") ? "vec" : "mat2"));
  return op.out(op.node("MatMul", {a, b}));
}

// baddbmm: beta * self + alpha * batch1 @ batch2.
Status lift_batch_add_product(Operation& op) {
  if (op.number("alpha", 1) != 1 || op.number("beta", 1) != 1)
    return Operation::unsupported("its sum is weighted");
  FETAFIX_TRY(const Operand a, op.in("batch1"));
  FETAFIX_TRY(const Operand b, op.in("batch2"));
  FETAFIX_TRY(const Operand c, op.in("self"));
  return op.out(op.node("Add", {op.node("MatMul", {a, b}), c}, {}, Role::bias));
}

Status lift_einsum(Operation& op) {
  const std::string equation = op.text("equation", "");
  if (equation.empty()) return Operation::unsupported("its equation is not said");
  std::vector<Operand> operands;
  for (size_t i = 0; i < op.list_size("tensors"); ++i) {
    FETAFIX_TRY(operands.emplace_back(), op.element("tensors", i));
  }
  return op.out(op.node("Einsum", operands, {{"equation", equation}}));
}

// softmax(query @ key^T * scale + mask) @ value; scale is 1 / sqrt(size of a head) unless it is said.
Status lift_attention(Operation& op) {
  if (op.number("dropout_p", 0) != 0) return Operation::unsupported("it drops elements by chance");
  if (op.flag("enable_gqa", false)) return Operation::unsupported("heads share keys");
  const auto shape = op.shape_of("query"), keys = op.shape_of("key");
  if (!shape || !keys || shape->size() < 2 || keys->size() != shape->size() || shape->back() < 1)
    return Operation::unsupported("the shape of the queries is not known");
  FETAFIX_TRY(const Operand query, op.in("query"));
  FETAFIX_TRY(const Operand key, op.in("key"));
  FETAFIX_TRY(const Operand value, op.in("value"));
  const double scale = op.number("scale", 1 / std::sqrt(static_cast<double>(shape->back())));
  const Operand turned = op.node("Transpose", {key},
                                 {{"perm",
                                   [&] {
                                     const auto order = swapped_last(static_cast<int>(keys->size()));
                                     return std::vector<int64_t>(order.begin(), order.end());
                                   }()}},
                                 Role::core);
  Operand scores = op.node("MatMul", {query, turned});
  scores = op.node("Mul", {scores, op.constant("scale", Tensor::scalar(static_cast<float>(scale)))});
  if (op.flag("is_causal", false)) {
    const int64_t rows = (*shape)[shape->size() - 2], columns = (*keys)[keys->size() - 2];
    constexpr int64_t most = 4096;
    if (rows < 1 || columns < 1 || rows > most || columns > most)
      return Operation::unsupported("the length of the sequence is not known");
    FETAFIX_CHECK(op.afford(2 * sizeof(float) * static_cast<uint64_t>(rows * columns)));
    std::vector<float> mask(static_cast<size_t>(rows * columns), 0.f);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = i + 1; j < columns; ++j) mask[static_cast<size_t>(i * columns + j)] = -INFINITY;
    scores = op.node("Add", {scores, op.constant("", Tensor::of(mask, {rows, columns}))});
  } else if (op.has("attn_mask")) {
    FETAFIX_TRY(const Operand mask, op.in("attn_mask"));
    if (op.dtype_of("attn_mask") == DType::boolean) {
      const Operand zero = op.constant("", Tensor::scalar(0.f)),
                    far = op.constant("", Tensor::scalar(-INFINITY));
      scores = op.node("Add", {scores, op.node("Where", {mask, zero, far}, {}, Role::core, DType::float32)});
    } else {
      scores = op.node("Add", {scores, mask});
    }
  }
  return op.out(op.node("MatMul", {op.node("Softmax", {scores}, {{"axis", int64_t{-1}}}), value}));
}

}  // namespace fetafix::formats::torch
