// What a model answered elsewhere, in place of a runtime: --source-outputs, --target-outputs.
#pragma once

#include <filesystem>

#include "graph/graph.h"

namespace fetafix::pipeline {

// The outputs of `view` for each of `count` samples, from a .npz whose arrays are named as the outputs (or a
// .npy, where there is one output): sample i is row i of each. Error kinds `file` (it can't be read) and
// usage: an output is missing, or an array holds other numbers of samples or elements.
Result<std::vector<std::vector<Tensor>>> read_recorded(const std::filesystem::path& path,
                                                       const graph::Graph& view, size_t count);

}  // namespace fetafix::pipeline
