#include "runtimes/torch/torch.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "channel/locate.h"
#include "runtimes/session/worker_session.h"

namespace fetafix::runtimes {
namespace {

RuntimeOption kernels_option() {
  return {"torch.kernels", {"default", "native"}};
}

// Options of other runtimes are ignored.
Result<Json> torch_load_options(const LoadOptions& options) {
  Json members = Json::object();
  const RuntimeOption known = kernels_option();
  for (const auto& [name, value] : options.options) {
    if (!name.starts_with("torch.")) continue;
    if (name != known.name)
      return Error{ErrorKind::usage, "no runtime option '" + name + "'; there is " + std::string(known.name)};
    if (std::find(known.values.begin(), known.values.end(), value) == known.values.end())
      return Error{ErrorKind::usage, name + ": expected default or native, found '" + value + "'"};
    members["kernels"] = value;
  }
  return members;
}

// Exported programs are files since 2.1; those that later versions read too, since 2.5.
bool reads_programs(const std::string& version) {
  int major = 0, minor = 0;
  if (std::sscanf(version.c_str(), "%d.%d", &major, &minor) != 2) return true;  // one that does not say
  return std::pair(major, minor) >= std::pair(2, 5);
}

}  // namespace

// Some systems have an old PyTorch on the PATH: then the build's own is better than none.
Result<channel::PythonPackage> find_torch(const std::filesystem::path& python) {
  FETAFIX_TRY(auto found, channel::find_python_package("torch", python));
  if (reads_programs(found.version)) return found;
  if (python.empty())
    if (auto own = channel::find_python_package("torch", channel::pinned_python());
        own.ok() && reads_programs(own->version))
      return own;
  const std::string interpreter = found.interpreter.string();
  return Error{ErrorKind::runtime_missing,
               interpreter + " has torch " + found.version + ", expected 2.5 or newer; run '" + interpreter +
                   " -m pip install --upgrade torch' or name an interpreter that has it"};
}

namespace {

class Torch : public Runtime {
 public:
  std::string_view name() const override { return "torch"; }
  std::string_view format() const override { return "torch"; }
  std::vector<RuntimeOption> options() const override { return {kernels_option()}; }

  Result<std::string> version(const Locations& locations) const override {
    FETAFIX_TRY(auto worker, program(locations));
    return worker_version(std::move(worker));
  }

  Result<std::unique_ptr<Session>> load(const std::filesystem::path& model,
                                        const LoadOptions& options) const override {
    FETAFIX_TRY(Json load_options, torch_load_options(options));
    FETAFIX_TRY(auto worker, program(options.locations));
    return open_worker_session(std::move(worker), model, options, std::move(load_options));
  }

 private:
  static Result<channel::WorkerProgram> program(const Locations& locations) {
    FETAFIX_TRY(const auto package, find_torch(locations.python));
    FETAFIX_TRY(const auto script, channel::find_worker("torch_worker.py"));
    return channel::WorkerProgram{"torch worker", package.interpreter, {script.string()}};
  }
};

}  // namespace

const Runtime& torch() {
  static const Torch runtime;
  return runtime;
}

}  // namespace fetafix::runtimes
