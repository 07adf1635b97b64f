// The best result so far, on disk while the search goes on, so that an interruption loses little: the patched
// model and its patch in a folder of their own, OUTPUT.partial. They are not verified.
#pragma once

#include <chrono>

#include "fetafix/fetafix.h"
#include "formats/format.h"

namespace fetafix::pipeline {

class BestSoFar {
 public:
  BestSoFar() = default;  // writes nothing
  explicit BestSoFar(const Options& options);

  // Where it is; empty: nothing is written.
  static std::filesystem::path folder(const Options& options);

  // Writes the model with the patch; what can't be written is left for the end to report.
  void save(const formats::NativeModel& target, const graph::Patch& patch);
  // The same, if the last time is long enough ago: a large file is not written for each edit.
  void save_now_and_then(const formats::NativeModel& target, const graph::Patch& patch);
  // The end is written: this is needed no more.
  void discard();

 private:
  std::filesystem::path folder_;  // empty: write nothing
  std::filesystem::path name_;    // of the model in it
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace fetafix::pipeline
