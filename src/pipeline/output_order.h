// Which outputs of two files belong together, where the order in the files can't say it: a SavedModel has
// them by name and in no order.
#pragma once

#include "pipeline/stages.h"

namespace fetafix::pipeline {

// For each output of the source the target's, by what they answered on the samples (at least one; all with as
// many outputs): the nearest of its size, nearest pairs first. Empty: the order in the files fits the sizes,
// so that it stands (outputs of one size that are exchanged are a fault), or no order does.
std::vector<size_t> order_by_value(const std::vector<Outputs>& source, const std::vector<Outputs>& target);

// Takes the target's outputs in that order everywhere, where a side is TensorFlow's and the user has paired
// none, and says so in a note.
void pair_outputs_by_value(Run& run);

}  // namespace fetafix::pipeline
