// Workers whose session has ended, for the next session of the same sort: a framework takes seconds to
// import.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "channel/models.h"

namespace fetafix::runtimes {

// Thread-safe. The workers end with it.
class IdleWorkers {
 public:
  // A worker that was left under this key and still runs; the one that was left last.
  std::optional<channel::ModelWorker> take(const std::string& key);
  // A worker without an open model. The one that has waited longest ends where there would be too many.
  void leave(const std::string& key, channel::ModelWorker worker);

 private:
  std::mutex mutex_;
  std::vector<std::pair<std::string, channel::ModelWorker>> workers_;
};

}  // namespace fetafix::runtimes
