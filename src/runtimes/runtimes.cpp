#include <algorithm>
#include <array>
#include <set>

#include "base/near.h"
#include "channel/locate.h"
#include "runtimes/keras/keras.h"
#include "runtimes/litert/litert.h"
#include "runtimes/onnxruntime/onnxruntime.h"
#include "runtimes/runtime.h"
#include "runtimes/tensorflow/tensorflow.h"
#include "runtimes/tflite/tflite.h"
#include "runtimes/torch/torch.h"

namespace fetafix::runtimes {

std::span<const Runtime* const> all_runtimes() {
  // The first of a format is its default.
  static const std::array<const Runtime*, 6> runtimes{&onnxruntime(), &tflite(),     &litert(),
                                                      &keras(),       &tensorflow(), &torch()};
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

Locations own_locations() {
  return {channel::pinned_python(), {}, {}};
}

Status check_option(const std::string& name, const std::string& value) {
  std::set<std::string> known;
  for (const Runtime* runtime : all_runtimes())
    for (const RuntimeOption& option : runtime->options()) {
      known.emplace(option.name);
      if (option.name != name) continue;
      if (std::find(option.values.begin(), option.values.end(), value) != option.values.end()) return {};
      return Error{ErrorKind::usage, name + ": expected " +
                                         joined({option.values.begin(), option.values.end()}) + ", found '" +
                                         value + "'"};
    }
  return Error{ErrorKind::usage,
               "no runtime option '" + name + "'; there is " + joined({known.begin(), known.end()})};
}

}  // namespace fetafix::runtimes
