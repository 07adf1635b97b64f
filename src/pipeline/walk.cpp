#include <algorithm>
#include <cstdio>

#include "pipeline/sound.h"
#include "pipeline/stages.h"
#include "pipeline/validate.h"
#include "results/sentences.h"

namespace fetafix::pipeline {
namespace {

// The floor of the run and what the result says of it. A side that its runtime computes otherwise than its
// view says does not tell how much right computations differ by.
void take_floor(Run& run, const Floor& floor) {
  auto& notes = run.result.notes;
  const auto note = [&](const std::string& what, double value) {
    char text[160];
    std::snprintf(text, sizeof text, "noise floor: %s %.2g", what.c_str(), value);
    notes.emplace_back(text);
    run.floor = std::max(run.floor, value);
  };
  const auto apart = [&](const std::string& side, double value) {
    notes.push_back("the " + side + "'s runtime and our reading of the " + side + " differ by " +
                    std::to_string(value));
  };
  const bool runs = run.pair.source.session != nullptr;
  if (runs) note("source with and without optimization", floor.unoptimized);
  if (run.source_disputed.any())
    apart("source", floor.source_viewed);
  else
    note("source against its own view", floor.source_viewed);
  if (runs) note("source, inputs disturbed in their last places", floor.disturbed);
  // A large difference there is no noise: the runtime computes the file otherwise than we read it.
  if (floor.target_viewed < 1e-3 && !run.target_disputed.any())
    note("target against its own view", floor.target_viewed);
  else
    apart("target", floor.target_viewed);
  if (floor.view_failed) notes.emplace_back("a view could not be evaluated whole");
}

// Why a side answers otherwise when it is run again; empty: it does not. A random operator may by chance give
// the same twice, so that it is there is enough.
std::string unsteady(const Side& side, const std::string& name, double again) {
  constexpr double threads_may_add_in_any_order = 1e-5;
  const graph::Graph& view = side.lifted.graph;
  const auto live = graph::live_nodes(view);
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(view.nodes.size()); ++id)
    if (live[static_cast<size_t>(id)] && is_random(view, view.node(id)))
      return "the " + name + " answers otherwise each time: " + names_of(view, id)[0] + " is random";
  if (again <= threads_may_add_in_any_order) return "";
  return "the " + name + " answers otherwise when it is run again";
}

void look_for_randomness(Run& run, const Floor& floor) {
  run.unsteady = unsteady(run.pair.target, "target", floor.target_again);
  if (run.unsteady.empty()) run.unsteady = unsteady(run.pair.source, "source", floor.source_again);
  if (!run.unsteady.empty()) run.result.warnings.push_back(run.unsteady);
}

// A fault at an operator that fetafix reads otherwise than its runtime is no fault of the conversion, as far
// as is known.
void drop_disputed(const Run& run, Analysis& analysis) {
  const auto misread = [](const Side& side, const Disputed& disputed, const graph::Graph& graph,
                          graph::NodeId id) {
    return id >= 0 && std::any_of(disputed.reading.begin(), disputed.reading.end(), [&](const Finding& f) {
             return side.lifted.graph.node(f.place).native == graph.node(id).native;
           });
  };
  std::erase_if(analysis.faults, [&](const diagnose::Fault& fault) {
    return misread(run.pair.source, run.source_disputed, analysis.source, fault.source_node) ||
           misread(run.pair.target, run.target_disputed, analysis.target, fault.target_node);
  });
}

bool outputs_agree(const Run& run) {
  return !run.target.empty() &&
         compare_outputs(run.source, run.target, {}, run.floor).max_relative_error <= 8 * run.floor;
}

// A runtime that computes otherwise matters where the outputs show it.
void tell_of_runtimes(Run& run, bool agree) {
  for (results::Fault& fault : runtime_faults(run)) {
    const bool explained =
        agree ||
        (run.analysis->faults.empty() && run.precision.reduced() &&
         compare_outputs(run.source, run.target, {}, run.floor).max_relative_error <= run.allowed_error());
    if (explained)
      run.result.warnings.push_back(fault.source_node + fault.target_node + ": " + fault.explanation);
    else
      run.runtime_faults.push_back(std::move(fault));
  }
  if (run.command != Command::check)
    run.result.faults.insert(run.result.faults.end(), run.runtime_faults.begin(), run.runtime_faults.end());
}

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

void report_defects(Run& run) {
  for (const auto& defect : run.pair.target.defects) run.result.faults.push_back(fault_of(defect));
}

void report_feeding(Run& run) {
  run.result.faults.insert(run.result.faults.end(), run.feeding.faults.begin(), run.feeding.faults.end());
}

Status walk(Run& run) {
  Pair& pair = run.pair;
  results::Result& result = run.result;
  report_feeding(run);
  if (pair.target.lifted.graph.outputs.empty()) {  // the target could not be read
    report_defects(run);
    return {};
  }
  FETAFIX_CHECK(run.start_evaluator());
  run.walked = run.diagnosis_samples(run.target);
  FETAFIX_TRY(const Floor floor,
              measure_floor(*run.evaluator, pair, run.walked, run.source, run.target, run.options));
  run.clock.lap(result, "floor");
  look_for_randomness(run, floor);
  FETAFIX_CHECK(validate(run, floor));
  take_floor(run, floor);
  run.clock.lap(result, "validate");
  auto analysis =
      analyze(*run.evaluator, pair, pair.target.lifted.graph, run.walked_ids(), run.options, "aligning");
  if (!analysis.ok()) {
    if (analysis.error().kind != ErrorKind::unsupported && analysis.error().kind != ErrorKind::runtime_failed)
      return std::move(analysis).error();
    run.unread = analysis.error().message;
    return {};
  }
  run.analysis = std::move(analysis).value();
  drop_disputed(run, *run.analysis);
  // An operator that could not be aligned is no fault where the outputs agree: coverage says it.
  const bool agree = outputs_agree(run);
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
    for (const auto& fault : run.analysis->faults) result.faults.push_back(describe(*run.analysis, fault));
  tell_of_runtimes(run, agree);
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
