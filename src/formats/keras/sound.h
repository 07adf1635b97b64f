// What keeps a file from loading in the Keras that wrote it, told by the file alone.
#pragma once

#include "formats/keras/lift.h"

namespace fetafix::formats::keras {

// `source`: the model that the file was converted from.
std::vector<Defect> defects_of(const File& file, const graph::Graph& source);

// The class that a name which Keras does not know may have been; nullopt: none is near.
std::optional<std::string> nearest_class(const std::string& class_name);

}  // namespace fetafix::formats::keras
