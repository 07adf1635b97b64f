#include "runtimes/session/tflite_options.h"

#include <algorithm>

#include "base/json.h"

namespace fetafix::runtimes {

std::vector<RuntimeOption> tflite_options() {
  return {{"tflite.kernels", {"xnnpack", "builtin", "reference"}}};
}

Result<Json> tflite_load_options(const LoadOptions& options) {
  Json members{{"kernels", options.optimize ? "xnnpack" : "builtin"}};
  for (const auto& [name, value] : options.options) {
    if (!name.starts_with("tflite.")) continue;
    const RuntimeOption kernels = tflite_options()[0];
    if (name != kernels.name)
      return Error{ErrorKind::usage,
                   "no runtime option '" + name + "'; there is " + std::string(kernels.name)};
    if (std::find(kernels.values.begin(), kernels.values.end(), value) == kernels.values.end())
      return Error{ErrorKind::usage,
                   name + ": expected xnnpack, builtin or reference, found '" + value + "'"};
    members["kernels"] = value;
  }
  return members;
}

}  // namespace fetafix::runtimes
