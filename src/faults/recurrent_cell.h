// A Loop's body as one step of a recurrent cell: which value is which gate, and what each is added up from.
// Read off the body's wiring alone; whether what follows from it helps is for repair to find out.
#pragma once

#include <map>
#include <optional>

#include "faults/effective.h"

namespace fetafix::faults {

// Numbers of a body that depend on no step, and the constant that they lie in.
struct Fixed {
  Tensor positions;  // int64: which element of `constant` each is
  Tensor constant;   // float32
  // Who reads the constant: input `operand` of this node of the body, or of the Loop itself (-1).
  graph::NodeId reader = -1;
  size_t operand = 0;
};

// One of the terms that are added up to make a gate: columns `begin` and following, as many as the cell has
// units.
struct Term {
  Fixed fixed;              // a matrix that something is multiplied with, or a bias
  bool is_product = false;  // matrix, [inputs, columns]
  bool of_state = false;    // ... what is multiplied is the state
  int64_t begin = 0;
};

struct CellGate {
  std::string name;  // as ONNX calls it
  std::vector<Term> terms;
  std::vector<Term> reset_terms;  // of gate h of a GRU that is linear before its reset: what the reset scales
  bool given = false;             // something is added that is none of these: made in front of the loop
};

struct Cell {
  std::string type;  // LSTM or GRU
  bool linear_before_reset = false;
  int64_t units = 0;
  std::vector<CellGate> gates;  // in ONNX's order
};

// `constant`: what the enclosing graph knows of its values (empty: computed). nullopt: no such cell.
std::optional<Cell> cell_of(const graph::Graph& outer, graph::NodeId loop, const ConstantLookup& constant);

}  // namespace fetafix::faults
