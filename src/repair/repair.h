// The search: tries candidates on their segment alone and keeps what measurably helps. Knows no pattern by
// name.
#pragma once

#include "diagnose/diagnose.h"

namespace fetafix::repair {

enum class Outcome { accepted, partial, rejected, not_applicable };
std::string_view outcome_name(Outcome outcome);

struct Trial {
  std::vector<const faults::Candidate*> candidates;  // more than one: several faults lie at one place
  Outcome outcome = Outcome::rejected;
  double relative_error = 0;          // after the edit, the worst sample
  compare::ToleranceRatio tolerance;  // after the edit, the worst sample
  bool writable = true;               // as far as it was asked
  std::string reason;                 // why it was not accepted, or can't be written
};

struct Repair {
  const diagnose::Fault* fault = nullptr;
  std::vector<Trial> trials;
  int kept = -1;  // index of the trial whose edits are kept; -1: none helps. Not writable only if none is
  bool cut_short = false;  // stopped before all candidates were tried
};

struct Options {
  std::function<void(size_t done, size_t total)> progress;
  std::function<bool()> stop;  // asked before each trial: true makes no more
  // Whether the target's format can express these edits, behind those kept before; asked of what is accepted.
  std::function<Status(const std::vector<graph::EditGroup>&)> writable;
  std::function<void(const Repair&)> on_kept;  // told of each repair that is kept, as soon as it is
};

// One Repair for each fault, in order. `target` is the canonical form that `faults` were found in.
Result<std::vector<Repair>> search(evaluate::Evaluator& evaluator, const graph::Graph& target,
                                   const align::SourceValues& values, const align::Alignment& alignment,
                                   const std::vector<diagnose::Fault>& faults, const Options& options);

// The kept edits, one group for each fault that lies there. None: nothing is kept.
std::vector<graph::EditGroup> edits_of(const Repair& repair);

}  // namespace fetafix::repair
