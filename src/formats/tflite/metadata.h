// What a TFLite file's own metadata says of its inputs.
#pragma once

#include <map>

#include "formats/format.h"
#include "formats/tflite/wire.h"

namespace fetafix::formats::tflite {

// By the input's number; none where there is no metadata, or none that can be read: it is no part of what the
// model computes.
std::map<size_t, StatedInput> stated_inputs(const File& file);

}  // namespace fetafix::formats::tflite
