#include "channel/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "channel/launcher.h"

namespace fetafix::channel {
namespace {

using Clock = std::chrono::steady_clock;

// The child's numbers end below this; everything of ours is moved above it before it is handed down.
constexpr int first_private_fd = 10;

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, INT_MAX));
}

// Prepared before the fork: between fork and exec only async-signal-safe calls are allowed, since another
// thread may have held any lock.
struct Launch {
  const char* program;
  char* const* argv;
  std::vector<std::pair<int, int>> descriptors;
  size_t memory_limit;
  int null_input;
  int failure;  // the child's errno goes here when exec fails
  pid_t parent;
};

void set_limit(__rlimit_resource which, size_t bytes) {
  const rlimit limit{bytes, bytes};
  setrlimit(which, &limit);
}

[[noreturn]] void become(const Launch& launch) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launch.parent) _exit(127);  // we were orphaned before the line above
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  set_limit(RLIMIT_CORE, 0);
  if (launch.memory_limit > 0) set_limit(RLIMIT_DATA, launch.memory_limit);
  for (int fd = 3; fd < first_private_fd; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
  dup2(launch.null_input, 0);
  for (const auto& [ours, theirs] : launch.descriptors) dup2(ours, theirs);
  close_range(first_private_fd, UINT_MAX, CLOSE_RANGE_CLOEXEC);
  execvp(launch.program, launch.argv);
  const int reason = errno;
  [[maybe_unused]] const ssize_t written = write(launch.failure, &reason, sizeof reason);
  _exit(127);
}

// Called directly: this C library's header for it forgets extern "C".
int open_pidfd(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

Result<Descriptor> moved_up(int fd) {
  Descriptor high(fcntl(fd, F_DUPFD_CLOEXEC, first_private_fd));
  if (!high) return Error{ErrorKind::internal, std::string("file descriptor: ") + std::strerror(errno)};
  return high;
}

std::vector<char*> argument_vector(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  return argv;
}

// The child's errno if exec failed; 0 once it has become the program (the pipe closes by itself).
int exec_failure(int fd) {
  int reason = 0;
  ssize_t got;
  do got = read(fd, &reason, sizeof reason);
  while (got < 0 && errno == EINTR);
  return got == sizeof reason ? reason : 0;
}

}  // namespace

Result<std::pair<Descriptor, Descriptor>> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return Error{ErrorKind::internal, std::string("pipe: ") + std::strerror(errno)};
  return std::pair(Descriptor(ends[0]), Descriptor(ends[1]));
}

Result<Process> Process::start(const ProcessOptions& options) {
  const std::string program = options.program.string();
  const std::vector<char*> argv = argument_vector(program, options.arguments);
  FETAFIX_TRY(auto failure, make_pipe());
  FETAFIX_TRY(Descriptor failure_end, moved_up(failure.second.get()));
  failure.second.close();
  const Descriptor null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  FETAFIX_TRY(const Descriptor null_end, moved_up(null.get()));
  std::vector<Descriptor> keep;
  Launch launch{program.c_str(), argv.data(),       {},      options.memory_limit_mb << 20,
                null_end.get(),  failure_end.get(), getpid()};
  for (const auto& [ours, theirs] : options.descriptors) {
    FETAFIX_TRY(Descriptor high, moved_up(ours));
    launch.descriptors.emplace_back(high.get(), theirs);
    keep.push_back(std::move(high));
  }
  pid_t pid = -1;
  run_on_launcher([&] {
    pid = fork();
    if (pid == 0) become(launch);
  });
  if (pid < 0) return Error{ErrorKind::internal, program + ": fork: " + std::strerror(errno)};
  Process process(pid, Descriptor(open_pidfd(pid)));
  keep.clear();
  failure_end.close();
  if (const int reason = exec_failure(failure.first.get()); reason != 0)
    return Error{ErrorKind::runtime_failed, program + ": can't be executed: " + std::strerror(reason)};
  return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      ending_(std::move(other.ending_)) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    end();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
    ending_ = std::move(other.ending_);
  }
  return *this;
}

std::optional<std::string> Process::wait(Milliseconds timeout) {
  if (pid_ < 0) return ending_;
  const Clock::time_point deadline = Clock::now() + timeout;
  pollfd ended{pidfd_.get(), POLLIN, 0};
  int ready;
  do ready = poll(&ended, 1, milliseconds_until(deadline));
  while (ready < 0 && errno == EINTR);
  if (ready <= 0) return std::nullopt;
  return reap();
}

std::string Process::end() {
  if (pid_ < 0) return ending_;
  kill(-pid_, SIGKILL);
  kill(pid_, SIGKILL);  // it may not have made its group yet
  return reap();
}

std::string Process::reap() {
  int status = 0;
  pid_t got;
  do got = waitpid(pid_, &status, 0);
  while (got < 0 && errno == EINTR);
  // What it started itself must not live on either; the group's number is ours while members remain.
  kill(-pid_, SIGKILL);
  pid_ = -1;
  pidfd_.close();
  if (got < 0) return ending_ = "ended";  // somebody ignores SIGCHLD, and the kernel threw the status away
  if (WIFSIGNALED(status))
    return ending_ = "was ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
                     strsignal(WTERMSIG(status)) + ")";
  return ending_ = "exited with code " + std::to_string(WEXITSTATUS(status));
}

Result<CommandResult> run_command(const std::filesystem::path& program,
                                  const std::vector<std::string>& arguments, Milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  FETAFIX_TRY(auto pipe, make_pipe());
  FETAFIX_TRY(Process process,
              Process::start({program, arguments, {{pipe.second.get(), 1}, {pipe.second.get(), 2}}, 0}));
  pipe.second.close();
  constexpr size_t most_output = 64 << 10;
  CommandResult result;
  for (;;) {
    pollfd readable{pipe.first.get(), POLLIN, 0};
    const int ready = poll(&readable, 1, milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0)
      return Error{ErrorKind::runtime_failed,
                   program.string() + ": did not finish within " + std::to_string(timeout.count()) + " ms"};
    char buffer[4096];
    const ssize_t got = read(pipe.first.get(), buffer, sizeof buffer);
    if (got <= 0) break;
    if (result.output.size() < most_output) result.output.append(buffer, static_cast<size_t>(got));
  }
  auto ending = process.wait(std::chrono::duration_cast<Milliseconds>(deadline - Clock::now()));
  if (!ending)
    return Error{ErrorKind::runtime_failed, program.string() + ": closed its output but did not finish"};
  result.ending = *ending;
  result.succeeded = result.ending == "exited with code 0";
  return result;
}

}  // namespace fetafix::channel
