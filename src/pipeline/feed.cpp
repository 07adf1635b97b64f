// Whether the outputs differ because samples become inputs otherwise on the two sides, and how they should.
#include <algorithm>
#include <cmath>

#include "pipeline/certainty.h"
#include "pipeline/familiarity.h"
#include "pipeline/feed_search.h"
#include "pipeline/stages.h"

namespace fetafix::pipeline {
namespace {

using data::PreprocessSpec;

constexpr Words takes{"the target is fed ", "; it takes "};
constexpr Words unlike_source{"the target is fed ", " where the source is fed "};

// Which side should be fed otherwise, and how.
struct Proposal {
  bool source;
  Found found;
  Words words;
  bool either = false;  // it may as well be the other side
};

// Whether the source is fed wrongly rather than the target, as far as the models tell: their first
// normalizations know the values that they were trained on, and answers to what a model knows are the more
// certain.
struct Suspicion {
  bool of_source = false;
  const char* because = "";
};

// Which of two inputs the model's own normalizations know better: negative the first, 0 neither or nobody
// knows.
Result<int> better_known(Run& run, FeedTrials& trials, const Side& model, const PreprocessSpec& first,
                         const PreprocessSpec& second) {
  constexpr size_t most_samples = 8;
  const auto samples = run.searched();
  std::vector<std::vector<Tensor>> by_first, by_second;
  for (size_t i = 0; i < std::min(most_samples, samples.size()); ++i) {
    FETAFIX_TRY(Tensor one, trials.input(first, samples[i]));
    FETAFIX_TRY(Tensor other, trials.input(second, samples[i]));
    by_first.push_back({std::move(one)});
    by_second.push_back({std::move(other)});
  }
  FETAFIX_TRY(const auto a, unfamiliarity(*run.evaluator, model, by_first));
  FETAFIX_TRY(const auto b, unfamiliarity(*run.evaluator, model, by_second));
  if (!a || !b) return 0;
  return is_less_familiar(*a, *b) ? 1 : is_less_familiar(*b, *a) ? -1 : 0;
}

Result<Suspicion> suspect(Run& run, FeedTrials& of_source, const PreprocessSpec& as_target) {
  const PreprocessSpec own = spec_of(run.pair.source);
  const auto parts = data::differing_parts(own, as_target);
  const auto differ_in = [&](data::Part part) { return std::ranges::find(parts, part) != parts.end(); };
  // Where in the picture the numbers stand says nothing to a normalization.
  const bool other_numbers = differ_in(data::Part::values) || differ_in(data::Part::channels);
  if (other_numbers) {
    FETAFIX_TRY(const int known, better_known(run, of_source, run.pair.source, own, as_target));
    if (known > 0) return Suspicion{true, "; the model's normalizations were trained on the latter"};
    if (known < 0) return Suspicion{};
  }
  // Another filter or crop alone may make answers more certain without being right.
  if ((other_numbers || !differ_in(data::Part::geometry)) && is_more_certain(run.target, run.source))
    return Suspicion{true, "; the target's answers are more certain and varied"};
  return Suspicion{};
}

// The target is fed otherwise than the source: does it take what the source takes, or something else? Or does
// the source take something else?
Result<std::optional<Proposal>> propose(Run& run, const std::vector<size_t>& samples,
                                        const PreprocessSpec& alike) {
  const double given = worst_error(run, samples);
  const PreprocessSpec as_target = for_input_of(run.pair.source, spec_of(run.pair.target));
  FeedTrials trials(run, run.pair.target, *run.pair.target.session, run.source, samples);
  FeedTrials of_source(run, run.pair.source, *run.pair.source.session, run.target, samples);
  FETAFIX_TRY(const double error, trials.error(alike, INFINITY));
  if (error <= agree_within || error <= halves * given) {
    FETAFIX_TRY(const Suspicion suspicion, suspect(run, of_source, as_target));
    if (suspicion.of_source)
      return std::optional<Proposal>(
          {true, {as_target, error}, {"the source is fed ", " where the target is fed ", suspicion.because}});
    return std::optional<Proposal>({false, {alike, error}, unlike_source, true});
  }
  FETAFIX_TRY(const double other_error, of_source.error(as_target, INFINITY));
  if (other_error <= agree_within)
    return std::optional<Proposal>(
        {true, {as_target, other_error}, {"the source is fed ", " where the target is fed "}});
  FETAFIX_TRY(const auto found, closest(trials, data::value_variations(alike)));
  if (found && found->error <= std::max(agree_within, leaves_a_fifth * std::min(error, given)))
    return std::optional<Proposal>({false, *found, takes});
  return std::optional<Proposal>();
}

// Goes on with the side fed as proposed.
Status adopt(Run& run, const std::vector<size_t>& samples, const Proposal& proposal) {
  Side& side = proposal.source ? run.pair.source : run.pair.target;
  const PreprocessSpec given = spec_of(side), &right = proposal.found.spec;
  if (data::differing_parts(given, right).empty()) return {};
  FeedTrials trials(run, side, *side.session, proposal.source ? run.target : run.source, samples);
  FETAFIX_TRY(run.feeding.faults, faults_of(run, trials, given, proposal.found, proposal.words));
  run.feeding.source = run.source;
  run.feeding.target = run.target;
  FETAFIX_TRY(
      (proposal.source ? run.result.preprocess.source_proposed : run.result.preprocess.target_proposed),
      text_for(side, right));
  if (proposal.either) {
    FETAFIX_TRY(const std::string other,
                text_for(run.pair.source, for_input_of(run.pair.source, spec_of(run.pair.target))));
    run.result.notes.push_back("if the target is fed rightly and the source is not: --source-preprocess " +
                               other);
  }
  if (!proposal.source) run.feeding.given = *side.loader->preprocessing();
  FETAFIX_CHECK(feed(side, run.pair, right));
  FETAFIX_TRY((proposal.source ? run.source : run.target),
              run_all(*side.session, side, run.count, run.options, "running with another input"));
  return {};
}

// Whether what the walk found says why the outputs differ.
bool is_explained(const Run& run) {
  return run.analysis && std::any_of(run.analysis->faults.begin(), run.analysis->faults.end(),
                                     [&](const diagnose::Fault& fault) {
                                       return !describe(*run.analysis, fault).pattern.empty();
                                     });
}

bool outputs_differ(const Run& run) {
  const auto differences = compare_outputs(run.source, run.target, run.searched(), 0);
  return differences.label_differences > 0 || differences.max_relative_error > agree_within;
}

// Whether both models run on pictures, or ran elsewhere, and what they are fed may be doubted.
bool can_be_fed_otherwise(const Run& run) {
  return !run.options.as_fed && run.pair.samples->has_images() && !run.target.empty() &&
         run.pair.source.loader && run.pair.target.loader;
}

}  // namespace

Status compare_feeding(Run& run) {
  Side &source = run.pair.source, &target = run.pair.target;
  if (run.pair.samples->has_images() && source.loader)
    run.result.preprocess.source = data::to_text(spec_of(source));
  if (run.pair.samples->has_images() && target.loader)
    run.result.preprocess.target = data::to_text(spec_of(target));
  if (!can_be_fed_otherwise(run) || !outputs_differ(run)) return {};
  FETAFIX_CHECK(run.start_evaluator());
  FETAFIX_TRY(const auto samples, telling_samples(run));
  if (!target.recorded.empty()) return explain_recorded(run, samples);
  if (!target.session || !source.session || fed_differently(run.pair).empty()) return {};
  FETAFIX_TRY(const auto proposal, propose(run, samples, for_input_of(target, spec_of(source))));
  return proposal ? adopt(run, samples, *proposal) : Status();
}

namespace {

// The target makes itself what the source is fed.
Result<std::optional<Proposal>> takes_another(Run& run, const std::vector<size_t>& samples) {
  FeedTrials trials(run, run.pair.target, *run.pair.target.session, run.source, samples);
  FETAFIX_TRY(const auto found, closest(trials, data::value_variations(spec_of(run.pair.target))));
  if (!found || found->error > agree_within) return std::optional<Proposal>();
  return std::optional<Proposal>({false, *found, takes});
}

// More operators compute what the source's compute when it is fed as the source.
Result<std::optional<Proposal>> takes_the_same(Run& run, const std::vector<size_t>& samples) {
  Side& target = run.pair.target;
  const PreprocessSpec given = spec_of(target), alike = for_input_of(target, spec_of(run.pair.source));
  FETAFIX_CHECK(feed(target, run.pair, alike));
  const auto other = analyze(*run.evaluator, run.pair, target.lifted.graph, run.walked_ids(), run.options,
                             "aligning with another input");
  FETAFIX_CHECK(feed(target, run.pair, given));
  FETAFIX_CHECK(run.go_on());
  if (!other.ok() || (run.analysis && coverage_of(**other).exact <= run.result.coverage.exact))
    return std::optional<Proposal>();
  FeedTrials trials(run, target, *target.session, run.source, samples);
  FETAFIX_TRY(const double error, trials.error(alike, INFINITY));
  return std::optional<Proposal>({false, {alike, error}, unlike_source});
}

}  // namespace

Status reconsider_feeding(Run& run) {
  Side &source = run.pair.source, &target = run.pair.target;
  const bool alike = can_be_fed_otherwise(run) && fed_differently(run.pair).empty();
  if (!can_be_fed_otherwise(run) || !run.feeding.faults.empty() || !target.session || !source.session ||
      (alike && is_explained(run)) || !outputs_differ(run))
    return {};
  FETAFIX_TRY(const auto samples, telling_samples(run));
  FETAFIX_TRY(const auto proposal, alike ? takes_another(run, samples) : takes_the_same(run, samples));
  if (!proposal) return {};
  FETAFIX_CHECK(adopt(run, samples, *proposal));
  run.result.faults.clear();
  run.runtime_faults.clear();
  run.result.notes = run.pair.notes;
  run.result.warnings = run.pair.warnings;
  return walk(run);
}

}  // namespace fetafix::pipeline
