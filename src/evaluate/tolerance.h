// The rounding that a node, on these values, can honestly make.
//
// Linear operators err by c u (|W| * |x| + |b|): the node is run once more on absolute values. The
// constants of the others were measured on clean conversions (design section 5); u = 2^-24.
#pragma once

#include "evaluate/evaluator.h"

namespace fetafix::evaluate {

inline constexpr double unit_roundoff = 1.0 / 16777216.0;

// One float32 tensor for each float output of the node, in its order (empty tensors for the others).
// `outputs` are what the node computed on `feeds`.
Result<std::vector<Tensor>> node_tolerance(Evaluator& evaluator, const graph::Graph& graph,
                                           graph::NodeId node, const Feeds& feeds,
                                           std::span<const Tensor> outputs);

// Convolutions and matrix products: each element is a sum of products of the first two operands.
bool is_sum_of_products(const graph::Node& node);

// tolerance += factor * more, element by element; float32 tensors of one size.
void widen(Tensor& tolerance, const Tensor& more, float factor);

// What rounding of the operands `half_steps` (float32, the operand's shape, by value) makes of the node's
// first output: the errors are independent and evenly spread over half a step to either side, so a sum of
// products errs by about sqrt(sum x^2 h^2 / 3); three times the root leaves five deviations. Empty for other
// operators.
Result<Tensor> rounding_of(Evaluator& evaluator, const graph::Graph& graph, graph::NodeId node,
                           const Feeds& feeds, const Feeds& half_steps);

}  // namespace fetafix::evaluate
