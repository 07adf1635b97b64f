// The walk over a pair: source values on a few samples, alignment, faults, coverage.
#pragma once

#include <algorithm>
#include <map>

#include "align/canonical.h"
#include "diagnose/diagnose.h"
#include "pipeline/native.h"
#include "repair/repair.h"

namespace fetafix::pipeline {

// Types of the nodes that an operator of a file is in its view, the core's first: canonical forms take some
// apart.
using ViewTypes = std::map<graph::NativeOperator, std::vector<std::string>>;

// Where to walk and with what; outlives the Analysis.
struct Analysis {
  graph::Graph source;  // canonical forms
  graph::Graph target;
  ViewTypes source_types, target_types;
  std::unique_ptr<align::SourceValues> values;
  align::Alignment alignment;
  std::vector<diagnose::Fault> faults;
};

// The source's view evaluated on the given samples (at least two; see `diagnosis_samples`).
Result<std::vector<evaluate::Feeds>> evaluate_view(evaluate::Evaluator& evaluator, const graph::Graph& view,
                                                   const std::vector<evaluate::Feeds>& inputs,
                                                   const Budget& budget);

// View inputs of one side for one sample.
Result<evaluate::Feeds> view_inputs(const Side& side, const graph::Graph& view,
                                    const std::vector<Tensor>& tensors);

// What the view of a side computes.
Result<Outputs> run_view(evaluate::Evaluator& evaluator, const Side& side,
                         const std::vector<Tensor>& tensors);

// Aligns `target` (a lift of the target file or of its repaired form) on the diagnosis inputs; `step_by_step`
// as in align::WalkOptions.
Result<std::unique_ptr<Analysis>> analyze(evaluate::Evaluator& evaluator, const Pair& pair,
                                          const graph::Graph& target, const std::vector<SampleId>& samples,
                                          const Options& options, const std::string& stage,
                                          bool step_by_step = false);

// What an operator is called: its own name and those of its outputs, as the file has them, and the words that
// results name it with ("Conv #12 'stem'").
std::vector<std::string> names_of(const graph::Graph& graph, graph::NodeId id);

results::Coverage coverage_of(const Analysis& analysis);
std::vector<results::DepthPoint> depth_of(const Analysis& analysis);
// A place that is wrong, by its likeliest explanation.
results::Fault describe(const Analysis& analysis, const diagnose::Fault& fault);
// The faults that lie there: one for each of the edits that are kept, or one that says what was tried.
std::vector<results::Fault> describe(const Analysis& analysis, const diagnose::Fault& fault,
                                     const repair::Repair& repair);

// floor.cpp: how far right computations of the pair lie apart by themselves, relative to the largest output:
// the source's runtime with and without optimization, its view in the evaluator, inputs disturbed in their
// last places, and the target's runtime against the target's own view.
struct Floor {
  double unoptimized = 0;  // the source's runtime with itself
  double disturbed = 0;
  double source_viewed = 0;  // a file's outputs from its view's
  double target_viewed = 0;
  double source_again = 0, target_again = 0;  // ... from its own, run once more
  bool view_failed = false;
  // Of the source's runtime alone.
  double runs() const { return std::max(unoptimized, disturbed); }
};
Result<Floor> measure_floor(evaluate::Evaluator& evaluator, const Pair& pair,
                            const std::vector<size_t>& samples, const std::vector<Outputs>& source,
                            const std::vector<Outputs>& target, const Options& options);

}  // namespace fetafix::pipeline
