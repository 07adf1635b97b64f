// ONNX files in the user's ONNX Runtime (CPU).
#pragma once

#include "runtimes/runtime.h"

namespace fetafix::runtimes {

const Runtime& onnxruntime();

}  // namespace fetafix::runtimes
