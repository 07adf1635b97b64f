// What keeps an ONNX file from being a model, and the edits that need no view because they make one possible.
#pragma once

#include "formats/onnx/model.h"

namespace fetafix::formats::onnx {

// Applies those edits of `patch` that mend what can't be lifted, to the main graph's names as they stand.
// Returns the others, which want the view of what is left. Addresses stay those of the file as it was.
Result<graph::Patch> apply_to_file(onnx_wire::Model& model, const graph::Patch& patch);

// One after another, each in the file as mending those before has left it. `source`: the model that this one
// was converted from.
std::vector<Defect> defects_of(const onnx_wire::Model& model, const std::filesystem::path& folder,
                               const graph::Graph& source);

}  // namespace fetafix::formats::onnx
