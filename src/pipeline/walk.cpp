#include <algorithm>

#include "pipeline/sound.h"
#include "pipeline/stages.h"

namespace fetafix::pipeline {

void report_defects(Run& run) {
  for (const auto& defect : run.pair.target.defects) run.result.faults.push_back(fault_of(defect));
}

namespace {

// Where the samples show nothing, what is made of them may.
Status look_beyond_samples(Run& run) {
  if (!run.analysis->faults.empty() || !run.pair.target.session) return {};
  FETAFIX_TRY(const auto doubt, probe(run, *run.pair.target.session));
  if (!doubt) return {};
  auto found = analyze(*run.evaluator, run.pair, run.pair.target.lifted.graph, doubt->samples, run.options,
                       "aligning on other inputs");
  if (!found.ok() || (*found)->faults.empty()) return {};
  run.analysis = std::move(found).value();
  run.result.warnings.push_back(doubt->reason);
  return {};
}

}  // namespace

Status walk(Run& run) {
  Pair& pair = run.pair;
  results::Result& result = run.result;
  if (pair.target.lifted.graph.outputs.empty()) {  // the target could not be read
    report_defects(run);
    return {};
  }
  FETAFIX_TRY(run.evaluator, evaluate::make_evaluator({run.options.threads, run.options.interrupted}));
  run.walked = run.diagnosis_samples(run.target);
  FETAFIX_TRY(const Floor floor,
              measure_floor(*run.evaluator, pair, run.walked, run.source, run.target, run.options));
  run.floor = floor.relative;
  result.notes.insert(result.notes.end(), floor.notes.begin(), floor.notes.end());
  run.clock.lap(result, "floor");
  auto analysis =
      analyze(*run.evaluator, pair, pair.target.lifted.graph, run.walked_ids(), run.options, "aligning");
  if (!analysis.ok()) {
    if (analysis.error().kind != ErrorKind::unsupported && analysis.error().kind != ErrorKind::runtime_failed)
      return std::move(analysis).error();
    run.unread = analysis.error().message;
    return {};
  }
  run.analysis = std::move(analysis).value();
  // An operator that could not be aligned is no fault where the outputs agree: coverage says it.
  const bool agree =
      !run.target.empty() &&
      compare_outputs(run.source, run.target, {}, run.floor).max_relative_error <= 8 * run.floor;
  if (agree)
    std::erase_if(run.analysis->faults, [](const diagnose::Fault& f) {
      return f.segment && f.segment->state == align::State::unaligned;
    });
  FETAFIX_CHECK(allow_for_precision(run, *run.analysis, pair.target.lifted.graph));
  if (agree) FETAFIX_CHECK(look_beyond_samples(run));
  result.coverage = coverage_of(*run.analysis);
  result.depth = depth_of(*run.analysis);
  if (run.command != Command::check) report_defects(run);
  if (run.command != Command::check)
    for (const auto& fault : run.analysis->faults)
      result.faults.push_back(describe(*run.analysis, fault, nullptr));
  run.clock.lap(result, "align");
  return {};
}

Status allow_for_precision(Run& run, const Analysis& analysis, const graph::Graph& target) {
  run.precision = {};
  if (!analysis.faults.empty()) return {};
  auto measured = measure_precision(*run.evaluator, run.pair, target, run.walked, run.source);
  if (!measured.ok() && measured.error().kind == ErrorKind::interrupted) return std::move(measured).error();
  if (measured.ok()) run.precision = std::move(measured).value();
  return {};
}

}  // namespace fetafix::pipeline
