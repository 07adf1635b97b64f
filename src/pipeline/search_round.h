// One round of the search for repairs, within the run that mends.
#pragma once

#include "pipeline/stages.h"

namespace fetafix::pipeline {

// The patch so far, and which of result.faults each group of it mends.
struct Draft {
  graph::Patch patch;
  std::vector<size_t> faults;
};

// Tells of these faults of the result that they were left, and why.
void leave(Run& run, std::span<const size_t> faults, const std::string& reason);

// Repairs what an analysis found; adds to the patch what helps, may be done and can be written.
Status search_round(Run& run, const Analysis& analysis, Draft& draft);

}  // namespace fetafix::pipeline
