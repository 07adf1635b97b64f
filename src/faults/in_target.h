// What belongs to the source, said in the target's terms: dimensions, constants, nodes and values.
#pragma once

#include <optional>

#include "faults/pattern.h"

namespace fetafix::faults {

// Which dimension of a target value is dimension `axis` (negative: from the end) of the source's value;
// nullopt when a dimension of 1 or other shapes hide it.
std::optional<int64_t> axis_in_target(int64_t axis, const Shape& source, const Shape& target,
                                      const align::Arrangement& arrangement);

// Operators that mean the same whatever the order of dimensions.
bool is_layout_free(const graph::Node& node);

// Functions of one element that stand between layers.
bool is_activation(const graph::Node& node);

// The source's node as an insertion: its attributes and constants turned to the target's layout, operands
// that vary left open. `arrangement` and `target` (shape) are those of the value that it makes, which its
// varying operands share. nullopt: its meaning hangs on the order of dimensions.
std::optional<graph::InsertNode> node_in_target(const Place& place, graph::NodeId source,
                                                const align::Arrangement& arrangement, const Shape& target);

// How a target value holds the source's value: pairs speak of the first of its twins, which may lie
// otherwise. nullopt: it is not that value.
std::optional<align::Arrangement> arrangement_of(const Place& place, graph::ValueId value,
                                                 graph::ValueId source);

// A target value that is the source's `wanted` in that layout, computed before node `before` (-1: anywhere);
// one that the file holds as a tensor rather than one inside an operator.
std::optional<graph::ValueId> counterpart(const Place& place, graph::ValueId wanted,
                                          const align::Arrangement& arrangement, graph::NodeId before);

// Where something is missing: on the edge that one operator reads, or, when all that read the value need the
// same, behind the value itself.
struct Gap {
  graph::ValueId value;
  align::Arrangement arrangement;  // of the expected value there
  bool shared;                     // others are right to read it as it is
};

// Of the place's edge.
Gap gap_of(const Place& place);

// Lets an insertion serve the reader of the place's edge alone, where others are right to read what they do.
void serve_only_reader(const Place& place, const Gap& gap, graph::InsertNode& insert);

}  // namespace fetafix::faults
