#include "pipeline/options.h"

#include <filesystem>

#include "base/files.h"
#include "base/near.h"
#include "runtimes/runtime.h"

namespace fetafix::pipeline {
namespace {

namespace fs = std::filesystem;

// Before hours of work: an output that is one of the inputs, or that can't be written.
Status check_output(const Options& options) {
  std::error_code error;
  for (const std::string& input : {options.source, options.target})
    if (overwrites(options.output, input))
      return Error{ErrorKind::usage,
                   options.output + ": the output would overwrite an input; choose another name"};
  const fs::path folder = fs::path(options.output).parent_path();
  if (!options.dry_run && !folder.empty() && !fs::is_directory(folder, error))
    return Error{ErrorKind::file, options.output + ": can't write: there is no folder " + folder.string()};
  return {};
}

Status check_modules(Command command, const Options& options) {
  const std::string modules = options.source_module + options.target_module;
  if (modules.empty()) return {};
  if (!options.source_module.empty() && !options.target_module.empty())
    return Error{ErrorKind::usage,
                 "--source-module and --target-module: one side has to be a file that says its inputs"};
  if (modules.find(':') == std::string::npos)
    return Error{ErrorKind::usage,
                 "'" + modules + "': expected package.module:function, which gives a torch.nn.Module"};
  if (!options.run_python)
    return Error{ErrorKind::usage,
                 "'" + modules + "' is Python code that would run here; --run-python lets it"};
  if (options.run_nothing)
    return Error{ErrorKind::usage, "--static runs nothing, and a module is Python code that has to run"};
  if (command == Command::repair && !options.target_module.empty())
    return Error{
        ErrorKind::usage,
        "weights alone are no file that can be repaired: export the module, or use the Python package "
        "(fetafix.repair), which gives a state dict and what to change in the code"};
  return {};
}

}  // namespace

Status check_options(Command command, const Options& options) {
  FETAFIX_CHECK(check_modules(command, options));
  if (command == Command::repair && options.output.empty() && !options.dry_run)
    return Error{ErrorKind::usage, "repair needs --output FILE (or --dry-run)"};
  if (command == Command::repair && !(options.source_outputs + options.target_outputs).empty())
    return Error{ErrorKind::usage, "a repair runs both models: recorded outputs are for check and localize"};
  if (command == Command::repair && !options.target_command.empty())
    return Error{ErrorKind::usage,
                 "a repair runs the written file: --target-command is for check and localize"};
  if (!options.target_command.empty() && !options.target_outputs.empty())
    return Error{ErrorKind::usage,
                 "--target-command and --target-outputs: the target is run, or was; give one"};
  if (options.run_nothing && command != Command::localize)
    return Error{ErrorKind::usage, "--static is for localize"};
  if (options.run_nothing && !(options.data + options.source_outputs + options.target_outputs).empty())
    return Error{ErrorKind::usage,
                 "--static runs nothing and takes no samples: leave --data and outputs away"};
  return check_output(options);
}

Result<std::vector<results::Verdict>> parse_verdicts(const std::vector<std::string>& words) {
  std::vector<results::Verdict> out;
  for (const std::string& word : words) {
    const auto verdict = results::verdict_from_name(word);
    if (!verdict) {
      const auto names = results::verdict_names();
      return Error{ErrorKind::usage, "--fail-on: '" + word + "' is no verdict; expected a list of " +
                                         joined({names.begin(), names.end()})};
    }
    out.push_back(*verdict);
  }
  return out;
}

Result<std::map<std::string, std::string>> parse_runtime_options(const std::vector<std::string>& words) {
  std::map<std::string, std::string> out;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos)
      return Error{ErrorKind::usage, "--runtime-option: expected NAME=VALUE, found '" + word + "'"};
    const std::string name = word.substr(0, equals), value = word.substr(equals + 1);
    if (auto status = runtimes::check_option(name, value); !status.ok())
      return in_context("--runtime-option", std::move(status).error());
    out[name] = value;
  }
  return out;
}

}  // namespace fetafix::pipeline
