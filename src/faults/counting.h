// How quantized values of the target count: what biases say of it, and what a new value needs.
#pragma once

#include <optional>

#include "faults/pattern.h"

namespace fetafix::faults {

// What the bias of an operator says of the scale that the operator reads: the one that is meant over the one
// that the tensor has; nullopt: nothing.
std::optional<double> claimed_scale_factor(const graph::Graph& target, const graph::NativeOperator& op);

// Changes of layout and dequantizations of the view by which a tensor gets into an operator.
bool leads_into_operator(const graph::Node& node);
// The value that the file itself holds: behind what leads into an operator.
graph::ValueId before_bridges(const Place& place, graph::ValueId value);

// Whether the file holds the value in fewer bits.
bool is_quantized(const Place& place, graph::ValueId value);

// Where the edge that is missing something reads a quantized tensor: gives the inserted node an output that
// counts as the source's `result` needs it. `last`: the readers read this very output, so their biases are
// asked for the scale; what no bias says is fitted to the source's values. Returns how, for people; "" where
// nothing counts.
std::string count_output(const Place& place, graph::ValueId result, bool last, graph::InsertNode& insert);

}  // namespace fetafix::faults
