// Weights and the code that they belong to, as a program that can be read.
#pragma once

#include "pipeline/pair.h"

namespace fetafix::pipeline {

// Exports what `factory` builds with the weights of `path` into a folder of the side's, and gives the file.
// What the module takes is what `other`, which is read, takes; pictures also with their channels first.
Result<std::string> export_module(Side& side, const std::string& path, const std::string& factory,
                                  const formats::Lifted& other, const Options& options);

}  // namespace fetafix::pipeline
