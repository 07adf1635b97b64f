#include "channel/models.h"

#include "channel/locate.h"

namespace fetafix::channel {

Result<ModelWorker> ModelWorker::start(WorkerProgram program, WorkerOptions options) {
  FETAFIX_TRY(Worker worker, Worker::start(std::move(program), options));
  return ModelWorker(std::move(worker));
}

std::string ModelWorker::version() const {
  auto version = json_string(worker_.hello(), "version");
  return version.ok() ? *version : "unknown";
}

Result<LoadedModel> ModelWorker::load_request(Message request) {
  FETAFIX_TRY(const Message reply, worker_.call("load", std::move(request)));
  LoadedModel loaded;
  FETAFIX_TRY(loaded.session, json_int(reply.fields, "session"));
  FETAFIX_TRY(loaded.inputs, specs_from_json(reply.fields, "inputs"));
  FETAFIX_TRY(loaded.outputs, specs_from_json(reply.fields, "outputs"));
  return loaded;
}

Result<LoadedModel> ModelWorker::load(const std::filesystem::path& model, Json options) {
  std::error_code failure;
  const auto absolute = std::filesystem::absolute(model, failure);
  if (!std::filesystem::exists(absolute, failure))
    return Error{ErrorKind::file, model.string() + ": no such file"};
  options["path"] = absolute.string();
  auto loaded = load_request({std::move(options), {}});
  if (!loaded.ok()) return in_context(model.string(), std::move(loaded).error());
  return loaded;
}

Result<LoadedModel> ModelWorker::load(BytesView model, Json options) {
  // The view lasts for the call, and so does the tensor.
  FETAFIX_TRY(Tensor bytes, Tensor::view(DType::uint8, {static_cast<int64_t>(model.size())}, model, nullptr));
  Message request{std::move(options), {}};
  request.tensors.push_back({"model", std::move(bytes)});
  return load_request(std::move(request));
}

Result<std::vector<Tensor>> ModelWorker::run(int64_t session, std::span<const NamedTensor> inputs,
                                             std::span<const std::string> wanted) {
  Message request;
  request.fields["session"] = session;
  request.fields["outputs"] = Json(std::vector<std::string>(wanted.begin(), wanted.end()));
  request.tensors.assign(inputs.begin(), inputs.end());
  FETAFIX_TRY(Message reply, worker_.call("run", std::move(request)));
  if (!wanted.empty() && reply.tensors.size() != wanted.size())
    return Error{ErrorKind::runtime_failed, "run: expected " + std::to_string(wanted.size()) +
                                                " tensors, found " + std::to_string(reply.tensors.size())};
  std::vector<Tensor> outputs;
  for (NamedTensor& entry : reply.tensors) outputs.push_back(std::move(entry.tensor));
  return outputs;
}

Status ModelWorker::unload(int64_t session) {
  Message request;
  request.fields["session"] = session;
  FETAFIX_TRY(const Message reply, worker_.call("unload", std::move(request)));
  return {};
}

Result<ModelWorker> start_onnxruntime(const std::filesystem::path& library, int shared_threads,
                                      WorkerOptions options) {
  FETAFIX_TRY(auto program, find_worker("fetafix-onnxruntime-worker"));
  return ModelWorker::start(
      {"onnxruntime worker", std::move(program), {library.string(), std::to_string(shared_threads)}},
      options);
}

}  // namespace fetafix::channel
