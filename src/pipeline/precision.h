// What storing a model in fewer bits honestly changes in its outputs.
#pragma once

#include "evaluate/evaluator.h"
#include "pipeline/native.h"

namespace fetafix::pipeline {

struct Precision {
  // "60 constants as float16": what the target keeps in fewer bits; empty: nothing.
  std::string what;
  // Relative to the largest output, over the samples: by rounded constants (the source against the target's
  // float form) and by rounded activations (the target's view against its float form).
  double constants = 0;
  double activations = 0;
  bool reduced() const { return !what.empty(); }
  // How far apart the outputs may be for no other reason. Runtimes round activations each in their own way.
  double allowance() const { return reduced() ? 3 * (constants + activations) : 0; }
};

// `target` is the view of the target file or of its repaired form; `source` the native outputs of all
// samples. Meaningful when the walk finds no fault: one would be counted as rounding here.
Result<Precision> measure_precision(evaluate::Evaluator& evaluator, const Pair& pair,
                                    const graph::Graph& target, const std::vector<size_t>& samples,
                                    const std::vector<Outputs>& source);

}  // namespace fetafix::pipeline
