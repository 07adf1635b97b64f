// A target that can't be lifted or loaded, mended just so far that it can be compared with its source. What
// else is wrong with it is found as in any other target.
#pragma once

#include "pipeline/pair.h"

namespace fetafix::pipeline {

// Sets the target's `defects`, `sound` and view. Without effect where nothing is found that can be mended.
Status make_sound(Pair& pair, const Options& options);

// What a report says of a defect.
results::Fault fault_of(const formats::Defect& defect);

// A group that only held a place, and the later one that has set right what it held; both as they were
// numbered.
struct Stopgap {
  size_t group, mended_by;
  bool alone;  // the later one does nothing else
};

// Leaves those out of a patch that begins with the `sound` edits; group i is for the target's defect i. The
// last ones first.
std::vector<Stopgap> drop_stopgaps(graph::Patch& patch, const Side& side);

}  // namespace fetafix::pipeline
