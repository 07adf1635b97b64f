#include "pipeline/feed_search.h"

#include <algorithm>
#include <cmath>

namespace fetafix::pipeline {

using data::PreprocessSpec;

Result<std::optional<Found>> closest(FeedTrials& trials, const std::vector<PreprocessSpec>& candidates) {
  std::optional<Found> best;
  size_t tried = 0;
  for (const PreprocessSpec& spec : candidates) {
    trials.tell(++tried, candidates.size());
    const double limit = best ? best->error : INFINITY;
    FETAFIX_TRY(const double error, trials.error(spec, limit));
    if (error >= limit) continue;
    best = {spec, error};
    if (error <= agree_within) break;
  }
  return best;
}

namespace {

// Changes the values and the geometry in turn as long as that comes closer.
Result<Found> descended(FeedTrials& trials, Found at, bool values_first) {
  constexpr int most_turns = 6;
  for (int turn = 0, idle = 0; turn < most_turns && idle < 2 && at.error > agree_within; ++turn) {
    const bool values = (turn % 2 == 0) == values_first;
    FETAFIX_TRY(const auto next, closest(trials, values ? data::value_variations(at.spec)
                                                        : data::geometry_variations(at.spec, trials.side())));
    const bool nearer = next && next->error < at.error;
    idle = nearer ? 0 : idle + 1;
    if (nearer) at = *next;
  }
  return at;
}

// With each of the values that come closest, every geometry.
Result<Found> widely_searched(FeedTrials& trials, Found best) {
  constexpr size_t most_values = 8;
  std::vector<Found> values;
  const auto candidates = data::value_variations(best.spec);
  for (const PreprocessSpec& spec : candidates) {
    trials.tell(values.size() + 1, candidates.size());
    FETAFIX_TRY(const double error, trials.error(spec, INFINITY));
    values.push_back({spec, error});
  }
  std::ranges::stable_sort(values, {}, &Found::error);
  for (size_t i = 0; i < std::min(most_values, values.size()) && best.error > agree_within; ++i) {
    FETAFIX_TRY(const auto found, closest(trials, data::geometry_variations(values[i].spec, trials.side())));
    if (found && found->error < best.error) best = *found;
  }
  return best;
}

}  // namespace

Result<Found> closest_of_all(FeedTrials& trials, const PreprocessSpec& base) {
  FETAFIX_TRY(const double error, trials.error(base, INFINITY));
  const Found start{base, error};
  Found best = start;
  for (const bool values_first : {true, false}) {
    if (best.error <= agree_within) break;
    FETAFIX_TRY(const Found found, descended(trials, start, values_first));
    if (found.error < best.error) best = found;
  }
  if (best.error <= agree_within) return best;
  FETAFIX_TRY(const Found found, widely_searched(trials, start));
  return found.error < best.error ? found : best;
}

const PreprocessSpec& spec_of(const Side& side) {
  return side.loader->preprocessing()->spec;
}

PreprocessSpec for_input_of(const Side& side, PreprocessSpec spec) {
  const auto layout = spec_of(side).layout;
  if (spec.layout != layout) spec.order.reset();
  spec.layout = layout;
  return spec;
}

Result<std::string> text_for(const Side& side, const PreprocessSpec& spec) {
  FETAFIX_TRY(const auto whole, data::resolve(spec, side.loader->preprocessing()->input));
  return data::short_text(whole);
}

namespace {

bool has_color(const data::Image& image) {
  constexpr int visible = 16;
  if (image.channels < 3) return false;
  for (size_t i = 0; i + 2 < image.pixels.size(); i += static_cast<size_t>(image.channels))
    if (std::abs(image.pixels[i] - image.pixels[i + 2]) > visible) return true;
  return false;
}

}  // namespace

Result<std::vector<size_t>> telling_samples(const Run& run) {
  constexpr size_t enough = 2, most_looked_at = 16;
  std::vector<size_t> order = run.searched(), gray, out;
  std::ranges::stable_sort(order, std::greater(),
                           [&](size_t i) { return distance(run.source[i], run.target[i]); });
  for (size_t i : order) {
    if (out.size() == enough || out.size() + gray.size() == most_looked_at) break;
    FETAFIX_TRY(const auto image, run.pair.samples->image(i));
    (has_color(image) ? out : gray).push_back(i);
  }
  for (size_t i = 0; i < gray.size() && out.size() < enough; ++i) out.push_back(gray[i]);
  return out;
}

double worst_error(const Run& run, const std::vector<size_t>& samples) {
  double out = 0;
  for (size_t i : samples) out = std::max(out, distance(run.source[i], run.target[i]));
  return out;
}

std::vector<data::Part> fed_differently(const Pair& pair) {
  if (!pair.samples->has_images()) return {};
  auto parts = data::differing_parts(for_input_of(pair.target, spec_of(pair.source)), spec_of(pair.target));
  // Numbers in a mixed up order have no counterpart in another layout.
  for (const data::Part part :
       data::differing_parts(for_input_of(pair.source, spec_of(pair.target)), spec_of(pair.source)))
    if (std::find(parts.begin(), parts.end(), part) == parts.end()) parts.push_back(part);
  return parts;
}

namespace {

std::string input_of(const Side& side) {
  return "input '" + side.loader->preprocessing()->input.name + "'";
}

}  // namespace

Result<std::vector<results::Fault>> faults_of(const Run& run, FeedTrials& trials, const PreprocessSpec& wrong,
                                              const Found& right, const Words& words) {
  std::vector<results::Fault> out, idle;  // idle: makes no difference by itself
  for (const data::Part part : data::differing_parts(wrong, right.spec)) {
    FETAFIX_TRY(const double alone, trials.error(data::with_part(right.spec, part, wrong), INFINITY));
    results::Fault fault;
    fault.fault_class = "preprocessing";
    fault.pattern = data::mistake_name(part, wrong, right.spec);
    fault.source_node = input_of(run.pair.source);
    fault.target_node = input_of(run.pair.target);
    fault.explanation = words.fed + data::part_text(part, wrong) + words.in_place_of +
                        data::part_text(part, right.spec) + words.end;
    fault.advice =
        "hand the preprocessing over with the model, and feed both models one array to compare them";
    if (std::isfinite(alone))
      fault.evidence.push_back({"relative error with this alone wrong", alone, "", ""});
    fault.evidence.push_back({"relative error with all of it right", right.error, "", ""});
    fault.confidence = right.error <= agree_within ? 0.99 : 0.8;
    (alone > right.error + agree_within / 10 ? out : idle).push_back(std::move(fault));
  }
  return out.empty() ? idle : out;
}

}  // namespace fetafix::pipeline
