// Whether the outputs differ because samples become inputs otherwise on the two sides, and how they should.
#include <algorithm>
#include <cmath>

#include "data/preprocess_parts.h"
#include "pipeline/certainty.h"
#include "pipeline/familiarity.h"
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

// Changes the values and the geometry in turn as long as that comes closer. Either may hide the other, so both
// are begun with.
Result<std::optional<Found>> closest_of_all(FeedTrials& trials, const PreprocessSpec& base) {
  constexpr int most_turns = 6;
  FETAFIX_TRY(const double error, trials.error(base, INFINITY));
  Found best{base, error};
  for (const bool values_first : {true, false}) {
    Found at{base, error};
    for (int turn = 0, idle = 0; turn < most_turns && idle < 2 && best.error > agree_within; ++turn) {
      const bool values = (turn % 2 == 0) == values_first;
      FETAFIX_TRY(const auto next, closest(trials, values ? data::value_variations(at.spec)
                                                          : data::geometry_variations(at.spec, trials.side())));
      const bool nearer = next && next->error < at.error;
      idle = nearer ? 0 : idle + 1;
      if (nearer) at = *next;
      if (at.error < best.error) best = at;
    }
  }
  return std::optional(best);
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
  const char *fed, *in_place_of, *end = "";
};

std::string input_of(const Side& side) {
  return "input '" + side.loader->preprocessing()->input.name + "'";
}

// One fault for each part of the preprocessing that matters.
Result<std::vector<results::Fault>> faults_of(const Run& run, FeedTrials& trials, const PreprocessSpec& wrong, const Found& right,
                                              const Words& words) {
  std::vector<results::Fault> out;
  const auto parts = data::differing_parts(wrong, right.spec);
  for (const data::Part part : parts) {
    FETAFIX_TRY(const double alone, trials.error(data::with_part(right.spec, part, wrong), INFINITY));
    if (parts.size() > 1 && alone <= right.error + agree_within / 10) continue;  // no difference to this model
    results::Fault fault;
    fault.fault_class = "preprocessing";
    fault.pattern = data::mistake_name(part, wrong, right.spec);
    fault.source_node = input_of(run.pair.source);
    fault.target_node = input_of(run.pair.target);
    fault.explanation = words.fed + data::part_text(part, wrong) + words.in_place_of +
                        data::part_text(part, right.spec) + words.end;
    fault.advice = "hand the preprocessing over with the model, and feed both models one array to compare them";
    if (std::isfinite(alone))
      fault.evidence.push_back({"relative error with this alone wrong", alone, "", ""});
    fault.evidence.push_back({"relative error with all of it right", right.error, "", ""});
    fault.confidence = right.error <= agree_within ? 0.99 : 0.8;
    out.push_back(std::move(fault));
  }
  return out;
}

// The recorded outputs are what a model computes from some input; which one? The model is the target itself
// where a runtime for it is at hand, else the source.
class Recorded {
 public:
  Recorded(Run& run, std::vector<size_t> samples) : run_(run), samples_(std::move(samples)) {}

  Status explain() {
    auto session = load_native(target(), target().path, run_.options);
    if (session.ok()) session_ = std::move(session).value();
    if (!session_ && !source().session) return {};
    own_ = for_input_of(model(), spec_of(source()));
    FeedTrials trials(run_, model(), this->session(), run_.target, samples_);
    FETAFIX_TRY(const auto found, closest_of_all(trials, for_input_of(model(), spec_of(target()))));
    if (!found || data::differing_parts(found->spec, own_).empty()) return {};
    if (found->error > agree_within && found->error > leaves_a_fifth * worst_error(run_, samples_)) return {};
    return tell(trials, *found);
  }

 private:
  Side& source() { return run_.pair.source; }
  Side& target() { return run_.pair.target; }
  Side& model() { return session_ ? target() : source(); }
  runtimes::Session& session() { return session_ ? *session_ : *source().session; }

  Status tell(FeedTrials& trials, const Found& found) {
    std::vector<Outputs> right(run_.count);
    for (size_t i : samples_) {
      FETAFIX_TRY(right[i], trials.answer(own_, i));
    }
    FeedTrials again(run_, model(), session(), right, samples_);
    FETAFIX_TRY(run_.feeding.faults,
                faults_of(run_, again, found.spec, {own_, found.error},
                          {session_ ? "the recorded outputs are what the target computes when it is fed "
                                    : "the recorded outputs are what the source computes when it is fed ",
                           " in place of "}));
    FETAFIX_TRY(run_.result.preprocess.target, text_for(target(), for_input_of(target(), found.spec)));
    FETAFIX_TRY(run_.result.preprocess.target_proposed, text_for(target(), for_input_of(target(), own_)));
    run_.feeding.source = run_.source;
    run_.feeding.target = run_.target;
    return go_on_with(found.spec);
  }

  // All that follows is about the models: both get the right input, or that of the recorded outputs.
  Status go_on_with(const PreprocessSpec& spec) {
    if (session_) {
      FETAFIX_CHECK(feed(target(), run_, own_));
      target().session = std::move(session_);
      target().recorded.clear();
      FETAFIX_TRY(run_.target, run_all(*target().session, target(), run_.count, run_.options,
                                       "running the target on another input"));
      return {};
    }
    FETAFIX_CHECK(feed(target(), run_, for_input_of(target(), spec)));
    FETAFIX_CHECK(feed(source(), run_, spec));
    FETAFIX_TRY(run_.source, run_all(*source().session, source(), run_.count, run_.options,
                                     "running the source on another input"));
    return {};
  }

