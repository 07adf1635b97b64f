#include "runtimes/session/worker_session.h"

#include <optional>

#include "channel/models.h"
#include "runtimes/session/idle_workers.h"

namespace fetafix::runtimes {
namespace {

using channel::ModelWorker;

class WorkerSession : public Session {
 public:
  // `idle` may be null; else the worker is left there under the key.
  WorkerSession(ModelWorker worker, std::filesystem::path model, Json load_options,
                std::shared_ptr<IdleWorkers> idle, std::string key)
      : worker_(std::move(worker)),
        model_(std::move(model)),
        load_options_(std::move(load_options)),
        idle_(std::move(idle)),
        key_(std::move(key)) {}
  WorkerSession(const WorkerSession&) = delete;
  WorkerSession& operator=(const WorkerSession&) = delete;

  ~WorkerSession() override {
    if (!idle_ || !worker_.running()) return;
    if (loaded_.session == 0 || worker_.unload(loaded_.session).ok()) idle_->leave(key_, std::move(worker_));
  }

  Status load() {
    loaded_ = {};
    FETAFIX_TRY(loaded_, worker_.load(model_, load_options_));
    return {};
  }

  Status revive() {
    FETAFIX_CHECK(worker_.restart());
    return load();
  }

  bool running() const { return worker_.running(); }

  const std::vector<TensorSpec>& inputs() const override { return loaded_.inputs; }
  const std::vector<TensorSpec>& outputs() const override { return loaded_.outputs; }

  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs) override {
    if (inputs.size() != loaded_.inputs.size())
      return Error{ErrorKind::usage, model_.string() + ": expected " + std::to_string(loaded_.inputs.size()) +
                                         " inputs, found " + std::to_string(inputs.size())};
    if (!worker_.running()) FETAFIX_CHECK(revive());
    std::vector<channel::NamedTensor> named;
    for (size_t i = 0; i < inputs.size(); ++i) named.push_back({loaded_.inputs[i].name, inputs[i]});
    auto outputs = worker_.run(loaded_.session, named, {});
    if (!outputs.ok()) return in_context(model_.string(), std::move(outputs).error());
    return outputs;
  }

 private:
  ModelWorker worker_;
  std::filesystem::path model_;
  Json load_options_;
  channel::LoadedModel loaded_;
  std::shared_ptr<IdleWorkers> idle_;
  std::string key_;
};

// Workers with the same key are alike to a session. Some frameworks keep the threads of their first model.
std::string key_of(const channel::WorkerProgram& program, const LoadOptions& options) {
  std::string key = program.program.string();
  for (const std::string& argument : program.arguments) key += '\n' + argument;
  return key + '\n' + std::to_string(options.threads) + '\n' + std::to_string(options.memory_limit_mb) +
         '\n' + std::to_string(options.timeout.count());
}

}  // namespace

Result<std::unique_ptr<Session>> open_worker_session(channel::WorkerProgram program,
                                                     const std::filesystem::path& model,
                                                     const LoadOptions& options, Json load_options) {
  channel::WorkerOptions limits;
  limits.call_timeout = options.timeout;
  limits.memory_limit_mb = options.memory_limit_mb;
  limits.interrupted = options.interrupted;
  load_options["threads"] = options.threads;
  load_options["optimize"] = options.optimize;
  const std::string key = key_of(program, options);
  std::optional<ModelWorker> worker;
  if (options.idle) worker = options.idle->take(key);
  const bool used = worker.has_value();
  if (!used) {
    FETAFIX_TRY(worker, ModelWorker::start(std::move(program), limits));
  }
  auto session =
      std::make_unique<WorkerSession>(std::move(*worker), model, std::move(load_options), options.idle, key);
  auto loaded = session->load();
  // It may have died while it waited.
  if (!loaded.ok() && used && !session->running()) loaded = session->revive();
  FETAFIX_CHECK(loaded);
  return std::unique_ptr<Session>(std::move(session));
}

Result<std::string> worker_version(channel::WorkerProgram program) {
  FETAFIX_TRY(const ModelWorker worker, ModelWorker::start(std::move(program)));
  return worker.version();
}

}  // namespace fetafix::runtimes
