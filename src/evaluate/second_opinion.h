// The second opinion: a piece of a view evaluated in float64, as the definitions of its operators read. It
// arbitrates where a runtime and the evaluator disagree (two of three agree). Slow; for single operators.
#pragma once

#include "evaluate/evaluator.h"

namespace fetafix::evaluate {

// As Evaluator::run; the results are float64 whatever the view's type. Error kind unsupported: an operator
// or a form of it that is not known here.
Result<std::vector<Tensor>> second_opinion(const graph::Graph& graph, std::span<const graph::NodeId> nodes,
                                           const Feeds& feeds, std::span<const graph::ValueId> wanted);

}  // namespace fetafix::evaluate
