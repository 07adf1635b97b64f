// A runtime runs a native file in its own framework, in a worker process. A worker that crashes,
// hangs or grows too big is a reported event, not our end.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/tensor.h"

namespace fetafix::runtimes {

struct TensorSpec {
  std::string name;
  DType dtype = DType::unknown;
  std::optional<Shape> shape;  // -1: dynamic
};

struct LoadOptions {
  int threads = 1;
  bool optimize = true;  // false: as few graph rewrites as the runtime allows
  std::map<std::string, std::string> options;  // e.g. "tflite.kernels" = xnnpack | builtin | reference
  std::chrono::milliseconds timeout{120000};   // for loading and for each run
  size_t memory_limit_mb = 0;                  // of the worker's data; 0: none
};

// A model loaded in a worker. Not thread-safe; the worker ends with the session.
class Session {
 public:
  virtual ~Session() = default;
  virtual const std::vector<TensorSpec>& inputs() const = 0;
  virtual const std::vector<TensorSpec>& outputs() const = 0;
  // Tensors in the order of inputs(); gives those of outputs(). An input whose shape differs from a
  // dynamic model's is fed as it is; the runtime's own refusal comes back as runtime_failed.
  // A worker that died is started again by the next run; the error names what it was doing.
  virtual Result<std::vector<Tensor>> run(std::span<const Tensor> inputs) = 0;
};

class Runtime {
 public:
  virtual ~Runtime() = default;
  virtual std::string_view name() const = 0;    // "onnxruntime"
  virtual std::string_view format() const = 0;  // the format whose files it runs
  // "1.32.0", or runtime_missing with the command that installs it.
  virtual Result<std::string> version() const = 0;
  virtual Result<std::unique_ptr<Session>> load(const std::filesystem::path& model,
                                                const LoadOptions& options) const = 0;
};

std::span<const Runtime* const> all_runtimes();

// The runtime that a format's files run in by default.
Result<const Runtime*> runtime_for(std::string_view format);

}  // namespace fetafix::runtimes
