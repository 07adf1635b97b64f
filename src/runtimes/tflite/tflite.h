// TFLite files in TFLite's own C library.
//
// Option tflite.kernels: xnnpack (default) | builtin | reference. The default is what users get: Python's
// Interpreter applies XNNPACK by itself, and mobile builds do. Where XNNPACK declines a model the builtin
// kernels compute, as they do there. `reference` is slow and plain: the one to ask when the other two
// disagree.
#pragma once

#include "runtimes/runtime.h"

namespace fetafix::runtimes {

const Runtime& tflite();

}  // namespace fetafix::runtimes
