#include "formats/keras/child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

namespace fetafix::formats::keras {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool child_first = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool child_first = false;
#else
constexpr bool child_first = true;
#endif
#else
constexpr bool child_first = true;
#endif

// Code that runs in circles does not end by itself.
constexpr std::chrono::seconds most_time{20};

// Whether a child lived through it.
bool survived(pid_t child) {
  const auto end = std::chrono::steady_clock::now() + most_time;
  for (auto pause = std::chrono::milliseconds(1);;
       pause = std::min(pause * 2, std::chrono::milliseconds(50))) {
    int status = 0;
    const pid_t done = waitpid(child, &status, WNOHANG);
    if (done == child) return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (done < 0 && errno != EINTR) return false;
    if (std::chrono::steady_clock::now() > end) break;
    std::this_thread::sleep_for(pause);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return false;
}

}  // namespace

bool survives(const std::function<void()>& work) {
  if (!child_first) return true;
  const pid_t child = fork();
  if (child == 0) {
    for (int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) std::signal(signal, SIG_DFL);
    work();
    _exit(0);
  }
  return child < 0 || survived(child);
}

}  // namespace fetafix::formats::keras
