// Parameters as the target's file stores them: plainly, in a narrower type, or quantized.
#pragma once

#include <optional>

#include "faults/pattern.h"

namespace fetafix::faults {

struct Stored {
  graph::Address at;  // of the operator whose operand it is
  int slot = -1;      // its native operand slot
  Tensor now;         // float32, as the node reads it
  Tensor half_step;   // what storing it may have rounded away; empty: nothing
  std::vector<int>
      permutation;  // the operand is transpose(what the slot holds, permutation); empty: as it is
};

// The constant behind operand `input` of a target node; nullopt: it is computed, or not in the file.
std::optional<Stored> stored_operand(const Place& place, graph::NodeId node, size_t input);

// Whether storing `wanted` would give what the file holds: equal where it is stored in full; where not, each
// number within a step and nearly all within half of one. `slack` (relative to the largest number) allows for
// arithmetic that came before.
bool holds(const Stored& stored, const Tensor& wanted, double slack);

// Makes the operand `wanted`, which has the operand's shape.
graph::Edit set_stored(const Stored& stored, const Tensor& wanted);

}  // namespace fetafix::faults
