#include "runtimes/session/idle_workers.h"

#include <algorithm>
#include <memory>

#include "runtimes/runtime.h"

namespace fetafix::runtimes {
namespace {

constexpr size_t most = 2;  // each may hold hundreds of megabytes

}  // namespace

std::optional<channel::ModelWorker> IdleWorkers::take(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(workers_.rbegin(), workers_.rend(), [&](const auto& entry) { return entry.first == key; });
  if (found == workers_.rend()) return std::nullopt;
  auto worker = std::move(found->second);
  workers_.erase(std::next(found).base());
  return worker;
}

void IdleWorkers::leave(const std::string& key, channel::ModelWorker worker) {
  const std::lock_guard lock(mutex_);
  if (workers_.size() == most) workers_.erase(workers_.begin());
  workers_.emplace_back(key, std::move(worker));
}

std::shared_ptr<IdleWorkers> idle_workers() {
  return std::make_shared<IdleWorkers>();
}

}  // namespace fetafix::runtimes
