// Where the library's messages and progress go. It never prints by itself: whoever calls it installs a sink.
#pragma once

#include <functional>
#include <string>

namespace fetafix {

enum class LogLevel { debug, info, warning };

// Called on the thread that calls the library; `message` is one line without an end of line.
using LogSink = std::function<void(LogLevel, const std::string& message)>;

// Called often; `done` of `total` steps of the named stage (total 0: not known).
using ProgressSink = std::function<void(const std::string& stage, size_t done, size_t total)>;

}  // namespace fetafix
