// Shapes of computed values, as far as operators tell: enough to resolve "same" pads and the order of axes.
#pragma once

#include <optional>

#include "graph/graph.h"

namespace fetafix::graph {

// The shape of a node's first output from its operands; nullopt: not known; -1: that size is not.
std::optional<Shape> infer_shape(const Graph& graph, const Node& node);

// What both say of a value; where ranks differ, or both know a size, what is inferred: the operands know
// better than what a file declares, which no runtime heeds.
std::optional<Shape> merged_shape(const std::optional<Shape>& inferred, const std::optional<Shape>& declared);

}  // namespace fetafix::graph
