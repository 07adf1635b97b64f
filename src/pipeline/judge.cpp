#include <algorithm>

#include "pipeline/stages.h"
#include "pipeline/validate.h"

namespace fetafix::pipeline {
namespace {

using results::Verdict;

void judge_faulty(Run& run, bool labels) {
  const auto& faults = run.analysis->faults;
  const bool sure = std::any_of(faults.begin(), faults.end(), [](const auto& f) {
    return f.edge || f.segment->state != align::State::unaligned;
  });
  if (labels)
    run.conclude(Verdict::different, "labels differ and faults were found");
  else if (sure)
    run.conclude(Verdict::latent, "labels agree, yet the target does not compute what the source computes");
  else
    run.conclude(Verdict::unknown, "some operators could not be aligned");
}

void judge_quantized(Run& run) {
  run.conclude(Verdict::quantized,
               "every operator computes what the source computes in fewer bits: " + run.precision.what);
  if (const int64_t changed = run.result.before.label_differences; changed > 0)
    run.result.warnings.push_back(std::to_string(changed) +
                                  " labels change by the rounding to fewer bits alone");
}

std::string operators_of(const std::vector<results::Fault>& faults) {
  std::string out;
  for (const results::Fault& fault : faults)
    out += (out.empty() ? "" : ", ") + fault.source_node + fault.target_node;
  return out;
}

// The conversion is right as far as fetafix reads it, and the outputs are not the same.
void judge_apart(Run& run, bool labels) {
  const std::string misread = what_is_misread(run);
  if (!misread.empty())
    run.conclude(Verdict::unknown, misread);
  else if (!run.unsteady.empty())
    run.conclude(Verdict::unknown, run.unsteady);
  else if (!run.runtime_faults.empty())
    run.conclude(
        labels ? Verdict::different : Verdict::latent,
        "every operator is the source's, and a runtime computes some otherwise than their file says: " +
            operators_of(run.runtime_faults));
  else if (labels)
    run.conclude(Verdict::different,
                 "labels differ, and no operator was found that explains it; the input may be fed "
                 "differently");
  else
    run.conclude(Verdict::unknown,
                 "outputs differ by more than rounding explains, though every operator computes as the "
                 "source's; the target's runtime may compute the file otherwise");
}

// Every operator was looked at and none was found wrong.
void judge_faultless(Run& run, bool labels) {
  const double error = run.result.before.max_relative_error;
  const bool outside = error > 8 * run.floor;
  const bool covered = fully_covered(run.result.coverage);
  if (outside && run.precision.reduced() && covered && error <= run.allowed_error())
    judge_quantized(run);
  else if (outside && (labels || covered))
    judge_apart(run, labels);
  else if (!covered)
    run.conclude(Verdict::unknown, "some operators could not be aligned or read");
  else if (const std::string misread = what_is_misread(run); !misread.empty())
    run.conclude(Verdict::unknown, misread);
  else
    run.conclude(all_identical(run.source, run.target) ? Verdict::identical : Verdict::equivalent,
                 "every operator computes what the source computes");
}

// The models were compared on the right input; what the user asked about is how they are fed.
void judge_feeding(Run& run) {
  run.result.before = compare_outputs(run.feeding.source, run.feeding.target, {}, run.noise());
  run.conclude(run.result.before.label_differences > 0 ? Verdict::different : Verdict::latent,
               run.same ? "fed rightly, the models compute the same" : "fed rightly, " + run.result.reason);
}

}  // namespace

bool fully_covered(const results::Coverage& coverage) {
  return coverage.unaligned == 0 && coverage.opaque == 0;
}

void judge(Run& run) {
  if (!run.target.empty()) run.result.before = compare_outputs(run.source, run.target, {}, run.noise());
  if (const std::string moved = moved_labels(run.source, run.target); !moved.empty())
    run.result.warnings.push_back(moved);
  const bool labels = run.result.before.label_differences > 0;
  if (!run.pair.target.broken.empty() && run.target.empty())
    run.conclude(Verdict::broken, "the target does not load or run: " + run.pair.target.broken);
  else if (!run.analysis)
    run.conclude(labels ? Verdict::different : Verdict::unknown,
                 "the models could not be aligned: " + run.unread);
  else if (!run.analysis->faults.empty())
    judge_faulty(run, labels);
  else if (!run.pair.target.defects.empty())
    run.conclude(
        labels ? Verdict::different : Verdict::latent,
        "the file is not well formed, and that it runs is luck: " + run.pair.target.defects[0].explanation);
  else
    judge_faultless(run, labels);
  const Verdict verdict = run.result.verdict;
  run.same = verdict == Verdict::identical || verdict == Verdict::equivalent || verdict == Verdict::quantized;
  if (!run.feeding.faults.empty()) judge_feeding(run);
}

}  // namespace fetafix::pipeline
