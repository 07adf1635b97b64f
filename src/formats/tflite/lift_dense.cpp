#include "formats/tflite/lift_families.h"

namespace fetafix::formats::tflite {

// Weights are [outputs, inputs]. The input counts as [rows, inputs]; with keep_num_dims its other dimensions
// stay.
Status lift_fully_connected(Operation& op) {
  const auto options = op.options<schema::FullyConnectedOptions>();
  const auto& weights = op.info(1).shape;
  if (options.weights_format != schema::FullyConnectedOptionsWeightsFormat::DEFAULT)
    return Operation::unsupported("shuffled weights");
  if (!weights || weights->size() != 2 || (*weights)[1] < 1)
    return Operation::unsupported("weights without 2 dimensions");
  FETAFIX_TRY(Operand x, op.in(0));
  const auto& input = op.info(0).shape;
  const bool fits = input && !input->empty() && (input->back() == (*weights)[1] || input->back() < 0);
  const bool is_matrix = fits && input->size() == 2;
  if (!is_matrix && !options.keep_num_dims)
    x = op.node("Reshape", {x, op.number("rows", Tensor::vector<int64_t>({-1, (*weights)[1]}))}, {},
                Role::bridge);
  if (is_hybrid(op, 0, 1)) {
    FETAFIX_TRY(x, as_hybrid_sees(op, x, {-1}, options.asymmetric_quantize_inputs));
  }
  FETAFIX_TRY(Operand w, op.parameter(1, {1, 0}));
  Operand y = op.node("MatMul", {x, w});
  if (op.has(2)) {
    FETAFIX_TRY(Operand bias, op.bias(2, 0, 1));
    y = op.node("Add", {y, bias}, {}, Role::bias);
  }
  return op.finish(y, options.fused_activation_function);
}

Status lift_batch_matmul(Operation& op) {
  const auto options = op.options<schema::BatchMatMulOptions>();
  if (is_hybrid(op, 0, 1)) return Operation::unsupported("weights are stored in 8 bits, the input in float");
  std::vector<Operand> sides;
  for (int slot : {0, 1}) {
    const bool turned = slot == 0 ? options.adj_x : options.adj_y;
    std::vector<int> permutation;
    if (turned) {
      if (!op.info(slot).shape) return Operation::unsupported("the rank of an operand is not known");
      const int rank = static_cast<int>(op.info(slot).shape->size());
      if (rank < 2) return Operation::unsupported("an operand has fewer than 2 dimensions");
      for (int i = 0; i < rank; ++i) permutation.push_back(i);
      std::swap(permutation[static_cast<size_t>(rank - 1)], permutation[static_cast<size_t>(rank - 2)]);
    }
    FETAFIX_TRY(Operand side, op.parameter(slot, permutation));
    sides.push_back(side);
  }
  return op.out(op.node("MatMul", sides));
}

}  // namespace fetafix::formats::tflite
