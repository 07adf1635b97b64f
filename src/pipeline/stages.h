// The stages of check, localize and repair, each in a file of its own, and what they share. run.cpp knows
// their order.
#pragma once

#include "data/preprocess_parts.h"
#include "data/split.h"
#include "pipeline/analysis.h"
#include "pipeline/arbitrate.h"
#include "pipeline/best_so_far.h"
#include "pipeline/clock.h"
#include "pipeline/permission.h"
#include "pipeline/precision.h"

namespace fetafix::pipeline {

// Operators of one side that its runtime computes otherwise than its view says.
struct Disputed {
  std::vector<Finding> runtime;  // the file is right
  std::vector<Finding> reading;  // the view is wrong, or nothing tells
  bool any() const { return !runtime.empty() || !reading.empty(); }
};

// How the samples reach the models, where that is wrong: then `Run` goes on with what is right.
struct Feeding {
  std::vector<results::Fault> faults = {};        // empty: nothing is wrong
  std::vector<Outputs> source = {}, target = {};  // what the models answered as they were fed
  std::optional<data::Preprocessing> given = {};  // how the target was fed, where that is wrong
};

// One command on one pair.
struct Run {
  Command command;
  const Options& options;
  results::Result result = {};
  Clock clock = {};
  Pair pair = {};
  size_t count = 0;  // of samples
  data::Sets sets = {};
  std::vector<size_t> walked = {};                            // the samples that the walk sees
  std::vector<Outputs> source = {}, target = {}, after = {};  // by sample; empty: could not run, or not yet
  Feeding feeding = {};
  bool same = false;  // the models, however they are fed
  Permission permission = {};
  std::unique_ptr<evaluate::Evaluator> evaluator = {};
  std::unique_ptr<Analysis> analysis = {};  // the latest
  std::string unread = {};                  // why there is no analysis
  double floor = 0;
  Disputed source_disputed = {}, target_disputed = {};
  std::vector<results::Fault> runtime_faults = {};  // those of them that the outputs show
  std::string unsteady = {};  // which side answers otherwise when it is run again, and why; empty: none
  Precision precision = {};
  BestSoFar best = {};
  bool cut_short = false;  // the search, by the time limit
  bool probed = false;     // what the search has found so far is right beyond the samples too

  // Asked between stages: within one, what was interrupted may come back as some other failure.
  Status go_on() const;
  bool out_of_time() const;
  Status start_evaluator();  // once
  void conclude(results::Verdict verdict, std::string reason);
  std::vector<SampleId> walked_ids() const { return {walked.begin(), walked.end()}; }
  // What the search may look at: all but the samples held back (them too where there are no others).
  std::vector<size_t> searched() const;
  // The samples whose values the walk sees: never those held back; first those whose outputs differ most, for
  // a fault may not show on every sample. Two tell what depends on the sample; more cost the same again each.
  std::vector<size_t> diagnosis_samples(const std::vector<Outputs>& differing) const;
  // Half of what near ties may differ by, relative to the largest score.
  double noise() const;
  // Eight floors: the floor is measured on few samples and few ways of computing.
  double allowed_error() const;
};

// open.cpp: both files, their runtimes and the samples; then both run on all of them.
Status open(Run& run);
Status run_natively(Run& run);
// feed.cpp: where the outputs differ, whether the samples reach the models otherwise than they should.
Status compare_feeding(Run& run);
// Where the walk found no explanation: whether the target takes another input than the source, for it makes
// itself what the source is fed. Then walks again.
Status reconsider_feeding(Run& run);
// The parts in which the two sides are; empty: they are fed alike, or samples are no pictures.
std::vector<data::Part> fed_differently(const Pair& pair);
// What a report says of a file.
results::ModelInfo info_of(const Side& side);
// static.cpp: in place of all that follows, for --static.
Status compare_files(Run& run);
// walk.cpp: the noise floor, the alignment and the faults.
Status walk(Run& run);
// Where nothing is wrong, what fewer bits change is no difference between the models.
Status allow_for_precision(Run& run, const Analysis& analysis, const graph::Graph& target);
// What keeps the target from loading, among the faults.
void report_defects(Run& run);
// What is wrong with how the models are fed.
void report_feeding(Run& run);
// judge.cpp: the verdict of the pair.
bool fully_covered(const results::Coverage& coverage);
void judge(Run& run);
// mend.cpp: searches for repairs, round by round, verifies what was found and writes it.
Status mend(Run& run);
// verify.cpp: the verdict of the repair, from the file as it is. `same`: there was nothing to repair.
Status verify(Run& run, const formats::NativeModel& repaired, bool same);
// probe.cpp: inputs on which a repaired file is wrong although it is right on all samples, and what shows it;
// nullopt: there are none.
struct Doubt {
  std::vector<SampleId> samples;
  std::string reason;
};
Result<std::optional<Doubt>> probe(Run& run, runtimes::Session& repaired);
// sample_list.cpp: what each sample gave, for reports.
void fill_samples(Run& run);

}  // namespace fetafix::pipeline
