// Weights and the code that they belong to, as a program that can be read.
#pragma once

#include "pipeline/pair.h"

namespace fetafix::pipeline {

// Exports what `factory` builds with the weights of `path` into a folder of the side's, and gives the file.
// `takes`: what the other side takes; of pictures whose channels come last, first with channels first. What
// is to be known of the file is added to `notes`.
Result<std::string> export_module(Side& side, const std::string& path, const std::string& factory,
                                  const std::vector<runtimes::TensorSpec>& takes, const Options& options,
                                  std::vector<std::string>& notes);

}  // namespace fetafix::pipeline
