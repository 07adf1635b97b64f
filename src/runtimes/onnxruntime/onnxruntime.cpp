#include "runtimes/onnxruntime/onnxruntime.h"

#include "channel/locate.h"
#include "runtimes/session/worker_session.h"

namespace fetafix::runtimes {
namespace {

class OnnxRuntime : public Runtime {
 public:
  std::string_view name() const override { return "onnxruntime"; }
  std::string_view format() const override { return "onnx"; }

  Result<std::string> version(const Locations& locations) const override {
    FETAFIX_TRY(auto worker, program(locations));
    return worker_version(std::move(worker));
  }

  Result<std::unique_ptr<Session>> load(const std::filesystem::path& model,
                                        const LoadOptions& options) const override {
    FETAFIX_TRY(auto worker, program(options.locations));
    return open_worker_session(std::move(worker), model, options);
  }

 private:
  static Result<channel::WorkerProgram> program(const Locations& locations) {
    std::filesystem::path library = locations.onnxruntime_library;
    if (library.empty()) {
      FETAFIX_TRY(library, channel::find_onnxruntime(locations.python));
    }
    FETAFIX_TRY(auto worker, channel::find_worker("fetafix-onnxruntime-worker"));
    return channel::WorkerProgram{"onnxruntime worker", std::move(worker), {library.string()}};
  }
};

}  // namespace

const Runtime& onnxruntime() {
  static const OnnxRuntime runtime;
  return runtime;
}

}  // namespace fetafix::runtimes
