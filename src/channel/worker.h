// The parent's end of a worker process: one request at a time, answered or reported within a deadline.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "channel/arena.h"
#include "channel/process.h"
#include "channel/protocol.h"

namespace fetafix::channel {

struct WorkerOptions {
  Milliseconds start_timeout{60000};  // until it has said hello; a Python framework takes seconds to import
  Milliseconds call_timeout{120000};  // of a call that names none
  size_t memory_limit_mb = 0;         // of the worker's private memory; 0: none
  // Looked at ten times a second while waiting; when it becomes true the call ends as `interrupted`.
  const std::atomic<bool>* interrupted = nullptr;
};

struct WorkerProgram {
  std::string name;               // for messages: "onnxruntime worker"
  std::filesystem::path program;  // see find_worker()
  std::vector<std::string> arguments;
};

// Not thread-safe itself; several workers may be used from several threads. Dies with this object.
class Worker {
 public:
  // Starts the program and greets it. The program's own refusal comes back as it is (runtime_missing ...).
  static Result<Worker> start(WorkerProgram program, WorkerOptions options = {});
  Worker(Worker&&) noexcept;
  Worker& operator=(Worker&&) noexcept;
  ~Worker();

  // Sends a request and waits. Returned tensors are copies. Error kind runtime_failed: the worker died,
  // hung (it is killed) or spoke nonsense; then running() is false until restart(). An error that the
  // worker itself reports leaves it running.
  Result<Message> call(const std::string& name, Message request = {},
                       std::optional<Milliseconds> timeout = {});

  // A worker that dies between calls counts as running until the next call reports it.
  bool running() const { return connection_ != nullptr; }
  Status restart();
  // Lets it finish by itself (so that it can flush what it writes); killed if it does not within a second.
  void stop();

  // What it said of itself: {"worker": "onnxruntime", "version": "1.32.0", ...}.
  const Json& hello() const { return hello_; }
  pid_t pid() const;  // -1 when not running

 private:
  struct Connection;

  Worker(WorkerProgram program, WorkerOptions options);
  Result<std::string> exchange(const std::string& frame, const std::string& call, Milliseconds timeout);
  Result<Message> read_reply(const std::string& text, const std::string& call);
  // Ends the worker; the error tells how it ended and what it last printed.
  Error failed(const std::string& call, const std::string& what, bool kill);

  WorkerProgram program_;
  WorkerOptions options_;
  std::unique_ptr<Connection> connection_;
  Json hello_;
  std::string last_failure_;
  int64_t next_id_ = 1;
};

}  // namespace fetafix::channel
