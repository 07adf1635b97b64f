#include "pipeline/analysis.h"

#include <algorithm>
#include <map>

#include "graph/label.h"
#include "pipeline/opaque_values.h"

namespace fetafix::pipeline {
namespace {

using graph::NodeId;
using graph::ValueId;

ViewTypes types_of(const graph::Graph& view) {
  ViewTypes out;
  for (const graph::Node& node : view.nodes) {
    if (node.role == graph::Role::bridge || node.role == graph::Role::constant) continue;
    auto& types = out[node.native];
    types.insert(node.role == graph::Role::core ? types.begin() : types.end(), node.type);
  }
  return out;
}

// What users know a node as: a part that a canonical form made of an operator is that operator.
const std::string& type_of(const graph::Node& node, const ViewTypes& types) {
  const auto found = types.find(node.native);
  if (found == types.end() || std::ranges::count(found->second, node.type) > 0) return node.type;
  return found->second[0];
}

std::string place_name(const graph::Graph& graph, NodeId id, const ViewTypes& types = {}) {
  if (id < 0) return "";
  const graph::Node& node = graph.node(id);
  std::string name = node.name;
  if (name.empty())
    for (ValueId out : node.outputs)
      if (name.empty() && out != graph::no_value) name = graph.value(out).native_name;
  return graph::operator_label(type_of(node, types), node.native.index, name);
}

// Its outputs came with the inputs: see opaque_values.h.
bool is_given(const graph::Node& node, const std::vector<evaluate::Feeds>& inputs) {
  return node.opaque && std::ranges::all_of(node.outputs, [&](ValueId out) {
           return out == graph::no_value || inputs[0].contains(out);
         });
}

// At least two inputs, for evidence: of a single sample its mirror image, too.
Result<std::vector<std::vector<Tensor>>> tensors_of(const Side& side, const std::vector<SampleId>& samples) {
  std::vector<std::vector<Tensor>> out;
  for (const SampleId& i : samples) {
    FETAFIX_TRY(auto tensors, load_sample(side, i));
    out.push_back(std::move(tensors));
  }
  if (out.size() == 1) out.push_back(derived(out[0], Derivation::mirrored));
  return out;
}

Result<std::vector<evaluate::Feeds>> all_inputs(const Side& side, const graph::Graph& view,
                                                const std::vector<std::vector<Tensor>>& tensors) {
  std::vector<evaluate::Feeds> out;
  for (const auto& one : tensors) {
    FETAFIX_TRY(auto feeds, view_inputs(side, view, one));
    out.push_back(std::move(feeds));
  }
  return out;
}

}  // namespace

Result<Outputs> run_view(evaluate::Evaluator& evaluator, const Side& side,
                         const std::vector<Tensor>& tensors) {
  const graph::Graph& view = side.lifted.graph;
  FETAFIX_TRY(auto feeds, view_inputs(side, view, tensors));
  std::vector<NodeId> nodes;
  const auto live = graph::live_nodes(view);
  for (NodeId id = 0; id < static_cast<NodeId>(view.nodes.size()); ++id)
    if (live[static_cast<size_t>(id)]) nodes.push_back(id);
  return evaluator.run(view, nodes, feeds, view.outputs);
}

Result<evaluate::Feeds> view_inputs(const Side& side, const graph::Graph& view,
                                    const std::vector<Tensor>& tensors) {
  evaluate::Feeds out;
  for (size_t i = 0; i < view.inputs.size(); ++i) {
    size_t from = i;
    if (side.session)
      for (size_t k = 0; k < side.session->inputs().size(); ++k)
        if (side.session->inputs()[k].name == view.value(view.inputs[i]).native_name) from = k;
    if (from >= tensors.size())
      return Error{ErrorKind::usage,
                   side.path + ": no data for input '" + view.value(view.inputs[i]).native_name + "'"};
    out[view.inputs[i]] = tensors[from];
    // The float form of a view takes float32 where the file takes another float type.
    const DType wanted = view.value(view.inputs[i]).dtype;
    if (is_floating(wanted) && is_floating(tensors[from].dtype()) && wanted != tensors[from].dtype()) {
      FETAFIX_TRY(out[view.inputs[i]], cast(tensors[from], wanted));
    }
  }
  return out;
}

Result<std::vector<evaluate::Feeds>> evaluate_view(evaluate::Evaluator& evaluator, const graph::Graph& view,
                                                   const std::vector<evaluate::Feeds>& inputs,
                                                   const Budget& budget) {
  const auto live = graph::live_nodes(view);
  std::vector<NodeId> nodes;
  std::vector<ValueId> wanted;
  for (NodeId id = 0; id < static_cast<NodeId>(view.nodes.size()); ++id) {
    if (!live[static_cast<size_t>(id)]) continue;
    if (is_given(view.node(id), inputs)) continue;
    nodes.push_back(id);
    for (ValueId out : view.node(id).outputs)
      if (out != graph::no_value) wanted.push_back(out);
  }
  std::vector<evaluate::Feeds> out;
  for (const evaluate::Feeds& feeds : inputs) {
    FETAFIX_TRY(auto computed, evaluator.run(view, nodes, feeds, wanted));
    if (out.empty()) {  // the target's values will be about as many
      size_t bytes = 0;
      for (const Tensor& tensor : computed) bytes += tensor.byte_size();
      FETAFIX_CHECK(budget.check("the values of " + std::to_string(inputs.size()) + " samples in both models",
                                 2 * bytes * inputs.size(), "they can't be fewer"));
    }
    evaluate::Feeds all = feeds;
    for (size_t i = 0; i < wanted.size(); ++i) all[wanted[i]] = std::move(computed[i]);
    out.push_back(std::move(all));
  }
  return out;
}

Result<std::unique_ptr<Analysis>> analyze(evaluate::Evaluator& evaluator, const Pair& pair,
                                          const graph::Graph& target, const std::vector<SampleId>& samples,
                                          const Options& options, const std::string& stage,
                                          bool step_by_step) {
  auto out = std::make_unique<Analysis>();
  out->source = align::canonical(pair.source.lifted.graph);
  out->target = align::canonical(target);
  out->source_types = types_of(pair.source.lifted.graph);
  out->target_types = types_of(target);
  FETAFIX_TRY(const auto source_tensors, tensors_of(pair.source, samples));
  FETAFIX_TRY(const auto target_tensors, tensors_of(pair.target, samples));
  FETAFIX_TRY(auto source_inputs, all_inputs(pair.source, out->source, source_tensors));
  FETAFIX_TRY(auto target_inputs, all_inputs(pair.target, out->target, target_tensors));
  FETAFIX_CHECK(add_opaque_values(pair.source, options, out->source, source_tensors, source_inputs));
  FETAFIX_TRY(auto values, evaluate_view(evaluator, out->source, source_inputs, pair.budget));
  out->values = std::make_unique<align::SourceValues>(out->source, std::move(values));
  align::WalkOptions walk;
  walk.step_by_step = step_by_step;
  walk.named = pair.mapping.values_of(pair.source.lifted.graph, target);
  if (options.progress)
    walk.progress = [&](size_t done, size_t total) { options.progress(stage, done, total); };
  FETAFIX_TRY(out->alignment, align::align(evaluator, *out->values, out->target, target_inputs, walk));
  out->faults = diagnose::diagnose(out->source, out->target, *out->values, out->alignment);
  return out;
}

std::vector<std::string> names_of(const graph::Graph& graph, NodeId id) {
  const graph::Node& node = graph.node(id);
  std::vector<std::string> out{place_name(graph, id)};
  if (!node.name.empty()) out.push_back(node.name);
  for (ValueId made : node.outputs)
    if (made != graph::no_value && !graph.value(made).native_name.empty())
      out.push_back(graph.value(made).native_name);
  return out;
}

results::Coverage coverage_of(const Analysis& analysis) {
  // By native operator: the worst of its nodes. Bridges and what depends on no input are not operators.
  std::map<graph::NativeOperator, align::State> worst;
  const auto rank = [](align::State s) {
    switch (s) {
      case align::State::exact:
        return 0;
      case align::State::rewrite:
        return 1;
      case align::State::faulty:
        return 2;
      case align::State::opaque:
        return 3;
      default:
        return 4;
    }
  };
  for (NodeId id = 0; id < static_cast<NodeId>(analysis.target.nodes.size()); ++id) {
    const graph::Node& node = analysis.target.node(id);
    if (!analysis.alignment.judged[static_cast<size_t>(id)]) continue;
    const align::State state = analysis.alignment.node_states[static_cast<size_t>(id)];
    auto [it, added] = worst.try_emplace(node.native, state);
    if (!added && rank(state) > rank(it->second)) it->second = state;
  }
  for (const diagnose::Fault& fault : analysis.faults)
    for (NodeId id : fault.places)
      if (id >= 0 && (!fault.segment || fault.segment->state != align::State::unaligned))
        worst[analysis.target.node(id).native] = align::State::faulty;
  results::Coverage out;
  for (const auto& [op, state] : worst) {
    ++out.target_operators;
    out.exact += state == align::State::exact;
    out.rewrite += state == align::State::rewrite;
    out.faulty += state == align::State::faulty;
    out.opaque += state == align::State::opaque;
    out.unaligned += state == align::State::unaligned;
  }
  return out;
}

std::vector<results::DepthPoint> depth_of(const Analysis& analysis) {
  std::vector<results::DepthPoint> out;
  for (const align::Segment& segment : analysis.alignment.segments) {
    const graph::Node& node = analysis.target.node(segment.target_nodes.back());
    results::DepthPoint point;
    point.operator_index = node.native.index;
    point.name = node.name;
    point.type = type_of(node, analysis.target_types);
    point.relative_error = segment.relative_error;
    point.ratio_to_tolerance = segment.tolerance.largest;
    point.state = static_cast<results::SegmentState>(segment.state);
    out.push_back(std::move(point));
  }
  return out;
}

namespace {

// One fault of a place; `kept`: the trial that mends it, null for none.
results::Fault describe_one(const Analysis& analysis, const diagnose::Fault& fault,
                            const faults::Candidate* candidate, const repair::Trial* kept) {
  results::Fault out;
  const auto named = [&](NodeId id) { return place_name(analysis.target, id, analysis.target_types); };
  out.source_node = place_name(analysis.source, fault.source_node, analysis.source_types);
  out.target_node = named(fault.target_node);
  if (kept) {
    out.target_node = named(diagnose::touched_by(analysis.target, *candidate, fault.target_node));
    out.edits = 1;
    out.confidence = kept->outcome == repair::Outcome::accepted ? 0.99 : 0.6;
    out.evidence.push_back(
        {"relative error after the edit", kept->relative_error, "", "on this segment alone"});
  } else {
    out.confidence = candidate ? 0.7 : 0.4;
  }
  out.fault_class = candidate ? candidate->fault_class : "graph";
  out.pattern = candidate ? candidate->pattern : "";
  out.explanation =
      candidate ? candidate->explanation
                : "this operator does not compute what the source computes, and no known pattern explains it";
  out.advice = candidate ? candidate->advice : "";
  if (candidate && candidate->guess && !kept) out.explanation = "perhaps " + out.explanation;
  if (fault.places.size() > 1) {
    out.explanation += " (" + std::to_string(fault.places.size()) + " places)";
    for (NodeId id : fault.places)
      out.evidence.push_back(
          {"place", static_cast<double>(analysis.target.node(id).native.index), "", named(id)});
  }
  if (fault.segment) {
    out.evidence.insert(out.evidence.begin(),
                        {"relative error", fault.relative_error, "", "given the source's own values"});
    if (fault.segment->evidence == align::Evidence::matched)
      out.evidence.push_back({"error / tolerance", fault.ratio_to_tolerance, "", "the largest element"});
  }
  return out;
}

// The likeliest that no trial has spoken against.
const faults::Candidate* standing(const diagnose::Fault& fault) {
  for (const faults::Candidate& one : fault.candidates)
    if (!one.guess) return &one;
  return nullptr;
}

}  // namespace

results::Fault describe(const Analysis& analysis, const diagnose::Fault& fault) {
  return describe_one(analysis, fault, fault.candidates.empty() ? nullptr : &fault.candidates[0], nullptr);
}

std::vector<results::Fault> describe(const Analysis& analysis, const diagnose::Fault& fault,
                                     const repair::Repair& repair) {
  std::vector<results::Fault> out;
  if (repair.kept >= 0) {
    const repair::Trial& kept = repair.trials[static_cast<size_t>(repair.kept)];
    for (const faults::Candidate* one : kept.candidates)
      out.push_back(describe_one(analysis, fault, one, &kept));
    return out;
  }
  out.push_back(describe_one(analysis, fault, standing(fault), nullptr));
  for (const repair::Trial& trial : repair.trials)
    if (trial.candidates.size() == 1)
      out[0].evidence.push_back({"tried " + trial.candidates[0]->pattern, trial.relative_error, "",
                                 std::string(repair::outcome_name(trial.outcome)) + ": " + trial.reason});
  return out;
}

}  // namespace fetafix::pipeline
