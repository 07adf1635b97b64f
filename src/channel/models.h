// A worker that runs models: the typed face of load, run and unload.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "channel/worker.h"

namespace fetafix::channel {

struct LoadedModel {
  int64_t session = 0;
  std::vector<ValueSpec> inputs;
  std::vector<ValueSpec> outputs;
};

class ModelWorker {
 public:
  static Result<ModelWorker> start(WorkerProgram program, WorkerOptions options = {});
  // Options are the load request's members: "threads" (0: the worker's shared pool), "optimize",
  // "memory_arena" ... each worker ignores those of others.
  Result<LoadedModel> load(const std::filesystem::path& model, Json options = Json::object());
  // A model in memory; it need not outlive the call.
  Result<LoadedModel> load(BytesView model, Json options = Json::object());
  // Gives `wanted` (names of outputs) in order; none: all of them in the model's order.
  Result<std::vector<Tensor>> run(int64_t session, std::span<const NamedTensor> inputs,
                                  std::span<const std::string> wanted);
  Status unload(int64_t session);

  // "1.32.0"
  std::string version() const;
  bool running() const { return worker_.running(); }
  // All sessions are gone after it.
  Status restart() { return worker_.restart(); }
  pid_t pid() const { return worker_.pid(); }

 private:
  explicit ModelWorker(Worker worker) : worker_(std::move(worker)) {}
  Result<LoadedModel> load_request(Message request);

  Worker worker_;
};

// An ONNX Runtime from `library` (see find_onnxruntime), whose sessions share a pool of so many threads.
Result<ModelWorker> start_onnxruntime(const std::filesystem::path& library, int shared_threads = 1,
                                      WorkerOptions options = {});

}  // namespace fetafix::channel
