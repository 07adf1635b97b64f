#include "pipeline/budget.h"

#include <algorithm>

namespace fetafix::pipeline {
namespace {

std::string megabytes(size_t bytes) {
  return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MB";
}

}  // namespace

size_t Budget::share(size_t parts, size_t most) const {
  return limited() ? std::min(most, limit_ / parts) : most;
}

Status Budget::hold(const std::string& what, size_t bytes, const std::string& way_out) {
  FETAFIX_CHECK(check(what, bytes, way_out));
  held_.emplace_back(what, bytes);
  return {};
}

Status Budget::check(const std::string& what, size_t bytes, const std::string& way_out) const {
  size_t sum = bytes;
  std::string list;
  for (const auto& [name, size] : held_) {
    sum += size;
    list += name + " " + megabytes(size) + ", ";
  }
  if (!limited() || sum <= limit_) return {};
  return Error{ErrorKind::usage, "--memory " + std::to_string(limit_ >> 20) + ": at least " + megabytes(sum) +
                                     " are needed (" + list + what + " " + megabytes(bytes) + "); " +
                                     way_out};
}

}  // namespace fetafix::pipeline
