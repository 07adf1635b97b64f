// Where a runtime and the view of its file disagree: which of them is the odd one out? Asked are the other
// configurations of the runtime, and a naive float64 evaluation.
#pragma once

#include "pipeline/capture.h"
#include "pipeline/lift_check.h"

namespace fetafix::pipeline {

enum class Blame {
  runtime,    // the file is right, its runtime computes it otherwise
  reading,    // the runtime is right, fetafix reads this operator otherwise
  undecided,  // nobody else could be asked
};

struct Finding {
  Piece piece;
  graph::NodeId place;  // the operator that gives it its name
  Blame blame = Blame::undecided;
  Deviation deviation;                    // of the runtime from the view
  std::optional<Deviation> from_runtime;  // of the second opinion, where there is one
  std::optional<Deviation> from_view;
  std::vector<std::string> with_view;  // configurations that compute what the view says
  std::vector<std::string> with_runtime;
};

// What is wrong in one configuration of a runtime with one view.
struct Validation {
  size_t checked = 0;             // pieces
  size_t unchecked = 0;           // values that could not be compared
  double outputs_apart = 0;       // of the instrumented copy from the file
  std::vector<Finding> findings;  // the largest deviation first
};

Result<Validation> validate_lift(evaluate::Evaluator& evaluator, const graph::Graph& view,
                                 const Configuration& own, std::span<const Configuration> others);

}  // namespace fetafix::pipeline
