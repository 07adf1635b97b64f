// What rounding allows a piece of a graph, run on given values, to be off by.
#pragma once

#include <span>

#include "evaluate/evaluator.h"

namespace fetafix::repair {

// Of `value`, which the last of the nodes makes: float32, of its shape; empty when it is no real number.
// `nodes` are all that lead to it from `feeds`. Counts both sides: the source computes the same in as many
// steps.
Result<Tensor> piece_tolerance(evaluate::Evaluator& evaluator, const graph::Graph& graph,
                               graph::ValueId value, std::span<const graph::NodeId> nodes,
                               const evaluate::Feeds& feeds);

}  // namespace fetafix::repair
