#include "pipeline/best_so_far.h"

#include "pipeline/apply.h"

namespace fetafix::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds pause{10};

}  // namespace

BestSoFar::BestSoFar(const Options& options)
    : folder_(folder(options)), name_(fs::path(options.output).filename()) {}

fs::path BestSoFar::folder(const Options& options) {
  return options.dry_run || options.output.empty() ? "" : options.output + ".partial";
}

void BestSoFar::save(const formats::NativeModel& target, const graph::Patch& patch) {
  if (folder_.empty() || patch.groups.empty()) return;
  auto patched = target.patched(patch);
  if (!patched.ok()) return;
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) return;
  const fs::path model = folder_ / name_;
  if (!(*patched)->write(model).ok()) return;
  (void)write_patch(patch, model.string() + ".patch.json").ok();
  next_ = std::chrono::steady_clock::now() + pause;
}

void BestSoFar::save_now_and_then(const formats::NativeModel& target, const graph::Patch& patch) {
  if (std::chrono::steady_clock::now() >= next_) save(target, patch);
}

void BestSoFar::discard() {
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

}  // namespace fetafix::pipeline
