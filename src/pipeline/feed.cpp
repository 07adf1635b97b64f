// Whether the outputs differ because samples become inputs otherwise on the two sides, and how they should.
#include <algorithm>
#include <cmath>

#include "data/preprocess_parts.h"
#include "pipeline/certainty.h"
#include "pipeline/feed_trials.h"
#include "pipeline/stages.h"

namespace fetafix::pipeline {
namespace {

using data::PreprocessSpec;

// Between right conversions on the same input; what a wrong input makes is far above.
constexpr double agree_within = 1e-3;
// An input that does not make the models agree is taken for the right one where the target is wrong in other
// ways too: as the source has it if it halves the difference, another one if it leaves a fifth.
constexpr double halves = 0.5, leaves_a_fifth = 0.2;

struct Found {
  PreprocessSpec spec;
  double error;
};

// Of `candidates`, in this order, the first that makes the outputs agree, else the one that comes closest.
Result<std::optional<Found>> closest(FeedTrials& trials, const std::vector<PreprocessSpec>& candidates) {
  std::optional<Found> best;
  for (const PreprocessSpec& spec : candidates) {
    const double limit = best ? best->error : INFINITY;
    FETAFIX_TRY(const double error, trials.error(spec, limit));
    if (error >= limit) continue;
    best = {spec, error};
    if (error <= agree_within) break;
  }
  return best;
}

// Any values in pictures as `base` has them; then, with those that come closest, any crop and resizing.
Result<std::optional<Found>> closest_of_all(FeedTrials& trials, const PreprocessSpec& base) {
  std::vector<PreprocessSpec> values = data::value_variations(base);
  values.insert(values.begin(), base);
  FETAFIX_TRY(auto best, closest(trials, values));
  if (!best || best->error <= agree_within) return best;
  std::vector<PreprocessSpec> bases{base, best->spec};
  for (const PreprocessSpec& from : bases) {
    FETAFIX_TRY(auto other, closest(trials, data::geometry_variations(from, trials.side())));
    if (other && other->error < best->error) best = other;
    if (best->error <= agree_within) break;
  }
  return best;
}

const PreprocessSpec& spec_of(const Side& side) {
  return side.loader->preprocessing()->spec;
}

// What makes the same numbers for the input of the other side. (Numbers that a reshape mixed up are mixed up
// otherwise in another layout: there they are right.)
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

double worst_error(const Run& run, const std::vector<size_t>& samples) {
  double out = 0;
  for (size_t i : samples) out = std::max(out, spread(run.source[i], run.target[i]));
  return out;
}

}  // namespace

std::vector<data::Part> fed_differently(const Pair& pair) {
  if (!pair.samples->has_images()) return {};
  auto parts = data::differing_parts(for_input_of(pair.target, spec_of(pair.source)), spec_of(pair.target));
  // Numbers in a mixed up order have no counterpart in another layout.
  for (const data::Part part :
       data::differing_parts(for_input_of(pair.source, spec_of(pair.target)), spec_of(pair.source)))
    if (std::find(parts.begin(), parts.end(), part) == parts.end()) parts.push_back(part);
  return parts;
}

Status feed(Side& side, const Run& run, const PreprocessSpec& spec) {
  FETAFIX_TRY(auto loader, data::Loader::make(run.pair.samples, {side.loader->preprocessing()->input}, spec));
  side.loader = std::make_unique<data::Loader>(std::move(loader));
  return {};
}

namespace {

// "the target is fed " one part of a preprocessing, " where the source is fed " another.
struct Words {
  const char *fed, *in_place_of;
};

// One fault for each part of the preprocessing that matters.
Result<std::vector<results::Fault>> faults_of(FeedTrials& trials, const Side& side,
                                              const PreprocessSpec& wrong, const Found& right,
                                              const Words& words) {
  std::vector<results::Fault> out;
  const auto parts = data::differing_parts(wrong, right.spec);
  for (const data::Part part : parts) {
    FETAFIX_TRY(const double alone, trials.error(data::with_part(right.spec, part, wrong), INFINITY));
    if (parts.size() > 1 && alone <= right.error + agree_within / 10) continue;  // no difference to this model
    results::Fault fault;
    fault.fault_class = "preprocessing";
    fault.pattern = data::mistake_name(part, wrong, right.spec);
    fault.target_node = "input '" + side.loader->preprocessing()->input.name + "'";
    fault.explanation = words.fed + data::part_text(part, wrong) + words.in_place_of +
                        data::part_text(part, right.spec);
    fault.advice = "hand the preprocessing over with the model, and feed both models one array to compare them";
    if (std::isfinite(alone))
      fault.evidence.push_back({"relative error with this alone wrong", alone, "", ""});
    fault.evidence.push_back({"relative error with all of it right", right.error, "", ""});
    fault.confidence = right.error <= agree_within ? 0.99 : 0.8;
    out.push_back(std::move(fault));
  }
  return out;
}

// The recorded outputs are what the source computes from some input; which one?
Status explain_recorded(Run& run, const std::vector<size_t>& samples) {
  Side &source = run.pair.source, &target = run.pair.target;
  const PreprocessSpec own = spec_of(source);
  FeedTrials trials(run, source, run.target, samples);
  FETAFIX_TRY(const auto found, closest_of_all(trials, for_input_of(source, spec_of(target))));
  if (!found || data::differing_parts(found->spec, own).empty()) return {};
  if (found->error > agree_within && found->error > leaves_a_fifth * worst_error(run, samples)) return {};
  FeedTrials again(run, source, run.source, samples);
  FETAFIX_TRY(run.feeding.faults,
              faults_of(again, target, found->spec, {own, found->error},
                        {"the recorded outputs are what the source computes when it is fed ",
                         " in place of "}));
  FETAFIX_TRY(run.result.preprocess.target, text_for(target, for_input_of(target, found->spec)));
  FETAFIX_TRY(run.result.preprocess.target_proposed, text_for(target, for_input_of(target, own)));
  run.feeding.source = run.source;
  run.feeding.target = run.target;
  // All that follows is about the models, on the input that the recorded outputs were made of.
  FETAFIX_CHECK(feed(target, run, for_input_of(target, found->spec)));
  FETAFIX_CHECK(feed(source, run, found->spec));
  FETAFIX_TRY(run.source,
              run_all(*source.session, source, run.count, run.options, "running with another input"));
  return {};
}

// Which side should be fed otherwise, and how.
struct Proposal {
  bool source;
  Found found;
  Words words;
  bool either = false;  // it may as well be the other side
};

// The target is fed otherwise than the source: does it take what the source takes, or something else? Or does
// the source take something else?
Result<std::optional<Proposal>> propose(Run& run, const std::vector<size_t>& samples,
                                        const PreprocessSpec& alike) {
  const double given = worst_error(run, samples);
  const PreprocessSpec as_target = for_input_of(run.pair.source, spec_of(run.pair.target));
  FeedTrials trials(run, run.pair.target, run.source, samples);
  FETAFIX_TRY(const double error, trials.error(alike, INFINITY));
  if (error <= agree_within || error <= halves * given) {
    const bool source = is_more_certain(run.target, run.source);
    if (source)
      return std::optional<Proposal>(
          {true,
           {as_target, error},
           {"the source is fed ", " where the target, whose answers are more certain and varied, is fed "}});
    return std::optional<Proposal>(
        {false, {alike, error}, {"the target is fed ", " where the source is fed "}, true});
  }
  const Words takes{"the target is fed ", "; it takes "};
  FeedTrials of_source(run, run.pair.source, run.target, samples);
  FETAFIX_TRY(const double other_error, of_source.error(as_target, INFINITY));
  if (other_error <= agree_within) return std::optional<Proposal>(
        {true, {as_target, other_error}, {"the source is fed ", " where the target is fed "}});
  FETAFIX_TRY(const auto found, closest(trials, data::value_variations(alike)));
  if (found && found->error <= agree_within) return std::optional<Proposal>({false, *found, takes});
  if (found && found->error <= leaves_a_fifth * std::min(error, given))
    return std::optional<Proposal>({false, *found, takes});
  return std::optional<Proposal>();
}

Status explain_fed(Run& run, const std::vector<size_t>& samples, const PreprocessSpec& alike) {
  FETAFIX_TRY(const auto proposal, propose(run, samples, alike));
  if (!proposal) return {};
  Side& side = proposal->source ? run.pair.source : run.pair.target;
  const PreprocessSpec given = spec_of(side), &right = proposal->found.spec;
  if (data::differing_parts(given, right).empty()) return {};
  FeedTrials trials(run, side, proposal->source ? run.target : run.source, samples);
  FETAFIX_TRY(run.feeding.faults, faults_of(trials, side, given, proposal->found, proposal->words));
  run.feeding.source = run.source;
  run.feeding.target = run.target;
  FETAFIX_TRY((proposal->source ? run.result.preprocess.source_proposed : run.result.preprocess.target_proposed),
              text_for(side, right));
  if (proposal->either) {
    FETAFIX_TRY(const std::string other,
                text_for(run.pair.source, for_input_of(run.pair.source, spec_of(run.pair.target))));
    run.result.notes.push_back("if the target is fed rightly and the source is not: --source-preprocess " + other);
  }
  if (!proposal->source) run.feeding.given = *side.loader->preprocessing();
  FETAFIX_CHECK(feed(side, run, right));
  FETAFIX_TRY((proposal->source ? run.source : run.target),
              run_all(*side.session, side, run.count, run.options, "running with another input"));
  return {};
}

}  // namespace

Status compare_feeding(Run& run) {
  Side &source = run.pair.source, &target = run.pair.target;
  if (!run.pair.samples->has_images() || run.target.empty() || !source.loader || !target.loader) return {};
  run.result.preprocess.source = data::to_text(spec_of(source));
  run.result.preprocess.target = data::to_text(spec_of(target));
  const auto differences = compare_outputs(run.source, run.target, run.searched(), 0);
  if (differences.label_differences == 0 && differences.max_relative_error <= agree_within) return {};
  const auto samples = run.diagnosis_samples(run.target);
  if (!target.recorded.empty() && source.session) return explain_recorded(run, samples);
  const PreprocessSpec alike = for_input_of(target, spec_of(source));
  if (!target.session || !source.session || fed_differently(run.pair).empty()) return {};
  return explain_fed(run, samples, alike);
}

}  // namespace fetafix::pipeline
