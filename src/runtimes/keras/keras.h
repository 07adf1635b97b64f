// .keras and .h5 files in the user's Keras: Keras 3 with its TensorFlow, JAX or torch, and Keras 2 (PyPI
// tf-keras) for the files that Keras 2 wrote.
#pragma once

#include "runtimes/runtime.h"

namespace fetafix::runtimes {

const Runtime& keras();

}  // namespace fetafix::runtimes
