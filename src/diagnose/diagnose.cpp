#include "diagnose/diagnose.h"

#include <algorithm>
#include <map>
#include <set>

#include "faults/counting.h"

namespace fetafix::diagnose {
namespace {

using graph::NodeId;

// Layout and shape nodes are rarely what a person would name.
int weight(const graph::Node& node) {
  static const std::set<std::string> linear{"Conv", "ConvTranspose", "MatMul", "Gemm",
                                            "LSTM", "GRU",           "Loop",   "Scan"};
  if (linear.contains(node.type)) return 3;
  return node.type == "BatchNormalization" ? 2 : node.role == graph::Role::bridge ? 0 : 1;
}

NodeId most_telling(const graph::Graph& graph, std::span<const NodeId> nodes) {
  NodeId best = -1;
  for (NodeId id : nodes)
    if (best < 0 || weight(graph.node(id)) >= weight(graph.node(best))) best = id;
  return best;
}

NodeId touched(const graph::Graph& target, const std::vector<faults::Candidate>& candidates,
               NodeId otherwise) {
  return candidates.empty() ? otherwise : touched_by(target, candidates[0], otherwise);
}

// Two patterns may each be half of a fault (pads and weights): then both edits go in together.
std::optional<faults::Candidate> together(const std::vector<faults::Candidate>& candidates) {
  if (candidates.size() != 2 || candidates[0].pattern == candidates[1].pattern) return std::nullopt;
  faults::Candidate both = candidates[0];
  const faults::Candidate& other = candidates[1];
  if (both.fault_class == "graph" || other.fault_class == "graph") return std::nullopt;
  both.edits.insert(both.edits.end(), other.edits.begin(), other.edits.end());
  both.explanation += "; " + other.explanation;
  both.pattern += "+" + other.pattern;
  return both;
}

std::vector<faults::Candidate> propose(const faults::Place& place) {
  std::vector<faults::Candidate> out;
  for (const faults::Pattern& pattern : faults::catalogue())
    for (faults::Candidate& candidate : pattern.propose(place)) out.push_back(std::move(candidate));
  if (auto both = together(out)) out.push_back(std::move(*both));
  return out;
}

// Operators that only move elements: what is missing behind them is missing behind what computes.
bool moves_only(const graph::Node& node) {
  static const std::set<std::string> types{"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten"};
  return types.contains(node.type);
}

// The operator that a person would name: neither a change of layout nor what only counts its result.
NodeId behind_bridges(const graph::Graph& graph, const graph::Uses& uses, NodeId node) {
  const auto made_by = [&](NodeId id) {
    const auto& inputs = graph.node(id).inputs;
    return inputs.empty() || inputs[0] == graph::no_value ? -1
                                                          : uses.producer[static_cast<size_t>(inputs[0])];
  };
  while (node >= 0) {
    const NodeId before = made_by(node);
    const bool counts = graph.node(node).role == graph::Role::quantize ||
                        (graph.node(node).type == "Identity" && before >= 0 &&
                         graph.node(before).role == graph::Role::quantize);
    const bool passes =
        graph.node(node).role == graph::Role::bridge || counts || moves_only(graph.node(node));
    if (before < 0 || !passes) break;
    node = before;
  }
  return node;
}

std::string key(const std::vector<graph::Edit>& edits) {
  std::string out;
  for (const graph::Edit& edit : edits) out += graph::describe(edit) + ";";
  return out;
}

// Several operators read a value behind which the same is missing: one fault. What is inserted for each of
// them is written once (docs/patch.md).
void merge_gaps(const faults::Place& place, std::vector<Fault>& faults) {
  struct Gap {
    graph::ValueId origin, expected;
    std::string pattern;
    auto operator<=>(const Gap&) const = default;
  };
  std::map<Gap, Fault*> first;
  for (Fault& fault : faults) {
    if (!fault.edge || fault.candidates.empty()) continue;
    faults::Candidate& candidate = fault.candidates[0];
    const bool inserts =
        std::all_of(candidate.edits.begin(), candidate.edits.end(), [](const graph::Edit& e) {
          const auto* insert = std::get_if<graph::InsertNode>(&e);
          return insert && insert->only_consumer;
        });
    if (!inserts) continue;
    const graph::ValueId origin = faults::before_bridges(place, fault.edge->target_value);
    auto [found, fresh] = first.try_emplace({origin, fault.edge->expected, candidate.pattern}, &fault);
    if (fresh) continue;
    auto& to = found->second->candidates[0].edits;
    to.insert(to.end(), candidate.edits.begin(), candidate.edits.end());
    fault.places.clear();
  }
  std::erase_if(faults, [](const Fault& f) { return f.places.empty(); });
}

// One cause in many places is one fault, and one group of edits.
void merge_training_mode(std::vector<Fault>& faults) {
  Fault* first = nullptr;
  for (Fault& fault : faults) {
    if (fault.candidates.empty() || fault.candidates[0].pattern != "training-mode") continue;
    fault.candidates.resize(1);
    if (!first) {
      first = &fault;
      continue;
    }
    auto& to = first->candidates[0].edits;
    const auto& from = fault.candidates[0].edits;
    to.insert(to.end(), from.begin(), from.end());
    first->places.insert(first->places.end(), fault.places.begin(), fault.places.end());
    first->relative_error = std::max(first->relative_error, fault.relative_error);
    fault.places.clear();
  }
  std::erase_if(faults, [](const Fault& f) { return f.places.empty(); });
}

}  // namespace

NodeId touched_by(const graph::Graph& target, const faults::Candidate& candidate, NodeId otherwise) {
  const auto& edits = candidate.edits;
  const auto inserts = [](const graph::Edit& edit) {
    return std::holds_alternative<graph::InsertNode>(edit);
  };
  // What is put in where one other thing is taken out touches that.
  const bool replaces = edits.size() == 2 && std::holds_alternative<graph::RemoveNode>(edits[1]);
  if (edits.empty() || (inserts(edits[0]) && !replaces)) return otherwise;
  const auto node = graph::resolve(target, graph::address_of(edits[inserts(edits[0]) ? 1 : 0]));
  return node.ok() ? *node : otherwise;
}

std::vector<Fault> diagnose(const graph::Graph& source, const graph::Graph& target,
                            const align::SourceValues& values, const align::Alignment& alignment) {
  const graph::Uses uses(target);
  align::HalfSteps half_steps(target);
  std::vector<Fault> certain, uncertain;
  std::set<std::string> seen;
  for (const align::EdgeFault& edge : alignment.edges) {
    Fault fault;
    fault.edge = &edge;
    const NodeId producer = uses.producer[static_cast<size_t>(edge.target_value)];
    fault.candidates = propose({source, target, uses, values, alignment, half_steps, nullptr, &edge});
    const bool inserts =
        !fault.candidates.empty() && std::holds_alternative<graph::InsertNode>(fault.candidates[0].edits[0]);
    fault.target_node =
        edge.node >= 0 && !(inserts && producer >= 0) ? edge.node : behind_bridges(target, uses, producer);
    if (!inserts && !fault.candidates.empty() &&
        std::holds_alternative<graph::RemoveNode>(fault.candidates[0].edits[0]))
      fault.target_node = touched(target, fault.candidates, fault.target_node);
    fault.source_node = values.uses().producer[static_cast<size_t>(edge.expected)];
    fault.places = {fault.target_node};
    fault.relative_error = 1;
    fault.ratio_to_tolerance = 1e6;
    if (!fault.candidates.empty() && !seen.insert(key(fault.candidates[0].edits)).second) continue;
    certain.push_back(std::move(fault));
  }
  for (const align::Segment& segment : alignment.segments) {
    if (segment.state != align::State::faulty && segment.state != align::State::unaligned) continue;
    Fault fault;
    fault.segment = &segment;
    if (segment.state == align::State::faulty)
      fault.candidates = propose({source, target, uses, values, alignment, half_steps, &segment, nullptr});
    fault.target_node = touched(target, fault.candidates, most_telling(target, segment.target_nodes));
    fault.source_node = most_telling(source, segment.source_nodes);
    fault.places = {fault.target_node};
    fault.relative_error = segment.relative_error;
    fault.ratio_to_tolerance = segment.tolerance.largest;
    const bool sure = segment.state == align::State::faulty && segment.evidence != align::Evidence::tentative;
    (sure || !fault.candidates.empty() ? certain : uncertain).push_back(std::move(fault));
  }
  // Rounding to fewer bits hides small damage from what the operator computes, but not from a look at the
  // numbers.
  for (const align::Segment& segment : alignment.segments) {
    if (!half_steps.any() || (segment.state != align::State::exact && segment.state != align::State::rewrite))
      continue;
    Fault fault;
    fault.segment = &segment;
    const faults::Place place{source, target, uses, values, alignment, half_steps, &segment, nullptr};
    for (const auto pattern :
         {faults::activation_scale, faults::activation_zero_point, faults::folded_tensor})
      if (fault.candidates.empty()) fault.candidates = pattern(place);
    if (fault.candidates.empty() || !seen.insert(key(fault.candidates[0].edits)).second) continue;
    fault.target_node = touched(target, fault.candidates, most_telling(target, segment.target_nodes));
    fault.source_node = most_telling(source, segment.source_nodes);
    fault.places = {fault.target_node};
    fault.relative_error = segment.relative_error;
    fault.ratio_to_tolerance = segment.tolerance.largest;
    certain.push_back(std::move(fault));
  }
  std::stable_sort(certain.begin(), certain.end(),
                   [](const Fault& a, const Fault& b) { return a.target_node < b.target_node; });
  merge_gaps({source, target, uses, values, alignment, half_steps, nullptr, nullptr}, certain);
  merge_training_mode(certain);
  certain.insert(certain.end(), std::make_move_iterator(uncertain.begin()),
                 std::make_move_iterator(uncertain.end()));
  return certain;
}

}  // namespace fetafix::diagnose
