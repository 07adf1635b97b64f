#include "runtimes/tflite/tflite.h"

#include "channel/locate.h"
#include "runtimes/session/tflite_options.h"
#include "runtimes/session/worker_session.h"

namespace fetafix::runtimes {
namespace {

namespace fs = std::filesystem;

Result<fs::path> find_library(const Locations& locations) {
  if (!locations.tflite_library.empty()) return locations.tflite_library;
  // An installed fetafix has it next to its workers.
  if (auto installed = channel::find_worker("libtensorflowlite.so"); installed.ok()) return installed;
  std::error_code failure;
  if (fs::exists(FETAFIX_TFLITE_LIBRARY, failure)) return fs::path(FETAFIX_TFLITE_LIBRARY);
  return Error{ErrorKind::runtime_missing, std::string("the TFLite C library is not installed (looked for ") +
                                               FETAFIX_TFLITE_LIBRARY + "); run scripts/fetch_runtimes.sh"};
}

class Tflite : public Runtime {
 public:
  std::string_view name() const override { return "tflite"; }
  std::string_view format() const override { return "tflite"; }
  std::vector<RuntimeOption> options() const override { return tflite_options(); }

  Result<std::string> version(const Locations& locations) const override {
    FETAFIX_TRY(auto worker, program(locations));
    return worker_version(std::move(worker));
  }

  Result<std::unique_ptr<Session>> load(const fs::path& model, const LoadOptions& options) const override {
    FETAFIX_TRY(Json load_options, tflite_load_options(options));
    FETAFIX_TRY(auto worker, program(options.locations));
    return open_worker_session(std::move(worker), model, options, std::move(load_options));
  }

 private:
  static Result<channel::WorkerProgram> program(const Locations& locations) {
    FETAFIX_TRY(const fs::path library, find_library(locations));
    FETAFIX_TRY(auto worker, channel::find_worker("fetafix-tflite-worker"));
    return channel::WorkerProgram{"tflite worker", std::move(worker), {library.string()}};
  }
};

}  // namespace

const Runtime& tflite() {
  static const Tflite runtime;
  return runtime;
}

}  // namespace fetafix::runtimes
