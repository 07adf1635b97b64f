#include <algorithm>
#include <cmath>
#include <set>

#include "pipeline/stages.h"

namespace fetafix::pipeline {
namespace {

using results::Verdict;

void compare_after(Run& run) {
  run.result.after = compare_outputs(run.source, run.after, {}, run.noise());
  run.result.held_back_after = compare_outputs(run.source, run.after, run.sets.verdict, run.noise());
  if (run.sets.verdict.empty()) run.result.held_back_after->samples = 0;
}

// Fixed: kept, and the second walk no longer complains about that operator.
void mark_fixed(results::Result& result, const Analysis& again) {
  std::set<std::string> still;
  for (const auto& fault : again.faults) still.insert(describe(again, fault).source_node);
  still.erase("");  // what only the target has
  for (results::Fault& fault : result.faults) fault.fixed = fault.fixed && !still.contains(fault.source_node);
  for (const auto& point : depth_of(again))
    for (auto& before : result.depth)
      if (before.operator_index == point.operator_index && before.type == point.type)
        before.relative_error_after = point.relative_error;
}

// What an earlier round took for a fault, beside another one that was mended later.
void drop_mistaken(results::Result& result) {
  std::erase_if(result.faults, [](const results::Fault& fault) {
    return !fault.fixed && fault.edits == 0 && fault.left_because.empty() && fault.fault_class != "runtime" &&
           fault.fault_class != "preprocessing";
  });
}

void conclude(Run& run, const Analysis& again) {
  const auto& after = *run.result.after;
  const bool clean =
      after.label_differences <= after.near_ties && after.max_relative_error <= run.allowed_error();
  const size_t found = run.result.faults.size() - run.runtime_faults.size();
  // Fewer faults are no gain where more answers are wrong. What did not run before answered nothing.
  const bool worse =
      run.pair.target.broken.empty() && after.label_differences > run.result.before.label_differences;
  if (again.faults.empty() && fully_covered(run.result.coverage) && clean) {
    drop_mistaken(run.result);
    run.conclude(Verdict::repaired,
                 "every operator computes what the source computes, on held back samples too");
  } else if (worse) {
    run.conclude(Verdict::not_repaired, "with what could be mended more labels differ than before");
  } else if (std::isfinite(after.max_relative_error) &&  // else not even the outputs have the same sizes
             (again.faults.size() < found || after.label_differences < run.result.before.label_differences)) {
    run.conclude(Verdict::improved,
                 std::to_string(again.faults.size()) + " of " + std::to_string(found) + " faults remain");
  } else {
    const auto& faults = run.result.faults;
    const auto left = std::find_if(faults.begin(), faults.end(),
                                   [](const results::Fault& f) { return !f.left_because.empty(); });
    const std::string helpless = run.pair.target.broken.empty()
                                     ? "nothing that was tried helps"
                                     : "the target does not load or run, and nothing that was tried helps";
    run.conclude(Verdict::not_repaired,
                 left == faults.end() ? helpless : "left as it is: " + left->left_because);
  }
}

}  // namespace

Status verify(Run& run, const formats::NativeModel& repaired, bool same) {
  const auto not_repaired = [&](const std::string& reason) {
    run.conclude(Verdict::not_repaired, reason);
    return Status();
  };
  FETAFIX_TRY(auto tried, write_and_load(run.pair.target, repaired, run.options));
  auto& session = tried.session;
  if (!session.ok()) return not_repaired("the repaired file does not load: " + session.error().message);
  auto outputs = run_all(**session, run.pair.target, run.count, run.options, "verifying");
  if (!outputs.ok()) return not_repaired("the repaired file does not run: " + outputs.error().message);
  run.after = std::move(outputs).value();
  compare_after(run);
  if (same) {
    run.conclude(Verdict::repaired,
                 "the models are the same already: the output is a copy and the patch is empty");
    return {};
  }
  FETAFIX_TRY(auto lifted, lift_in_order(run.pair.target, repaired));
  FETAFIX_TRY(auto again, analyze(*run.evaluator, run.pair, lifted.graph, run.walked_ids(), run.options,
                                  "checking the repair"));
  run.result.coverage = coverage_of(*again);
  FETAFIX_CHECK(allow_for_precision(run, *again, lifted.graph));
  compare_after(run);
  mark_fixed(run.result, *again);
  conclude(run, *again);
  if (run.result.verdict != Verdict::repaired || run.probed) return {};
  FETAFIX_TRY(const auto doubt, probe(run, **session));
  if (doubt) run.conclude(Verdict::improved, doubt->reason);
  return {};
}

}  // namespace fetafix::pipeline
