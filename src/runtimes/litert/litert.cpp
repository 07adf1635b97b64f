#include "runtimes/litert/litert.h"

#include "channel/locate.h"
#include "runtimes/session/tflite_options.h"
#include "runtimes/session/worker_session.h"

namespace fetafix::runtimes {
namespace {

class LiteRt : public Runtime {
 public:
  std::string_view name() const override { return "litert"; }
  std::string_view format() const override { return "tflite"; }
  std::vector<RuntimeOption> options() const override { return tflite_options(); }

  Result<std::string> version(const Locations& locations) const override {
    FETAFIX_TRY(auto worker, program(locations));
    return worker_version(std::move(worker));
  }

  Result<std::unique_ptr<Session>> load(const std::filesystem::path& model,
                                        const LoadOptions& options) const override {
    FETAFIX_TRY(Json load_options, tflite_load_options(options));
    FETAFIX_TRY(auto worker, program(options.locations));
    return open_worker_session(std::move(worker), model, options, std::move(load_options));
  }

 private:
  static Result<channel::WorkerProgram> program(const Locations& locations) {
    FETAFIX_TRY(const auto package, channel::find_python_package("ai-edge-litert", locations.python));
    FETAFIX_TRY(const auto script, channel::find_worker("litert_worker.py"));
    return channel::WorkerProgram{"litert worker", package.interpreter, {script.string()}};
  }
};

}  // namespace

const Runtime& litert() {
  static const LiteRt runtime;
  return runtime;
}

}  // namespace fetafix::runtimes
