// Local validation: fetafix's reading of each file, held against what the file's own runtime computes.
#pragma once

#include "pipeline/stages.h"

namespace fetafix::pipeline {

// Looks at a side only where its outputs are not those of its view; fills run.source_disputed and
// run.target_disputed.
Status validate(Run& run, const Floor& floor);

// Of both sides; never to be repaired.
std::vector<results::Fault> runtime_faults(const Run& run);

// The worst operator that fetafix reads otherwise than its runtime, or can't tell; empty: there is none.
std::string what_is_misread(const Run& run);

}  // namespace fetafix::pipeline
