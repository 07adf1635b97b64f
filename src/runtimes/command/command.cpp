// A model that runs where no worker of ours can.
#include "channel/locate.h"
#include "runtimes/runtime.h"
#include "runtimes/session/worker_session.h"

namespace fetafix::runtimes {
namespace {

Json list_of(const std::vector<TensorSpec>& specs) {
  Json out = Json::array();
  for (const TensorSpec& spec : specs) out.push_back(channel::spec_to_json(spec));
  return out;
}

}  // namespace

Result<std::unique_ptr<Session>> load_command(const std::string& command, const std::filesystem::path& model,
                                              const std::vector<TensorSpec>& inputs,
                                              const std::vector<TensorSpec>& outputs,
                                              const LoadOptions& options) {
  FETAFIX_TRY(const auto package, channel::find_python_package("numpy", options.locations.python));
  FETAFIX_TRY(const auto script, channel::find_worker("command_worker.py"));
  return open_worker_session(
      {"command worker", package.interpreter, {script.string()}}, model, options,
      {{"command", command}, {"inputs", list_of(inputs)}, {"outputs", list_of(outputs)}});
}

}  // namespace fetafix::runtimes
