// Shapes of computed values, as far as operators tell: enough to resolve "same" pads and the order of axes.
#pragma once

#include <optional>

#include "graph/graph.h"

namespace fetafix::graph {

// The shape of a node's first output from its operands; nullopt: not known; -1: that size is not.
std::optional<Shape> infer_shape(const Graph& graph, const Node& node);

}  // namespace fetafix::graph
