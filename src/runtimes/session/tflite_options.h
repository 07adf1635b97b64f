// The options that the two runtimes of TFLite files share.
#pragma once

#include "base/json_fwd.h"
#include "runtimes/runtime.h"

namespace fetafix::runtimes {

std::vector<RuntimeOption> tflite_options();

// Members of the load request from "tflite.*" options; those of other runtimes are ignored. Without
// `optimize` the kernels default to builtin: XNNPACK fuses and packs, which is the rewriting that TFLite has.
// Error kind usage: an unknown name or value.
Result<Json> tflite_load_options(const LoadOptions& options);

}  // namespace fetafix::runtimes
