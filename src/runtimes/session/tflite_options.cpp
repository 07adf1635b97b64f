#include "runtimes/session/tflite_options.h"

namespace fetafix::runtimes {

Result<Json> tflite_load_options(const LoadOptions& options) {
  Json members{{"kernels", options.optimize ? "xnnpack" : "builtin"}};
  for (const auto& [name, value] : options.options) {
    if (!name.starts_with("tflite.")) continue;
    if (name != "tflite.kernels")
      return Error{ErrorKind::usage, "no runtime option '" + name + "'; there is tflite.kernels"};
    if (value != "xnnpack" && value != "builtin" && value != "reference")
      return Error{ErrorKind::usage,
                   name + ": expected xnnpack, builtin or reference, found '" + value + "'"};
    members["kernels"] = value;
  }
  return members;
}

}  // namespace fetafix::runtimes
