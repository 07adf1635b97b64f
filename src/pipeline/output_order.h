// Which outputs of two files belong together, where a format has them by name and in no order (the signature
// of a SavedModel) and the user has not said so.
#pragma once

#include "pipeline/stages.h"

namespace fetafix::pipeline {

// Pairs them by what they answered, which a damaged target changes less than another output would; then
// everything takes the target's in that order, and a note says which they are. Does nothing where the order
// says it, or where sizes or numbers leave no choice.
void pair_outputs_by_value(Run& run);

}  // namespace fetafix::pipeline
