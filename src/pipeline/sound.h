// A target that can't be lifted or loaded, mended just so far that it can be compared with its source. What
// else is wrong with it is found as in any other target.
#pragma once

#include "pipeline/pair.h"

namespace fetafix::pipeline {

// Sets the target's `defects`, `sound` and view. Without effect where nothing is found that can be mended.
Status make_sound(Pair& pair, const Options& options);

// What a report says of a defect.
results::Fault fault_of(const formats::Defect& defect);

// Leaves out of a patch that begins with the `sound` edits those that only held a place and that a later edit
// has set right; returns which defects these were for.
std::vector<size_t> drop_stopgaps(graph::Patch& patch, const Side& side);

}  // namespace fetafix::pipeline
