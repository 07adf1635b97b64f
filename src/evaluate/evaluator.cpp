#include "evaluate/evaluator.h"

#include <list>
#include <utility>

#include "base/files.h"
#include "channel/locate.h"
#include "channel/worker.h"
#include "evaluate/build.h"

namespace fetafix::evaluate {
namespace {

using graph::ValueId;

// Sessions of single operators take some 10 KB each; the limit is there for graphs with thousands of kinds.
constexpr size_t most_sessions = 1000;

class WorkerEvaluator final : public Evaluator {
 public:
  explicit WorkerEvaluator(channel::Worker worker) : worker_(std::move(worker)) {}

  Result<std::vector<Tensor>> run(const graph::Graph& graph, std::span<const graph::NodeId> nodes,
                                  const Feeds& feeds, std::span<const ValueId> wanted) override {
    std::vector<std::pair<ValueId, DType>> fed;
    for (const auto& [value, tensor] : feeds) fed.emplace_back(value, tensor.dtype());
    FETAFIX_TRY(BuiltModel built, build_model(graph, nodes, fed, wanted));
    FETAFIX_TRY(const int64_t session, session_for(built));
    channel::Message request;
    request.fields["session"] = session;
    request.fields["outputs"] = built.output_names;
    for (size_t i = 0; i < built.input_names.size(); ++i) {
      auto given = feeds.find(built.input_values[i]);
      request.tensors.push_back({built.input_names[i], given != feeds.end()
                                                           ? given->second
                                                           : graph.value(built.input_values[i]).constant});
    }
    FETAFIX_TRY(channel::Message reply, call("run", std::move(request)));
    std::vector<Tensor> out;
    for (const std::string& name : built.output_names) {
      const Tensor* tensor = channel::find_tensor(reply, name);
      if (!tensor) return Error{ErrorKind::runtime_failed, "the evaluator did not return an output"};
      out.push_back(*tensor);
    }
    return out;
  }

 private:
  // A worker that died has lost its sessions: start again, and let the caller's next run load anew.
  Result<channel::Message> call(const std::string& name, channel::Message request) {
    auto reply = worker_.call(name, std::move(request));
    if (!worker_.running()) {
      sessions_.clear();
      recent_.clear();
      FETAFIX_CHECK(worker_.restart());
    }
    return reply;
  }

  Result<int64_t> session_for(const BuiltModel& built) {
    if (auto found = sessions_.find(built.bytes); found != sessions_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second.second);
      return found->second.first;
    }
    FETAFIX_TRY(Tensor bytes, Tensor::from_bytes(DType::uint8, {static_cast<int64_t>(built.bytes.size())},
                                                 as_bytes(built.bytes)));
    channel::Message request;
    request.fields["optimize"] = false;      // what runs is what the view says
    request.fields["memory_arena"] = false;  // hundreds of small sessions need none of their own
    request.tensors.push_back({"model", std::move(bytes)});
    FETAFIX_TRY(channel::Message reply, call("load", std::move(request)));
    FETAFIX_TRY(const int64_t id, json_int(reply.fields, "session"));
    recent_.push_front(built.bytes);
    sessions_.emplace(built.bytes, std::pair(id, recent_.begin()));
    if (sessions_.size() > most_sessions) FETAFIX_CHECK(forget_oldest());
    return id;
  }

  Status forget_oldest() {
    auto oldest = sessions_.find(recent_.back());
    channel::Message request;
    request.fields["session"] = oldest->second.first;
    sessions_.erase(oldest);
    recent_.pop_back();
    FETAFIX_TRY([[maybe_unused]] auto reply, call("unload", std::move(request)));
    return {};
  }

  channel::Worker worker_;
  std::list<std::string> recent_;  // the most recently used first
  std::map<std::string, std::pair<int64_t, std::list<std::string>::iterator>> sessions_;
};

}  // namespace

Result<std::unique_ptr<Evaluator>> make_evaluator(const EvaluatorOptions& options) {
  FETAFIX_TRY(auto program, channel::find_worker("fetafix-onnxruntime-worker"));
  FETAFIX_TRY(auto library, channel::find_onnxruntime(channel::pinned_python()));
  FETAFIX_TRY(auto worker, channel::Worker::start(
                               {"evaluator", program, {library.string(), std::to_string(options.threads)}}));
  return std::unique_ptr<Evaluator>(std::make_unique<WorkerEvaluator>(std::move(worker)));
}

}  // namespace fetafix::evaluate
