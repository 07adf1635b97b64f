// What opaque operators make, which no evaluation of the view can tell: asked of the file's own runtime.
#pragma once

#include "pipeline/capture.h"

namespace fetafix::pipeline {

// Puts the outputs of the view's live opaque nodes into `feeds`, one entry for each of `inputs` (a sample's
// tensors in the session's order). `view` is the lift of the side's file or its canonical form. Error kind
// unsupported: an operator by name whose output the runtime does not give.
Status add_opaque_values(const Side& side, const Options& options, const graph::Graph& view,
                         const std::vector<std::vector<Tensor>>& inputs, std::vector<evaluate::Feeds>& feeds);

}  // namespace fetafix::pipeline
