// Which faults may be repaired: --allow and --forbid, whose words are classes of faults or operators of
// either file by their names.
#pragma once

#include "pipeline/analysis.h"

namespace fetafix::pipeline {

class Permission {
 public:
  // Error kind usage: a word that is none of these; names what may have been meant.
  static Result<Permission> make(const Options& options, const Pair& pair);

  bool limits() const { return !allowed_.empty() || !forbidden_.empty(); }
  // Why the candidate may not be tried; empty: it may.
  std::string objection(const Analysis& analysis, const diagnose::Fault& fault,
                        const faults::Candidate& candidate) const;

 private:
  std::vector<std::string> allowed_;
  std::vector<std::string> forbidden_;
};

// Faults with those of their candidates that may be tried, and why others may not (the first reason; empty:
// all may).
struct Permitted {
  std::vector<diagnose::Fault> faults;
  std::vector<std::string> objections;
};
Permitted permitted(const Permission& permission, const Analysis& analysis);

}  // namespace fetafix::pipeline
