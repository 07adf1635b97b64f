// What is known of shape arithmetic before anything runs: converters compute sizes in the graph as soon as
// the batch is dynamic, and all but the batch follows from static shapes.
#pragma once

#include "graph/graph.h"

namespace fetafix::graph {

// The integers that `value` holds in any run, nullopt for one that depends on it. Of constants, and of what
// SHAPE, slices, joins and sums and products of single numbers make; empty: nothing is known, not even how
// many there are.
std::vector<std::optional<int64_t>> known_numbers(const Graph& view, ValueId value);

}  // namespace fetafix::graph
