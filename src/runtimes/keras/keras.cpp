#include "runtimes/keras/keras.h"

#include <algorithm>

#include "channel/locate.h"
#include "runtimes/session/worker_session.h"

namespace fetafix::runtimes {
namespace {

// auto: the generation that wrote the file, as far as it is installed.
RuntimeOption generation() {
  return {"keras.version", {"auto", "2", "3"}};
}

// Options of other runtimes are ignored.
Result<Json> keras_load_options(const LoadOptions& options) {
  Json members = Json::object();
  const RuntimeOption known = generation();
  for (const auto& [name, value] : options.options) {
    if (!name.starts_with("keras.")) continue;
    if (name != known.name)
      return Error{ErrorKind::usage, "no runtime option '" + name + "'; there is " + std::string(known.name)};
    if (std::find(known.values.begin(), known.values.end(), value) == known.values.end())
      return Error{ErrorKind::usage, name + ": expected auto, 2 or 3, found '" + value + "'"};
    members["keras_version"] = value;
  }
  return members;
}

// An interpreter that has Keras 2 alone will do: the worker says so where a file needs more.
Result<channel::PythonPackage> find_keras(const std::filesystem::path& python) {
  auto found = channel::find_python_package("keras", python);
  if (found.ok()) return found;
  if (auto older = channel::find_python_package("tf-keras", python); older.ok()) return older;
  return Error{found.error().kind,
               found.error().message + "; Keras also needs a backend, e.g. tensorflow-cpu, jax or torch"};
}

class Keras : public Runtime {
 public:
  std::string_view name() const override { return "keras"; }
  std::string_view format() const override { return "keras"; }
  std::vector<RuntimeOption> options() const override { return {generation()}; }

  Result<std::string> version(const Locations& locations) const override {
    FETAFIX_TRY(auto worker, program(locations));
    return worker_version(std::move(worker));
  }

  Result<std::unique_ptr<Session>> load(const std::filesystem::path& model,
                                        const LoadOptions& options) const override {
    FETAFIX_TRY(Json load_options, keras_load_options(options));
    FETAFIX_TRY(auto worker, program(options.locations));
    return open_worker_session(std::move(worker), model, options, std::move(load_options));
  }

 private:
  static Result<channel::WorkerProgram> program(const Locations& locations) {
    FETAFIX_TRY(const auto package, find_keras(locations.python));
    FETAFIX_TRY(const auto script, channel::find_worker("keras_worker.py"));
    return channel::WorkerProgram{"keras worker", package.interpreter, {script.string()}};
  }
};

}  // namespace

const Runtime& keras() {
  static const Keras runtime;
  return runtime;
}

}  // namespace fetafix::runtimes
