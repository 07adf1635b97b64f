// SavedModels and frozen graphs in the user's TensorFlow (PyPI tensorflow, tensorflow-cpu), by its C
// interface.
//
// Option tensorflow.kernels: default | eigen. The default is what users get: oneDNN's kernels where
// TensorFlow takes them on this processor. `eigen` turns those off: the one to ask when they are in doubt.
#pragma once

#include "runtimes/runtime.h"

namespace fetafix::runtimes {

const Runtime& tensorflow();

}  // namespace fetafix::runtimes
