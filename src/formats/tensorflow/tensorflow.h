// TensorFlow: SavedModel folders and frozen graphs (.pb).
#pragma once

#include "formats/format.h"

namespace fetafix::formats::tensorflow {

const Format& tensorflow_format();

// What a SavedModel's folder keeps its graph in.
inline constexpr const char* graph_file = "saved_model.pb";

}  // namespace fetafix::formats::tensorflow
