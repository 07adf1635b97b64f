// The search: tries candidates on their segment alone and keeps what measurably helps. Knows no pattern by
// name.
#pragma once

#include "diagnose/diagnose.h"

namespace fetafix::repair {

enum class Outcome { accepted, partial, rejected, not_applicable };
std::string_view outcome_name(Outcome outcome);

struct Trial {
  const faults::Candidate* candidate = nullptr;
  Outcome outcome = Outcome::rejected;
  double relative_error = 0;          // after the edit, the worst sample
  compare::ToleranceRatio tolerance;  // after the edit, the worst sample
  std::string reason;                 // why it was not accepted
};

struct Repair {
  const diagnose::Fault* fault = nullptr;
  std::vector<Trial> trials;
  int kept = -1;  // index of the trial whose edits are kept; -1: none helps
};

struct Options {
  std::function<void(size_t done, size_t total)> progress;
};

// One Repair for each fault, in order. `target` is the canonical form that `faults` were found in.
Result<std::vector<Repair>> search(evaluate::Evaluator& evaluator, const graph::Graph& target,
                                   const align::SourceValues& values, const align::Alignment& alignment,
                                   const std::vector<diagnose::Fault>& faults, const Options& options);

// The kept edits, one group for each fault. Fingerprints are for the caller to fill in.
graph::Patch patch_of(const std::vector<Repair>& repairs);

}  // namespace fetafix::repair
