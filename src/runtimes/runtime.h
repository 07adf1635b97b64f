// A runtime runs a native file in its own framework, in a worker process. A worker that crashes,
// hangs or grows too big is a reported event, not our end.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "channel/values.h"
#include "tensor/tensor.h"

namespace fetafix::runtimes {

// Name, dtype, shape (-1: dynamic), scale and zero point (scale 0: not quantized).
using TensorSpec = channel::ValueSpec;

// Where the user's frameworks are; what is empty is looked for.
struct Locations {
  std::filesystem::path python;               // empty: python3 on the PATH, then the build's own environment
  std::filesystem::path onnxruntime_library;  // empty: that of the interpreter's wheel
  std::filesystem::path tflite_library;       // empty: next to fetafix, then build/runtimes/tflite
};

class IdleWorkers;

struct LoadOptions {
  int threads = 1;
  bool optimize = true;                        // false: as few graph rewrites as the runtime allows
  std::map<std::string, std::string> options;  // e.g. "tflite.kernels" = xnnpack | builtin | reference
  std::chrono::milliseconds timeout{120000};   // for loading and for each run
  size_t memory_limit_mb = 0;                  // of the worker's data; 0: none
  Locations locations;
  const std::atomic<bool>* interrupted = nullptr;  // becomes true: the call ends as ErrorKind::interrupted
  // Where a session leaves its worker when it ends, for later ones; null: the worker ends with the session.
  std::shared_ptr<IdleWorkers> idle;
};

// Somewhere for sessions to leave their workers.
std::shared_ptr<IdleWorkers> idle_workers();

// An option of a runtime, as the user gives it: --runtime-option NAME=VALUE.
struct RuntimeOption {
  std::string_view name;                 // "tflite.kernels"
  std::vector<std::string_view> values;  // the first is the default
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
  virtual std::vector<RuntimeOption> options() const { return {}; }
  // "1.32.0", or runtime_missing with the command that installs it.
  virtual Result<std::string> version(const Locations& locations) const = 0;
  Result<std::string> version() const { return version(Locations{}); }
  virtual Result<std::unique_ptr<Session>> load(const std::filesystem::path& model,
                                                const LoadOptions& options) const = 0;
};

std::span<const Runtime* const> all_runtimes();

// The runtime that a format's files run in by default (TFLite's own library for "tflite"; "litert" is its
// cross-check). Error kind unsupported: none runs that format.
Result<const Runtime*> runtime_for(std::string_view format);
Result<const Runtime*> find_runtime(std::string_view name);

// Of the build's own environment, whose versions fetafix is tested with. May not exist.
Locations own_locations();

// Error kind usage: no runtime has that option, or not with that value; says which there are.
Status check_option(const std::string& name, const std::string& value);

// Runs a model in a command of the user's (docs/target-command.md). What goes in and comes out of it is said
// by the caller, for the command does not. Error kinds as those of Runtime::load.
Result<std::unique_ptr<Session>> load_command(const std::string& command, const std::filesystem::path& model,
                                              const std::vector<TensorSpec>& inputs,
                                              const std::vector<TensorSpec>& outputs,
                                              const LoadOptions& options);

// A module as Python code and, maybe, its weights in a file of their own.
struct ModuleCode {
  std::string factory;             // "package.module:function"
  std::filesystem::path weights;   // .pth or .safetensors
  std::vector<TensorSpec> inputs;  // what forward takes; -1: any size, of which one is tried
};
// Runs the function in the user's PyTorch and writes what it gives as a .pt2 file: the user's code runs.
// Gives what is to be known of the file ("one sample at a time: ..."), or nothing. Error kinds: `usage`: no
// such function; `file`: weights that it does not take, a module that torch.export refuses; `runtime_failed`:
// the function raises something.
Result<std::string> export_module(const ModuleCode& code, const std::filesystem::path& output,
                                  const Locations& locations);

}  // namespace fetafix::runtimes
