// localize --static: both files are read and compared, and nothing is run.
#include "diagnose/static.h"

#include <map>

#include "pipeline/sound.h"
#include "pipeline/stages.h"

namespace fetafix::pipeline {
namespace {

using diagnose::Likeness;
using results::Verdict;

Status open_source(Side& side, const std::string& path) {
  side.path = path;
  FETAFIX_TRY(side.model, formats::read_model(path));
  auto lifted = side.model->lift();
  if (!lifted.ok()) return in_context(path, std::move(lifted).error());
  side.lifted = std::move(lifted).value();
  return {};
}

// What can't be read as a model is mended as far as the file alone says how.
Status open_target(Pair& pair, const Options& options) {
  Side& side = pair.target;
  side.path = options.target;
  FETAFIX_TRY(side.model, formats::read_model(side.path));
  auto lifted = side.model->lift();
  if (lifted.ok())
    side.lifted = std::move(lifted).value();
  else
    side.broken = lifted.error().message;
  FETAFIX_CHECK(make_sound(pair, options));
  if (side.lifted.graph.outputs.empty())
    return in_context(side.path,
                      lifted.ok() ? Error{ErrorKind::file, "a model without outputs"} : lifted.error());
  return {};
}

results::Fault fault_of(const diagnose::StaticDifference& difference, const graph::Graph& source,
                        const graph::Graph& target) {
  const auto name = [](const graph::Graph& graph, graph::NodeId id) {
    return id < 0 ? std::string() : names_of(graph, id)[0];
  };
  results::Fault out;
  out.fault_class = difference.fault_class;
  out.pattern = difference.pattern;
  out.source_node = name(source, difference.source_node);
  out.target_node = name(target, difference.target_node);
  out.explanation = difference.explanation;
  out.confidence = difference.confidence;
  if (difference.distance > 0)
    out.evidence.push_back({"relative distance", difference.distance, "", "of the stored numbers"});
  return out;
}

// By native operator: what differs counts more than what can't be told.
results::Coverage coverage_of(const diagnose::StaticComparison& comparison, const graph::Graph& target) {
  std::map<graph::NativeOperator, Likeness> worst;
  for (const auto& [node, likeness] : comparison.operators) {
    auto [it, added] = worst.try_emplace(target.node(node).native, likeness);
    if (!added && it->second != Likeness::differs && likeness != Likeness::same) it->second = likeness;
  }
  results::Coverage out;
  for (const auto& [op, likeness] : worst) {
    ++out.target_operators;
    out.exact += likeness == Likeness::same;
    out.faulty += likeness == Likeness::differs;
    out.unaligned += likeness == Likeness::unknown;
  }
  return out;
}

void judge_files(Run& run, const diagnose::StaticComparison& comparison) {
  const auto left = static_cast<int64_t>(comparison.source_left);
  const int64_t unaligned = run.result.coverage.unaligned;
  if (unaligned > 0 || left > 0 || comparison.outputs_unknown)
    run.conclude(Verdict::unknown, "nothing was run, and from the files alone " + std::to_string(unaligned) +
                                       " operators of the target and " + std::to_string(left) +
                                       " more of the source can't be compared; " +
                                       std::to_string(comparison.differences.size()) +
                                       " differences were found");
  else if (comparison.differences.empty() && comparison.fewer_bits)
    run.conclude(
        Verdict::unknown,
        "nothing was run; the files differ by no more than storing numbers in fewer bits explains, and "
        "whether all of it is that rounding only a run can tell");
  else if (comparison.differences.empty())
    run.conclude(Verdict::equivalent,
                 "every operator has its counterpart with the same stored numbers and attributes");
  else
    run.conclude(Verdict::different, "stored numbers, attributes or operators differ");
}

}  // namespace

Status compare_files(Run& run) {
  FETAFIX_CHECK(open_source(run.pair.source, run.options.source));
  FETAFIX_CHECK(open_target(run.pair, run.options));
  run.result.files_alone = true;
  run.result.source = info_of(run.pair.source);
  run.result.target = info_of(run.pair.target);
  for (const auto& text : run.pair.source.lifted.notes) run.result.notes.push_back("source: " + text);
  for (const auto& text : run.pair.target.lifted.notes) run.result.notes.push_back("target: " + text);
  run.clock.lap(run.result, "open");
  const graph::Graph source = align::canonical(run.pair.source.lifted.graph);
  const graph::Graph target = align::canonical(run.pair.target.lifted.graph);
  const auto comparison = diagnose::compare_static(source, target);
  report_defects(run);
  for (const auto& difference : comparison.differences)
    run.result.faults.push_back(fault_of(difference, source, target));
  run.result.coverage = coverage_of(comparison, target);
  if (run.pair.target.broken.empty())
    judge_files(run, comparison);
  else
    run.conclude(Verdict::broken, "the target can't be read as a model: " + run.pair.target.broken);
  run.clock.lap(run.result, "align");
  return {};
}

}  // namespace fetafix::pipeline