  Run& run_;
  std::vector<size_t> samples_;
  std::unique_ptr<runtimes::Session> session_ = {};  // of the target
  PreprocessSpec own_ = {};                          // of the source, for the model's input
};

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

Result<Suspicion> suspect(Run& run, FeedTrials& of_source, const PreprocessSpec& as_target) {
  constexpr size_t most_samples = 8;
  std::vector<std::vector<Tensor>> by_source, by_target;
  const auto samples = run.searched();
  // Where in the picture the numbers stand says nothing to a normalization.
  const auto parts = data::differing_parts(spec_of(run.pair.source), as_target);
  const bool telling = std::ranges::any_of(
      parts, [](data::Part part) { return part == data::Part::values || part == data::Part::channels; });
  for (size_t i = 0; telling && i < std::min(most_samples, samples.size()); ++i) {
    FETAFIX_TRY(Tensor s, of_source.input(spec_of(run.pair.source), samples[i]));
    FETAFIX_TRY(Tensor t, of_source.input(as_target, samples[i]));
    by_source.push_back({std::move(s)});
    by_target.push_back({std::move(t)});
  }
  FETAFIX_TRY(const auto source, unfamiliarity(*run.evaluator, run.pair.source, by_source));
  FETAFIX_TRY(const auto target, unfamiliarity(*run.evaluator, run.pair.source, by_target));
  if (telling && source && target && is_less_familiar(*source, *target))
    return Suspicion{true, "; the model's normalizations were trained on the latter"};
  if (telling && source && target && is_less_familiar(*target, *source)) return Suspicion{};
  if (is_more_certain(run.target, run.source)) return Suspicion{true, "; the target's answers are more certain and varied"};
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
      return std::optional<Proposal>({true,
                                      {as_target, error},
                                      {"the source is fed ", " where the target is fed ", suspicion.because}});
    return std::optional<Proposal>(
        {false, {alike, error}, {"the target is fed ", " where the source is fed "}, true});
  }
  const Words takes{"the target is fed ", "; it takes "};
  FETAFIX_TRY(const double other_error, of_source.error(as_target, INFINITY));
  if (other_error <= agree_within) return std::optional<Proposal>(
        {true, {as_target, other_error}, {"the source is fed ", " where the target is fed "}});
  FETAFIX_TRY(const auto found, closest(trials, data::value_variations(alike)));
  if (found && found->error <= agree_within) return std::optional<Proposal>({false, *found, takes});
  if (found && found->error <= leaves_a_fifth * std::min(error, given))
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
  FETAFIX_TRY((proposal.source ? run.result.preprocess.source_proposed : run.result.preprocess.target_proposed),
              text_for(side, right));
  if (proposal.either) {
    FETAFIX_TRY(const std::string other,
                text_for(run.pair.source, for_input_of(run.pair.source, spec_of(run.pair.target))));
    run.result.notes.push_back("if the target is fed rightly and the source is not: --source-preprocess " + other);
  }
  if (!proposal.source) run.feeding.given = *side.loader->preprocessing();
  FETAFIX_CHECK(feed(side, run, right));
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

// Whether both models run on pictures, or ran elsewhere, and the user lets what they are fed be doubted.
bool can_be_fed_otherwise(const Run& run) {
  return !run.permission.forbids("preprocessing") && run.pair.samples->has_images() && !run.target.empty() && run.pair.source.loader &&
         run.pair.target.loader;
}

}  // namespace

Status compare_feeding(Run& run) {
  if (!can_be_fed_otherwise(run)) return {};
  Side &source = run.pair.source, &target = run.pair.target;
  run.result.preprocess.source = data::to_text(spec_of(source));
  run.result.preprocess.target = data::to_text(spec_of(target));
  if (!outputs_differ(run)) return {};
  FETAFIX_CHECK(run.start_evaluator());
  const auto samples = run.diagnosis_samples(run.target);
  if (!target.recorded.empty()) return Recorded(run, samples).explain();
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
  return std::optional<Proposal>({false, *found, {"the target is fed ", "; it takes "}});
}

// More operators compute what the source's compute when it is fed as the source.
Result<std::optional<Proposal>> takes_the_same(Run& run, const std::vector<size_t>& samples) {
  Side& target = run.pair.target;
  const PreprocessSpec given = spec_of(target), alike = for_input_of(target, spec_of(run.pair.source));
  FETAFIX_CHECK(feed(target, run, alike));
  const auto other = analyze(*run.evaluator, run.pair, target.lifted.graph, run.walked_ids(), run.options,
                             "aligning with another input");
  FETAFIX_CHECK(feed(target, run, given));
  FETAFIX_CHECK(run.go_on());
  if (!other.ok() || (run.analysis && coverage_of(**other).exact <= run.result.coverage.exact))
    return std::optional<Proposal>();
  FeedTrials trials(run, target, *target.session, run.source, samples);
  FETAFIX_TRY(const double error, trials.error(alike, INFINITY));
  return std::optional<Proposal>({false, {alike, error}, {"the target is fed ", " where the source is fed "}});
}

}  // namespace

Status reconsider_feeding(Run& run) {
  Side &source = run.pair.source, &target = run.pair.target;
  const bool alike = can_be_fed_otherwise(run) && fed_differently(run.pair).empty();
  if (!can_be_fed_otherwise(run) || !run.feeding.faults.empty() || !target.session || !source.session ||
      (alike && is_explained(run)) || !outputs_differ(run))
    return {};
  const auto samples = run.diagnosis_samples(run.target);
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
