#include <algorithm>

#include "formats/tensorflow/lift_families.h"

namespace fetafix::formats::tensorflow {
namespace {

// An operand whose last two axes change places where `turned`.
Result<Operand> side(Operation& op, int slot, bool turned) {
  if (!turned) return op.in(slot);
  const int rank = op.rank_of(slot);
  if (rank < 2)
    return Operation::unsupported("the rank of an operand is not known, or it has fewer than 2 dimensions");
  std::vector<int> order;
  for (int i = 0; i < rank; ++i) order.push_back(i);
  std::swap(order[static_cast<size_t>(rank - 1)], order[static_cast<size_t>(rank - 2)]);
  return op.parameter(slot, order);
}

Status multiply(Operation& op, bool turn_a, bool turn_b) {
  FETAFIX_TRY(const Operand a, side(op, 0, turn_a));
  FETAFIX_TRY(const Operand b, side(op, 1, turn_b));
  return op.out(op.node("MatMul", {a, b}));
}

}  // namespace

Status lift_matmul(Operation& op) {
  return multiply(op, op.flag("transpose_a", false), op.flag("transpose_b", false));
}

Status lift_batch_matmul(Operation& op) {
  return multiply(op, op.flag("adj_x", false), op.flag("adj_y", false));
}

// Both write their equations alike, but for upper case and spaces, which ONNX has too.
Status lift_einsum(Operation& op) {
  const std::string equation = op.text("equation", "");
  if (equation.empty()) return Operation::unsupported("no equation");
  std::vector<Operand> operands;
  for (int slot = 0; slot < op.operands(); ++slot) {
    FETAFIX_TRY(const Operand x, op.in(slot));
    operands.push_back(x);
  }
  return op.out(op.node("Einsum", operands, {{"equation", equation}}));
}

}  // namespace fetafix::formats::tensorflow
