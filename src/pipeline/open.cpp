#include <set>

#include "pipeline/output_order.h"
#include "pipeline/recorded.h"
#include "pipeline/stages.h"

namespace fetafix::pipeline {
namespace {

// What the files and all outputs will take; outputs of unknown size are not counted.
Status reserve(Run& run) {
  Budget& budget = run.pair.budget;
  const auto parameters =
      static_cast<size_t>(run.result.source.parameter_bytes + run.result.target.parameter_bytes);
  FETAFIX_CHECK(budget.hold("the models", 2 * parameters, "raise it"));  // the file, and its view
  size_t outputs = 0;
  for (const Side* side : {&run.pair.source, &run.pair.target})
    for (graph::ValueId id : side->lifted.graph.outputs) {
      const graph::Value& value = side->lifted.graph.value(id);
      const auto elements = value.shape ? element_count(*value.shape) : std::nullopt;
      const bool repaired_too = run.command == Command::repair && side == &run.pair.target;
      outputs +=
          static_cast<size_t>(elements.value_or(0)) * element_size(value.dtype) * (repaired_too ? 2 : 1);
    }
  return budget.hold("the outputs of " + std::to_string(run.count) + " samples", outputs * run.count,
                     "raise it, or take fewer samples (--limit)");
}

Result<std::vector<Outputs>> outputs_of(const Run& run, const Side& side, const std::string& stage,
                                        double& loading) {
  if (!side.recorded.empty()) return read_recorded(side.recorded, side.lifted.graph, run.count);
  return run_all(*side.session, side, run.count, run.options, stage, &loading);
}

}  // namespace

results::ModelInfo info_of(const Side& side) {
  results::ModelInfo out;
  out.path = side.given.empty() ? side.path : side.given;
  out.format = side.model->format();
  out.sha256 = side.model->sha256();
  std::set<graph::NativeOperator> operators;
  for (const auto& node : side.lifted.graph.nodes) operators.insert(node.native);
  out.operators = static_cast<int64_t>(operators.size());
  for (const auto& value : side.lifted.graph.values)
    out.parameter_bytes += static_cast<int64_t>(value.constant.byte_size());
  out.runtime = side.runtime_name;
  out.runtime_version = side.runtime_version;
  return out;
}

Status open(Run& run) {
  FETAFIX_TRY(run.pair, open_pair(run.options));
  run.result.source = info_of(run.pair.source);
  run.result.target = info_of(run.pair.target);
  run.result.notes = run.pair.notes;
  run.result.warnings = run.pair.warnings;
  FETAFIX_TRY(run.permission, Permission::make(run.options, run.pair));
  run.count = run.pair.samples->samples().size();
  run.sets = data::split(run.pair.samples->originals(), run.options.seed, run.options.held_back);
  run.result.samples = static_cast<int64_t>(run.count);
  run.result.held_back = static_cast<int64_t>(run.sets.verdict.size());
  FETAFIX_CHECK(reserve(run));
  run.clock.lap(run.result, "open");
  return {};
}

Status run_natively(Run& run) {
  Pair& pair = run.pair;
  double loading = 0;  // decoding and preprocessing are no runs of a model
  FETAFIX_TRY(run.source, outputs_of(run, pair.source, "running the source", loading));
  if (pair.target.session || !pair.target.recorded.empty()) {
    auto target = outputs_of(run, pair.target, "running the target", loading);
    if (target.ok())
      run.target = std::move(target).value();
    else if (target.error().kind == ErrorKind::runtime_failed && pair.target.command.empty()) {
      pair.target.broken = target.error().message;
      FETAFIX_CHECK(reopen_broken(pair, run.options));
    } else
      return std::move(target).error();
  }
  pair_outputs_by_value(run);
  run.clock.lap(run.result, "check");
  Clock::move(run.result, loading, "check", "samples");
  return {};
}

}  // namespace fetafix::pipeline
