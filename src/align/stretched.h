// Operands that don't belong together may stretch each other to any size: a walk that tries them asks before.
#pragma once

#include <span>

#include "graph/graph.h"

namespace fetafix::align {

// Elements of what an operator makes that brings its operands to a common shape (arithmetic, MatMul). 0:
// other operators, and operands that have none.
int64_t stretched_size(const graph::Node& node, std::span<const Shape> operands);

}  // namespace fetafix::align
