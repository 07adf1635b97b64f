// TFLite files in the user's LiteRT (PyPI ai-edge-litert): the cross-check of the tflite runtime, with its
// options.
#pragma once

#include "runtimes/runtime.h"

namespace fetafix::runtimes {

const Runtime& litert();

}  // namespace fetafix::runtimes
