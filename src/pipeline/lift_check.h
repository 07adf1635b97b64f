// Whether a runtime computes what the view of its file says: each piece of the view between values that the
// runtime gave is evaluated on the runtime's own values, and compared with the runtime's own result. What is
// wrong upstream does not matter.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "evaluate/evaluator.h"
#include "graph/graph.h"

namespace fetafix::pipeline {

// What a value is computed by from the nearest values that are known natively: mostly one operator; more
// where one could not be captured.
struct Piece {
  std::vector<graph::NodeId> nodes;  // in topological order
  graph::ValueId value;
};

// Gives other values each time: a Dropout that is active, and what draws numbers.
bool is_random(const graph::Graph& view, const graph::Node& node);

// For each captured value that the view computes. What is opaque, or random, or reads what can't be known, is
// in no piece.
std::vector<Piece> pieces_of(const graph::Graph& view, const std::set<graph::ValueId>& captured);

// The values worth capturing. Inside a quantized operator that a file writes as several (Dequantize, Conv,
// Quantize) there are none: a runtime computes it in one, and in another way if asked for what lies inside.
std::vector<graph::ValueId> values_to_capture(const graph::Graph& view);

// How far two results lie apart.
struct Deviation {
  double ratio = 0;  // largest error / what rounding explains
  double error = 0;  // ... this error
  double allowed = 0;
  double fraction_above = 0;
  bool in_steps = false;  // of a quantized type

  // Rounding is bounded closely for float, and to the step for quantized results.
  bool disagrees() const { return ratio > (in_steps ? 1 : 8); }
  void take_worse(const Deviation& other);
};

// Of the known values, those that the piece reads and does not make.
evaluate::Feeds operands_of(const graph::Graph& view, const Piece& piece, const evaluate::Feeds& known);

// A piece evaluated on one sample.
struct Evaluated {
  Tensor result;
  Tensor allowed;  // float32, by element; empty: none at all
  bool in_steps = false;
};
Result<Evaluated> evaluate_piece(evaluate::Evaluator& evaluator, const graph::Graph& view, const Piece& piece,
                                 const evaluate::Feeds& known);

// `expected` with what rounding explains of it. Infinite for other shapes.
Deviation deviation(const Tensor& expected, const Tensor& actual, const Evaluated& bounds);

}  // namespace fetafix::pipeline
