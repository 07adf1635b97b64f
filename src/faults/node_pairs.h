// Which node of a source segment stands for which node of the target segment.
#pragma once

#include "faults/pattern.h"

namespace fetafix::faults {

struct NodePair {
  graph::NodeId source;
  graph::NodeId target;
};

// The k-th node of a type with the k-th of that type, where both sides have equally many of it.
std::vector<NodePair> pairs_by_type(const Place& place);

// Operand values of the pair that are constants, with the source's in the target's shape; nullopt when it
// can't be brought to that shape by adding or dropping dimensions of 1.
std::optional<Tensor> source_operand(const Place& place, const NodePair& pair, size_t input,
                                     const Shape& shape);

}  // namespace fetafix::faults
