#include "runtimes/tensorflow/tensorflow.h"

#include <algorithm>

#include "channel/locate.h"
#include "runtimes/session/worker_session.h"

namespace fetafix::runtimes {
namespace {

RuntimeOption kernels_option() {
  return {"tensorflow.kernels", {"default", "eigen"}};
}

Error wrong_value(const std::string& name, const std::string& value) {
  return {ErrorKind::usage, name + ": expected default or eigen, found '" + value + "'"};
}

// Options of other runtimes are ignored.
Result<std::string> chosen_kernels(const LoadOptions& options) {
  const RuntimeOption known = kernels_option();
  std::string chosen(known.values.front());
  for (const auto& [name, value] : options.options) {
    if (!name.starts_with("tensorflow.")) continue;
    if (name != known.name)
      return Error{ErrorKind::usage, "no runtime option '" + name + "'; there is " + std::string(known.name)};
    if (std::find(known.values.begin(), known.values.end(), value) == known.values.end())
      return wrong_value(name, value);
    chosen = value;
  }
  return chosen;
}

class TensorFlow : public Runtime {
 public:
  std::string_view name() const override { return "tensorflow"; }
  std::string_view format() const override { return "tensorflow"; }
  std::vector<RuntimeOption> options() const override { return {kernels_option()}; }

  Result<std::string> version(const Locations& locations) const override {
    FETAFIX_TRY(auto worker, program(locations, "default"));
    return worker_version(std::move(worker));
  }

  Result<std::unique_ptr<Session>> load(const std::filesystem::path& model,
                                        const LoadOptions& options) const override {
    FETAFIX_TRY(const std::string kernels, chosen_kernels(options));
    FETAFIX_TRY(auto worker, program(options.locations, kernels));
    return open_worker_session(std::move(worker), model, options);
  }

 private:
  static Result<channel::WorkerProgram> program(const Locations& locations, const std::string& kernels) {
    FETAFIX_TRY(const auto package, channel::find_python_package("tensorflow", locations.python));
    FETAFIX_TRY(auto worker, channel::find_worker("fetafix-tensorflow-worker"));
    return channel::WorkerProgram{"tensorflow worker", std::move(worker), {package.folder.string(), kernels}};
  }
};

}  // namespace

const Runtime& tensorflow() {
  static const TensorFlow runtime;
  return runtime;
}

}  // namespace fetafix::runtimes
