// A Session over a model-running worker: all that differs between runtimes is the program and its options.
#pragma once

#include <filesystem>
#include <memory>

#include "channel/worker.h"
#include "runtimes/runtime.h"

namespace fetafix::runtimes {

// Starts the program and loads the model. `load_options` are the members of the load request that this
// runtime has beyond threads and optimize.
Result<std::unique_ptr<Session>> open_worker_session(channel::WorkerProgram program,
                                                     const std::filesystem::path& model,
                                                     const LoadOptions& options,
                                                     Json load_options = Json::object());

// Starts the program, asks what it runs, and ends it.
Result<std::string> worker_version(channel::WorkerProgram program);

}  // namespace fetafix::runtimes
