// Where worker programs and the user's runtimes are.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fetafix::channel {

// A worker program by its file name ("fetafix-onnxruntime-worker", "litert_worker.py"): in the folder that
// was set, else next to the running program, else in ../libexec/fetafix. Error kind internal: incomplete
// installation.
Result<std::filesystem::path> find_worker(std::string_view file_name);

// For programs that are not fetafix itself (the Python package, tests). Not thread-safe; call it first.
void set_worker_folder(std::filesystem::path folder);

// An interpreter that has `package`, without importing it: `python` if it is not empty (and then no other),
// else python3 on the PATH, else the build's own environment.
// Error kind runtime_missing: none has it; the message names the command that installs it.
struct PythonPackage {
  std::filesystem::path interpreter;  // absolute
  std::filesystem::path folder;
  std::string version;
};
Result<PythonPackage> find_python_package(const std::string& package,
                                          const std::filesystem::path& python = {});

// The shared library of the ONNX Runtime wheel that find_python_package finds.
Result<std::filesystem::path> find_onnxruntime(const std::filesystem::path& python = {});

// The interpreter of the build's own environment: what is pinned there is what we are tested with. May not
// exist. PyTorch is in an environment of its own, where find_python_package looks too when it is asked for
// this one.
std::filesystem::path pinned_python();

}  // namespace fetafix::channel
