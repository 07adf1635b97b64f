// What fetafix itself may hold in memory: --memory. What a stage is going to hold is asked for before it is
// made; beyond the limit the answer is an error that lists everything.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace fetafix::pipeline {

class Budget {
 public:
  Budget() = default;                                             // no limit
  explicit Budget(size_t megabytes) : limit_(megabytes << 20) {}  // 0: none

  bool limited() const { return limit_ > 0; }
  // A part for each of `parts` of the limit, at most `most`.
  size_t share(size_t parts, size_t most) const;
  // Will be held from now on. Error kind usage: it does not fit; `way_out` says what would help.
  Status hold(const std::string& what, size_t bytes, const std::string& way_out);
  // Would it fit?
  Status check(const std::string& what, size_t bytes, const std::string& way_out) const;

 private:
  size_t limit_ = 0;
  std::vector<std::pair<std::string, size_t>> held_;
};

}  // namespace fetafix::pipeline
