#include "pipeline/clock.h"

namespace fetafix::pipeline {

void Clock::lap(results::Result& result, const std::string& stage) {
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - last_).count();
  last_ = now;
  for (auto& [name, value] : result.seconds)
    if (name == stage) {
      value += seconds;
      return;
    }
  result.seconds.emplace_back(stage, seconds);
}

void Clock::move(results::Result& result, double seconds, const std::string& from, const std::string& to) {
  for (auto& [name, value] : result.seconds)
    if (name == from) value -= seconds;
  result.seconds.emplace_back(to, seconds);
}

double Clock::total() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

}  // namespace fetafix::pipeline
