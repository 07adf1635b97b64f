// Runs ONNX files in an ONNX Runtime that is opened at run time: fetafix-onnxruntime-worker LIBRARY [THREADS]
// Started by fetafix; speaks docs/worker-protocol.md.
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "workers/model_service.h"
#include "workers/onnxruntime_engine.h"

namespace {

using namespace fetafix;

Result<channel::Message> load(ort::Engine& engine, const channel::Message& request) {
  ort::LoadSettings settings;
  settings.threads = static_cast<int>(workers::int_or(request.fields, "threads", 0));
  settings.optimize = workers::bool_or(request.fields, "optimize", true);
  settings.memory_arena = workers::bool_or(request.fields, "memory_arena", true);
  FETAFIX_TRY(const workers::ModelSource source, workers::model_source(request));
  FETAFIX_TRY(const ort::Engine::Loaded loaded,
              source.path.empty() ? engine.load(source.bytes, settings) : engine.load(source.path, settings));
  return workers::loaded_reply(loaded.session, loaded.inputs, loaded.outputs);
}

Result<channel::Message> handle(ort::Engine& engine, const std::string& call,
                                const channel::Message& request) {
  if (call == "load") return load(engine, request);
  FETAFIX_TRY(const int64_t session, json_int(request.fields, "session"));
  if (call == "run") {
    FETAFIX_TRY(const auto wanted, workers::wanted_outputs(request.fields));
    FETAFIX_TRY(auto outputs, engine.run(session, request.tensors, wanted));
    return channel::Message{Json::object(), std::move(outputs)};
  }
  if (call == "unload") {
    FETAFIX_CHECK(engine.unload(session));
    return channel::Message{};
  }
  return workers::unknown_call(call);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fputs("usage: fetafix-onnxruntime-worker LIBRARY [THREADS]\n", stderr);
    return 2;
  }
  const std::string library = argv[1];
  const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
  std::optional<ort::Engine> engine;
  channel::Service service;
  service.hello = [&]() -> Result<Json> {
    FETAFIX_TRY(ort::Engine opened, ort::Engine::open(library, threads));
    engine.emplace(std::move(opened));
    return Json{{"worker", "onnxruntime"}, {"version", engine->version()}};
  };
  service.handle = [&](const std::string& call, const channel::Message& request) -> Result<channel::Message> {
    if (!engine) return Error{ErrorKind::internal, "'" + call + "' before hello"};
    return handle(*engine, call, request);
  };
  return channel::serve(service);
}
