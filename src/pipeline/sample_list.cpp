#include "base/base64.h"
#include "pipeline/stages.h"

namespace fetafix::pipeline {
namespace {

constexpr size_t most_pictures = 60;  // as many samples as a report shows
constexpr int picture_side = 96;

bool first_differs(const std::vector<results::Label>& a, const std::vector<results::Label>& b) {
  return !a.empty() && !b.empty() && a[0].index != b[0].index;
}

// A report shows the samples whose label changed, and their pictures.
void add_pictures(Run& run) {
  if (!run.options.images || !run.pair.samples->has_images()) return;
  size_t made = 0;
  for (size_t i = 0; i < run.count && made < most_pictures; ++i) {
    results::Sample& sample = run.result.sample_list[i];
    if (!first_differs(sample.source_top5, sample.target_top5) &&
        !first_differs(sample.source_top5, sample.repaired_top5))
      continue;
    const auto image = run.pair.samples->image(i);
    if (image.ok()) sample.thumbnail = base64(data::thumbnail_jpeg(*image, picture_side));
    ++made;
  }
}

}  // namespace

void fill_samples(Run& run) {
  std::vector<std::string> set_of(run.count);
  for (size_t i : run.sets.diagnose) set_of[i] = "diagnose";
  for (size_t i : run.sets.select) set_of[i] = "select";
  for (size_t i : run.sets.verdict) set_of[i] = "verdict";
  const bool fed_otherwise = !run.feeding.faults.empty();
  const auto &source = fed_otherwise ? run.feeding.source : run.source,
             &target = fed_otherwise ? run.feeding.target : run.target;
  for (size_t i = 0; i < run.count; ++i) {
    results::Sample sample;
    sample.name = run.pair.samples->samples()[i].name;
    sample.original = run.pair.samples->samples()[i].original;
    sample.set = set_of[i];
    sample.source_top5 = top5(source[i], run.pair.labels);
    if (!target.empty()) {
      const auto one = compare_outputs({source[i]}, {target[i]}, {}, run.noise());
      sample.target_top5 = top5(target[i], run.pair.labels);
      sample.near_tie = one.near_ties > 0;
      sample.max_absolute_error = one.max_absolute_error;
    }
    if (!run.after.empty()) {
      sample.repaired_top5 = top5(run.after[i], run.pair.labels);
      sample.max_absolute_error_after =
          compare_outputs({run.source[i]}, {run.after[i]}, {}, run.noise()).max_absolute_error;
    }
    run.result.sample_list.push_back(std::move(sample));
  }
  add_pictures(run);
}

}  // namespace fetafix::pipeline
