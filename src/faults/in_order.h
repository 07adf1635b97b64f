// The source's parameters in the order of channels that the target has at a node.
#pragma once

#include "faults/effective.h"

namespace fetafix::faults {

// What operand `input` of the target's node has to hold, given what the source's node holds there.
Tensor in_target_order(const Place& place, graph::NodeId node, size_t input, Tensor wanted);

// The source's linear form as the target's core `node` has to have it.
Linear in_target_order(const Place& place, graph::NodeId node, Linear source);

}  // namespace fetafix::faults
