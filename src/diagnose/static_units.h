// A view as units that can be told from their stored numbers: a convolution or product with the padding
// before it and the per-channel operators behind it is one unit, any other operator one by itself. What only
// moves elements (Transpose, Reshape, ...) is part of the edges. Private to diagnose/.
#pragma once

#include <optional>

#include "faults/effective.h"

namespace fetafix::diagnose {

using Order = std::vector<int>;  // of dimensions, as a Transpose has it; empty: as they are

struct Operand {
  int unit = 0;            // where it comes from; below 0: model input -1 - unit
  Order moved = {};        // what is transposed on the way
  bool flattened = false;  // the number of dimensions changes on the way
  bool scrambled = false;  // ... and more is moved behind that
};

struct Unit {
  std::string label;        // units of one label may be counterparts
  graph::NodeId node = -1;  // the one to name
  std::vector<graph::NodeId> nodes;
  std::optional<faults::Linear> linear;
  Order before = {}, behind = {};  // what is transposed within a linear unit, around its core
  std::vector<Operand> operands;   // computed ones, in order
  std::vector<Tensor> constants;   // the others; empty: not known without running
  bool commutes = false;
  bool padded_apart = false;  // a linear unit behind a Pad that could not be counted to its own pads
};

struct Units {
  std::vector<Unit> units;                // in the order of the graph
  std::vector<Operand> outputs;           // of the model
  std::vector<std::vector<int>> readers;  // by unit
};

// `graph` in canonical form.
Units units_of(const graph::Graph& graph);

// What constants and what only moves or dequantizes them come to; empty: something has to be run.
Tensor constant_of(const graph::Graph& graph, const graph::Uses& uses, graph::ValueId value);

}  // namespace fetafix::diagnose
