// Operators that only arrange numbers, computed here: exporters write paddings and shapes with them, of
// constants alone. Private to diagnose/.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace fetafix::diagnose {

// What a Cast, ConstantOfShape, Concat, Slice, Reshape or Transpose gives; an operand that is left out or not
// known is empty. Empty: another operator, more than a million elements, or operands that make no sense.
Tensor fold(const graph::Node& node, const std::vector<Tensor>& operands);

// Whether each number below the size comes once.
bool is_permutation(const std::vector<int64_t>& order);

}  // namespace fetafix::diagnose
