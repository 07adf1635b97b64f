#include <array>

#include "runtimes/litert/litert.h"
#include "runtimes/onnxruntime/onnxruntime.h"
#include "runtimes/runtime.h"
#include "runtimes/tflite/tflite.h"

namespace fetafix::runtimes {

std::span<const Runtime* const> all_runtimes() {
  // The first of a format is its default.
  static const std::array<const Runtime*, 3> runtimes{&onnxruntime(), &tflite(), &litert()};
  return runtimes;
}

Result<const Runtime*> runtime_for(std::string_view format) {
  for (const Runtime* runtime : all_runtimes())
    if (runtime->format() == format) return runtime;
  return Error{ErrorKind::unsupported, "no runtime runs " + std::string(format) + " files"};
}

Result<const Runtime*> find_runtime(std::string_view name) {
  std::string known;
  for (const Runtime* runtime : all_runtimes()) {
    if (runtime->name() == name) return runtime;
    known += (known.empty() ? "" : ", ") + std::string(runtime->name());
  }
  return Error{ErrorKind::usage, "no runtime '" + std::string(name) + "'; there are " + known};
}

}  // namespace fetafix::runtimes
