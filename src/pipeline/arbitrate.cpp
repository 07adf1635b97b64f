#include "pipeline/arbitrate.h"

#include <algorithm>

#include "evaluate/second_opinion.h"

namespace fetafix::pipeline {
namespace {

using evaluate::Feeds;
using graph::Graph;
using graph::NodeId;
using graph::ValueId;

// One cause may show in every operator of a kind; so many of them say all that there is to say.
constexpr size_t most_findings = 12;

NodeId place_of(const Graph& view, const Piece& piece) {
  for (size_t i = piece.nodes.size(); i-- > 0;)
    if (view.node(piece.nodes[i]).role == graph::Role::core &&
        view.node(piece.nodes[i]).type != "QuantizeLinear" &&
        view.node(piece.nodes[i]).type != "DequantizeLinear")
      return piece.nodes[i];
  return piece.nodes.back();
}

// Of all samples. Nothing: it can't be evaluated.
std::optional<Deviation> compare(evaluate::Evaluator& evaluator, const Graph& view, const Piece& piece,
                                 const Captured& captured) {
  Deviation out;
  for (const Feeds& known : captured.samples) {
    auto native = known.find(piece.value);
    if (native == known.end()) return std::nullopt;
    auto evaluated = evaluate_piece(evaluator, view, piece, known);
    if (!evaluated.ok()) return std::nullopt;
    out.take_worse(deviation(evaluated->result, native->second, *evaluated));
  }
  return out;
}

void ask_second_opinion(evaluate::Evaluator& evaluator, const Graph& view, const Captured& captured,
                        Finding& finding) {
  Deviation from_runtime, from_view;
  const std::vector<ValueId> wanted{finding.piece.value};
  for (const Feeds& known : captured.samples) {
    auto evaluated = evaluate_piece(evaluator, view, finding.piece, known);
    auto exact =
        evaluate::second_opinion(view, finding.piece.nodes, operands_of(view, finding.piece, known), wanted);
    if (!evaluated.ok() || !exact.ok()) return;
    from_runtime.take_worse(deviation((*exact)[0], known.at(finding.piece.value), *evaluated));
    from_view.take_worse(deviation((*exact)[0], evaluated->result, *evaluated));
  }
  finding.from_runtime = from_runtime;
  finding.from_view = from_view;
}

Blame blame_of(const Finding& finding, bool independent_disagree) {
  if (!finding.with_view.empty()) return Blame::runtime;
  if (finding.from_view && finding.from_view->disagrees() && !finding.from_runtime->disagrees())
    return Blame::reading;
  // The second opinion evaluates the same view: where all other code agrees against both of us, the view is
  // what they have in common.
  if (independent_disagree) return Blame::reading;
  if (finding.from_view && !finding.from_view->disagrees() && finding.from_runtime->disagrees())
    return Blame::runtime;
  return Blame::undecided;
}

// The values that the pieces compute and read.
std::vector<ValueId> values_of(const Graph& view, const std::vector<Finding>& findings) {
  std::set<ValueId> out;
  for (const Finding& finding : findings) {
    std::set<ValueId> made;
    for (NodeId id : finding.piece.nodes) {
      for (ValueId value : view.node(id).outputs) made.insert(value);
      for (ValueId in : view.node(id).inputs)
        if (in != graph::no_value && !made.contains(in) && view.value(in).native_tensor >= 0) out.insert(in);
    }
    out.insert(finding.piece.value);
  }
  return {out.begin(), out.end()};
}

Status ask_others(evaluate::Evaluator& evaluator, const Graph& view, std::span<const Configuration> others,
                  std::vector<Finding>& findings) {
  const auto values = values_of(view, findings);
  std::vector<size_t> independent(findings.size(), 0);
  for (const Configuration& other : others) {
    auto captured = other.capture(values);
    if (!captured.ok() && captured.error().kind == ErrorKind::interrupted) return std::move(captured).error();
    if (!captured.ok()) continue;  // who can't be asked says nothing
    for (size_t i = 0; i < findings.size(); ++i) {
      const auto deviation = compare(evaluator, view, findings[i].piece, *captured);
      if (!deviation) continue;
      auto& list = deviation->disagrees() ? findings[i].with_runtime : findings[i].with_view;
      list.push_back(other.name);
      independent[i] += other.independent && deviation->disagrees();
    }
  }
  for (size_t i = 0; i < findings.size(); ++i) findings[i].blame = blame_of(findings[i], independent[i] > 0);
  return {};
}

}  // namespace

Result<Validation> validate_lift(evaluate::Evaluator& evaluator, const Graph& view, const Configuration& own,
                                 std::span<const Configuration> others) {
  const auto wanted = values_to_capture(view);
  FETAFIX_TRY(const Captured captured, own.capture(wanted));
  Validation out;
  out.outputs_apart = captured.outputs_apart;
  std::set<ValueId> known;
  for (const auto& [value, tensor] : captured.samples[0]) known.insert(value);
  const auto pieces = pieces_of(view, known);
  for (const Piece& piece : pieces) {
    const auto deviation = compare(evaluator, view, piece, captured);
    out.checked += deviation.has_value();
    if (!deviation || !deviation->disagrees()) continue;
    Finding finding;
    finding.piece = piece;
    finding.place = place_of(view, piece);
    finding.deviation = *deviation;
    out.findings.push_back(std::move(finding));
  }
  out.unchecked = wanted.size() - std::min(out.checked, wanted.size());
  std::stable_sort(out.findings.begin(), out.findings.end(),
                   [](const auto& a, const auto& b) { return a.deviation.ratio > b.deviation.ratio; });
  if (out.findings.size() > most_findings) out.findings.resize(most_findings);
  for (Finding& finding : out.findings) ask_second_opinion(evaluator, view, captured, finding);
  if (!out.findings.empty()) FETAFIX_CHECK(ask_others(evaluator, view, others, out.findings));
  return out;
}

}  // namespace fetafix::pipeline
