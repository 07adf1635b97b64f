// Where processes are forked.
#pragma once

#include <functional>

namespace fetafix::channel {

// Runs `task` on a thread that lives as long as this process, and waits for it. The kernel ends a child
// with PR_SET_PDEATHSIG when the *thread* that forked it ends: a child forked by a pool's thread would
// die with the pool.
void run_on_launcher(const std::function<void()>& task);

}  // namespace fetafix::channel
