#include "channel/launcher.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace fetafix::channel {
namespace {

class Launcher {
 public:
  Launcher() {
    // The application's signal handlers run on its own threads, not here.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread([this] { loop(); }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void run(const std::function<void()>& task) {
    const std::lock_guard one_caller(callers_);
    std::unique_lock lock(mutex_);
    task_ = &task;
    changed_.notify_all();
    changed_.wait(lock, [this] { return task_ == nullptr; });
  }

 private:
  void loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return task_ != nullptr; });
      (*task_)();
      task_ = nullptr;
      changed_.notify_all();
    }
  }

  std::mutex callers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void()>* task_ = nullptr;
};

}  // namespace

void run_on_launcher(const std::function<void()>& task) {
  // Never destroyed: its thread ends with the process. A forked copy of us has no such thread and makes its
  // own.
  static std::mutex mutex;
  static Launcher* launcher = nullptr;
  static pid_t owner = 0;
  Launcher* current = nullptr;
  {
    const std::lock_guard lock(mutex);
    if (owner != getpid()) {
      launcher = new Launcher;
      owner = getpid();
    }
    current = launcher;
  }
  current->run(task);
}

}  // namespace fetafix::channel
