#include "evaluate/evaluator.h"

#include <list>
#include <utility>

#include "base/files.h"
#include "channel/locate.h"
#include "channel/models.h"
#include "evaluate/build.h"

namespace fetafix::evaluate {
namespace {

using graph::ValueId;

// Sessions of single operators take some 10 KB each; the limit is there for graphs with thousands of kinds.
constexpr size_t most_sessions = 1000;

class WorkerEvaluator final : public Evaluator {
 public:
  WorkerEvaluator(channel::ModelWorker worker, const std::atomic<bool>* interrupted)
      : worker_(std::move(worker)), interrupted_(interrupted) {}

  Result<std::vector<Tensor>> run(const graph::Graph& graph, std::span<const graph::NodeId> nodes,
                                  const Feeds& feeds, std::span<const ValueId> wanted) override {
    if (interrupted_ && *interrupted_) return Error{ErrorKind::interrupted, "interrupted"};
    std::vector<std::pair<ValueId, DType>> fed;
    for (const auto& [value, tensor] : feeds) fed.emplace_back(value, tensor.dtype());
    FETAFIX_TRY(BuiltModel built, build_model(graph, nodes, fed, wanted));
    if (!worker_.running()) FETAFIX_CHECK(start_again());
    FETAFIX_TRY(const int64_t session, session_for(built));
    std::vector<channel::NamedTensor> inputs;
    for (size_t i = 0; i < built.input_names.size(); ++i) {
      auto given = feeds.find(built.input_values[i]);
      inputs.push_back({built.input_names[i],
                        given != feeds.end() ? given->second : graph.value(built.input_values[i]).constant});
    }
    return worker_.run(session, inputs, built.output_names);
  }

 private:
  // A worker that died has lost its sessions.
  Status start_again() {
    sessions_.clear();
    recent_.clear();
    return worker_.restart();
  }

  Result<int64_t> session_for(const BuiltModel& built) {
    if (auto found = sessions_.find(built.bytes); found != sessions_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second.second);
      return found->second.first;
    }
    // Not optimized: what runs is what the view says. No arena: hundreds of small sessions need none.
    const Json options{{"optimize", false}, {"memory_arena", false}};
    FETAFIX_TRY(const channel::LoadedModel loaded, worker_.load(as_bytes(built.bytes), options));
    recent_.push_front(built.bytes);
    sessions_.emplace(built.bytes, std::pair(loaded.session, recent_.begin()));
    if (sessions_.size() > most_sessions) FETAFIX_CHECK(forget_oldest());
    return loaded.session;
  }

  Status forget_oldest() {
    auto oldest = sessions_.find(recent_.back());
    const int64_t session = oldest->second.first;
    sessions_.erase(oldest);
    recent_.pop_back();
    return worker_.unload(session);
  }

  channel::ModelWorker worker_;
  const std::atomic<bool>* interrupted_;
  std::list<std::string> recent_;  // the most recently used first
  std::map<std::string, std::pair<int64_t, std::list<std::string>::iterator>> sessions_;
};

}  // namespace

Result<std::unique_ptr<Evaluator>> make_evaluator(const EvaluatorOptions& options) {
  FETAFIX_TRY(const auto library, channel::find_onnxruntime(channel::pinned_python()));
  channel::WorkerOptions worker_options;
  worker_options.interrupted = options.interrupted;
  FETAFIX_TRY(auto worker, channel::start_onnxruntime(library, options.threads, worker_options));
  return std::unique_ptr<Evaluator>(
      std::make_unique<WorkerEvaluator>(std::move(worker), options.interrupted));
}

}  // namespace fetafix::evaluate
