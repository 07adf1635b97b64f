// Preprocessing that is put right inside the model: --build-in.
#pragma once

#include "data/preprocess.h"
#include "graph/edit.h"

namespace fetafix::pipeline {

// Operators at model input `input` that make of what `given` feeds what `right` would. Error kind
// `unsupported`: the pictures are cropped or resized otherwise, or the input is no float32.
Result<graph::EditGroup> adapter(int input, const data::Preprocessing& given,
                                 const data::Preprocessing& right);

}  // namespace fetafix::pipeline
