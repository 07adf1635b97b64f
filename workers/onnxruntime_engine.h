// ONNX Runtime behind Results: a library opened from a path, and the models loaded in it.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "channel/values.h"
#include "workers/onnxruntime_api.h"

namespace fetafix::ort {

struct LoadSettings {
  int threads = 0;           // of the session's own pool; 0: it shares the process's pool
  bool optimize = true;      // false: the graph runs as it is written
  bool memory_arena = true;  // false: slower runs, but next to no memory held between them
};

class Engine {
 public:
  // `shared_threads` is the size of the pool that sessions share. Error kind runtime_missing: no such
  // library, or one that is too old.
  static Result<Engine> open(const std::string& library, int shared_threads);

  std::string version() const { return version_; }

  struct Loaded {
    int64_t session;
    std::vector<channel::ValueSpec> inputs;
    std::vector<channel::ValueSpec> outputs;
  };
  // From a file (external data is found next to it) or from bytes, which need not outlive the call.
  Result<Loaded> load(const std::string& path, const LoadSettings& settings);
  Result<Loaded> load(std::span<const std::byte> model, const LoadSettings& settings);

  // Inputs are borrowed for the call; no `wanted`: all outputs. The results live in memory of the runtime.
  Result<std::vector<channel::NamedTensor>> run(int64_t session, std::span<const channel::NamedTensor> inputs,
                                                std::vector<std::string> wanted);
  Status unload(int64_t session);

 private:
  template <class T>
  using Owned = std::unique_ptr<T, void (*)(T*)>;

  struct Session {
    Owned<OrtSession> session;
    std::vector<std::string> outputs;
  };

  Engine() = default;
  Status check(OrtStatus* status) const;
  Result<Owned<OrtSessionOptions>> session_options(const LoadSettings& settings) const;
  Result<Loaded> adopt(OrtSession* session);
  Result<channel::ValueSpec> spec(const OrtSession* session, size_t index, bool input) const;
  Status fill(const OrtTypeInfo* type, channel::ValueSpec& spec) const;
  Result<Owned<OrtValue>> borrow(const channel::NamedTensor& input) const;
  Result<Tensor> lend(std::shared_ptr<OrtValue> value) const;

  const Api* api_ = nullptr;
  std::string version_;
  OrtEnv* env_ = nullptr;  // lives as long as the process: its threads must not be joined at exit
  OrtMemoryInfo* cpu_ = nullptr;
  std::map<int64_t, Session> sessions_;
  int64_t next_session_ = 1;
};

}  // namespace fetafix::ort
