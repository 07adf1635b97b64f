// Child processes that can't outlive us, and one-shot commands.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "channel/descriptor.h"

namespace fetafix::channel {

using Milliseconds = std::chrono::milliseconds;

struct ProcessOptions {
  std::filesystem::path program;  // a path; looked up on PATH if it has no slash
  std::vector<std::string> arguments;
  // (ours, the child's): everything else but standard input (nothing to read) is closed in the child.
  std::vector<std::pair<int, int>> descriptors;  // the child's numbers are 1 to 9
  size_t memory_limit_mb = 0;                    // of private writable memory; 0: none
};

// Its own process group, so that Ctrl-C at the terminal is ours to handle. Killed with its group when
// this object, this process or its launching dies.
class Process {
 public:
  // Error kind runtime_failed: can't be executed.
  static Result<Process> start(const ProcessOptions& options);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process() { end(); }

  pid_t pid() const { return pid_; }
  // Readable for poll() once the process has ended.
  int descriptor() const { return pidfd_.get(); }
  // How it ended, waiting at most so long; nullopt while it lives.
  std::optional<std::string> wait(Milliseconds timeout);
  // Kills the group and leaves no zombie; gives how it ended.
  std::string end();

 private:
  Process(pid_t pid, Descriptor pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  std::string reap();

  pid_t pid_ = -1;  // -1: reaped
  Descriptor pidfd_;
  std::string ending_;  // "exited with code 3", "was ended by signal 11 (Segmentation fault)"
};

struct CommandResult {
  bool succeeded = false;  // exit code 0
  std::string ending;
  std::string output;  // of both streams, at most 64 KiB
};

// Runs a short helper to its end. Error kind runtime_failed: can't be started, or takes longer.
Result<CommandResult> run_command(const std::filesystem::path& program,
                                  const std::vector<std::string>& arguments, Milliseconds timeout);

// Both ends close-on-exec.
Result<std::pair<Descriptor, Descriptor>> make_pipe();

}  // namespace fetafix::channel
