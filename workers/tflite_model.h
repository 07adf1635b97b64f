// One TFLite model and its interpreter, which is made anew whenever the old one can't be trusted.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "channel/values.h"
#include "workers/tflite_api.h"

namespace fetafix::tflite {

// Which kernels compute. Users get `xnnpack` unless they turn it off: Python's Interpreter applies it by
// itself.
enum class Kernels { xnnpack, builtin, reference };

struct Settings {
  Kernels kernels = Kernels::xnnpack;
  int threads = 1;
};

class LoadedModel {
 public:
  // From a file, which is mapped, or from bytes, which are copied.
  static Result<std::unique_ptr<LoadedModel>> open(const Api& api, const std::string& path,
                                                   std::span<const std::byte> bytes,
                                                   const Settings& settings);
  LoadedModel(const LoadedModel&) = delete;
  LoadedModel& operator=(const LoadedModel&) = delete;
  ~LoadedModel();

  std::vector<channel::ValueSpec> inputs() const;
  std::vector<channel::ValueSpec> outputs() const;
  // False when XNNPACK was asked for and declined the model: the builtin kernels compute then, as they do in
  // Python.
  bool delegated() const { return delegate_ != nullptr; }

  // Inputs in the model's order, names ignored (a TFLite file may repeat them). The same inputs give the same
  // outputs however often it runs: what the model remembers is reset. Results point into the interpreter
  // until the next run. No `wanted`: all outputs.
  Result<std::vector<channel::NamedTensor>> run(std::span<const channel::NamedTensor> inputs,
                                                const std::vector<std::string>& wanted);

 private:
  LoadedModel(const Api& api, const Settings& settings) : api_(api), settings_(settings) {}
  Status make_interpreter();
  Interpreter* create(bool with_xnnpack);
  void drop_interpreter();
  Status prepare(std::span<const channel::NamedTensor> inputs);
  Status fit_shapes(std::span<const channel::NamedTensor> inputs);
  Status copy_inputs(std::span<const channel::NamedTensor> inputs);
  Result<channel::NamedTensor> read_output(int32_t index) const;
  Status check(int status, const std::string& what);
  bool keeps_resources() const;
  static void report(void* user, const char* format, va_list arguments);

  const Api& api_;
  Settings settings_;
  std::vector<std::byte> bytes_;  // the model's, if it came as bytes
  Model* model_ = nullptr;
  Delegate* delegate_ = nullptr;
  Interpreter* interpreter_ = nullptr;
  bool used_ = false;  // the interpreter has run
  std::string reported_;
};

}  // namespace fetafix::tflite
