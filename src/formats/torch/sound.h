// What keeps a file from loading or running in PyTorch, told by the file alone.
#pragma once

#include "formats/torch/lift.h"

namespace fetafix::formats::torch {

// Weights that the archive does not hold whole, operands that nothing computes before they are read. What
// PyTorch refuses besides is found by the comparison with the source.
std::vector<Defect> defects_of(const File& file);

}  // namespace fetafix::formats::torch
