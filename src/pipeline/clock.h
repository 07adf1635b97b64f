// Where the time of a command goes, by stage.
#pragma once

#include <chrono>

#include "results/result.h"

namespace fetafix::pipeline {

class Clock {
 public:
  // Adds the time since the last call to a named stage.
  void lap(results::Result& result, const std::string& stage);
  // Part of one stage's time is another's.
  static void move(results::Result& result, double seconds, const std::string& from, const std::string& to);
  double total() const;

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_ = start_;
};

}  // namespace fetafix::pipeline
