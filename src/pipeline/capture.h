// Inner values of a native file: an instrumented copy of it, run in its own runtime.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "evaluate/evaluator.h"
#include "pipeline/pair.h"

namespace fetafix::pipeline {

struct Captured {
  std::vector<evaluate::Feeds>
      samples;               // by sample: the view's inputs, and those of the values that could be had
  double outputs_apart = 0;  // of the copy's outputs from the file's own, relative
};

using Capture = std::function<Result<Captured>(std::span<const graph::ValueId>)>;

// One way in which a runtime can compute a file.
struct Configuration {
  std::string name;  // "tflite.kernels=builtin"
  // Computed by other code than the file's own run is: whether all of them agree says something.
  bool independent = false;
  Capture capture;
};

// Of the side's own file as it runs, on inputs in the session's order.
Result<Captured> capture(const Side& side, const Options& options, std::vector<std::vector<Tensor>> inputs,
                         std::span<const graph::ValueId> values);

// The side's own configuration, on the given samples.
Configuration own_configuration(const Side& side, const Options& options, const std::vector<size_t>& samples);
// All others: every kernel set that the runtime offers, without optimization, fetafix's own copy of it.
std::vector<Configuration> other_configurations(const Side& side, const Options& options,
                                                const std::vector<size_t>& samples);

}  // namespace fetafix::pipeline
