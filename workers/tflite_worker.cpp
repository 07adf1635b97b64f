// Runs TFLite files in a TFLite C library that is opened at run time: fetafix-tflite-worker LIBRARY
// Started by fetafix; speaks docs/worker-protocol.md.
#include <cstdio>
#include <map>
#include <optional>

#include "workers/model_service.h"
#include "workers/tflite_model.h"

namespace {

using namespace fetafix;
using channel::Message;

class Server {
 public:
  explicit Server(std::string library) : library_(std::move(library)) {}

  Result<Json> hello() {
    FETAFIX_TRY(api_, tflite::open_api(library_));
    return Json{{"worker", "tflite"}, {"version", api_->version()}};
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
    tflite::Settings settings;
    settings.threads = static_cast<int>(std::max<int64_t>(1, workers::int_or(request.fields, "threads", 1)));
    FETAFIX_TRY(settings.kernels, kernels(workers::string_or(request.fields, "kernels", "xnnpack")));
    FETAFIX_TRY(const workers::ModelSource source, workers::model_source(request));
    FETAFIX_TRY(auto model, tflite::LoadedModel::open(*api_, source.path, source.bytes, settings));
    Message reply = workers::loaded_reply(next_session_, model->inputs(), model->outputs());
    reply.fields["delegated"] = model->delegated();
    models_.emplace(next_session_++, std::move(model));
    return reply;
  }

  static Result<tflite::Kernels> kernels(const std::string& name) {
    if (name == "xnnpack") return tflite::Kernels::xnnpack;
    if (name == "builtin") return tflite::Kernels::builtin;
    if (name == "reference") return tflite::Kernels::reference;
    return Error{ErrorKind::usage,
                 "tflite.kernels: expected xnnpack, builtin or reference, found '" + name + "'"};
  }

  std::string library_;
  std::optional<tflite::Api> api_;
  std::map<int64_t, std::unique_ptr<tflite::LoadedModel>> models_;
  int64_t next_session_ = 1;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fetafix-tflite-worker LIBRARY\n", stderr);
    return 2;
  }
  Server server(argv[1]);
  return channel::serve(
      {[&] { return server.hello(); },
       [&](const std::string& call, const Message& request) { return server.handle(call, request); }});
}
