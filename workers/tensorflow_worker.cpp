// Runs SavedModels and frozen graphs in the user's TensorFlow: fetafix-tensorflow-worker FOLDER [KERNELS]
// FOLDER is that of the Python package `tensorflow`, KERNELS `default` or `eigen` (without oneDNN: for the
// process, for TensorFlow decides it once). Started by fetafix; speaks docs/worker-protocol.md.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>

#include "workers/model_service.h"
#include "workers/tensorflow_model.h"

namespace {

using namespace fetafix;
using channel::Message;

// TensorFlow reads these when it is opened; it has no other place for them.
void set_environment(const std::string& kernels) {
  setenv("TF_CPP_MIN_LOG_LEVEL", "2", 1);           // errors alone
  setenv("TF_OVERRIDE_GLOBAL_THREADPOOL", "1", 1);  // else all sessions have the threads of the first
  if (kernels == "eigen") setenv("TF_ENABLE_ONEDNN_OPTS", "0", 1);
}

class Server {
 public:
  explicit Server(std::string folder) : folder_(std::move(folder)) {}

  Result<Json> hello() {
    FETAFIX_TRY(api_, tensorflow::open_api(folder_));
    return Json{{"worker", "tensorflow"}, {"version", api_->version()}};
  }

  Result<Message> handle(const std::string& call, const Message& request) {
    if (!api_) return Error{ErrorKind::internal, "'" + call + "' before hello"};
    if (call == "load") return load(request);
    FETAFIX_TRY(const int64_t session, json_int(request.fields, "session"));
    const auto found = models_.find(session);
    if (found == models_.end()) return Error{ErrorKind::internal, "no session " + std::to_string(session)};
    if (call == "run") {
      FETAFIX_TRY(const auto wanted, workers::wanted_outputs(request.fields));
      FETAFIX_TRY(auto outputs, found->second->run(request.tensors, wanted));
      return Message{Json::object(), std::move(outputs)};
    }
    if (call != "unload") return workers::unknown_call(call);
    models_.erase(found);
    return Message{};
  }

 private:
  Result<Message> load(const Message& request) {
    tensorflow::Settings settings;
    settings.threads = static_cast<int>(std::max<int64_t>(1, workers::int_or(request.fields, "threads", 1)));
    settings.optimize = workers::bool_or(request.fields, "optimize", true);
    const std::string signature = workers::string_or(request.fields, "signature", "");
    FETAFIX_TRY(const workers::ModelSource from, workers::model_source(request));
    FETAFIX_TRY(auto source, from.path.empty() ? tensorflow::read_source(from.bytes, signature)
                                               : tensorflow::read_source(from.path, signature));
    FETAFIX_TRY(auto model, tensorflow::LoadedModel::open(*api_, std::move(source), settings));
    Message reply = workers::loaded_reply(next_session_, model->inputs(), model->outputs());
    reply.fields["signature"] = model->signature();
    models_.emplace(next_session_++, std::move(model));
    return reply;
  }

  std::string folder_;
  std::optional<tensorflow::Api> api_;
  std::map<int64_t, std::unique_ptr<tensorflow::LoadedModel>> models_;
  int64_t next_session_ = 1;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string kernels = argc == 3 ? argv[2] : "default";
  if (argc < 2 || argc > 3 || (kernels != "default" && kernels != "eigen")) {
    std::fputs("usage: fetafix-tensorflow-worker FOLDER [default|eigen]\n", stderr);
    return 2;
  }
  set_environment(kernels);
  Server server(argv[1]);
  return channel::serve(
      {[&] { return server.hello(); },
       [&](const std::string& call, const Message& request) { return server.handle(call, request); }});
}
