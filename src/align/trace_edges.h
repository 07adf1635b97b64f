// An operand that should be another value may itself be computed rightly from operands that should be others:
// the place to mend is where the first of them is read.
#pragma once

#include "align/alignment.h"

namespace fetafix::align {

// Every edge fault moved up as far as both sides compute the operand by the same operators: one edge may
// become several that expect the same value. What can't be followed stays as it is.
std::vector<EdgeFault> traced(const SourceValues& source, const graph::Graph& target, const graph::Uses& uses,
                              const Alignment& alignment);

}  // namespace fetafix::align
