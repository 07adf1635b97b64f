#include "diagnose/static.h"

#include <algorithm>
#include <set>

#include "align/half_steps.h"
#include "diagnose/static_match.h"
#include "diagnose/static_operators.h"
#include "diagnose/static_order.h"

namespace fetafix::diagnose {
namespace {

using graph::Graph;

constexpr double weak = 0.3;  // confidence in what a rewrite may explain

// Takes operators out of training mode; says which were in it.
std::vector<graph::NodeId> end_training(Graph& graph) {
  const graph::Uses uses(graph);
  std::vector<graph::NodeId> out;
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(graph.nodes.size()); ++id) {
    graph::Node& node = graph.node(id);
    if (node.type == "BatchNormalization" && graph::attribute_or(node, "training_mode", int64_t{0}) != 0) {
      node.attributes.erase("training_mode");
      node.outputs.resize(1);
      out.push_back(id);
    }
    if (node.type != "Dropout" || node.inputs.size() < 3) continue;
    const Tensor training = constant_of(graph, uses, node.inputs[2]);
    if (training.dtype() == DType::boolean && training.size() == 1 && training.as<bool>()[0])
      out.push_back(id);
  }
  return out;
}

class Comparison {
 public:
  // `training`: nodes of the target whose training has moved the statistics that it stores.
  Comparison(const Graph& source, const Graph& target, std::set<graph::NodeId> training)
      : source_graph_(source),
        target_graph_(target),
        source_(units_of(source)),
        target_(units_of(target)),
        pairs_(pair_units(source_, target_)),
        orders_(source, source_, target, target_),
        fewer_bits_(align::HalfSteps(source).any() || align::HalfSteps(target).any()),
        training_(std::move(training)),
        likeness_(target_.units.size(), Likeness::same) {}

  StaticComparison run() {
    for (int t = 0; t < static_cast<int>(target_.units.size()); ++t) {
      const int s = pairs_.source_of[static_cast<size_t>(t)];
      if (s < 0) continue;
      compare_operators_of(s, t);
      if (!orders_.settle(s, t)) mark(t, Likeness::unknown);
      compare_operands(source(s).operands, target(t).operands, target(t).commutes, t);
    }
    compare_operands(source_.outputs, target_.outputs, false, -1);
    return finish();
  }

 private:
  const Unit& source(int unit) const { return source_.units[static_cast<size_t>(unit)]; }
  const Unit& target(int unit) const { return target_.units[static_cast<size_t>(unit)]; }

  void mark(int t, Likeness likeness) {
    if (t < 0) {
      out_.outputs_unknown = out_.outputs_unknown || likeness == Likeness::unknown;
      return;
    }
    Likeness& now = likeness_[static_cast<size_t>(t)];
    if (now != Likeness::differs) now = likeness;
  }

  void add(int s, int t, StaticDifference difference) {
    difference.source_node = s < 0 ? -1 : source(s).node;
    difference.target_node = t < 0 ? -1 : target(t).node;
    out_.differences.push_back(std::move(difference));
    mark(t, Likeness::differs);
  }

  void compare_operators_of(int s, int t) {
    auto compared = compare_operators(source_graph_, source(s), target_graph_, target(t),
                                      pairs_.distances[static_cast<size_t>(t)], fewer_bits_);
    if (compared.unknown) mark(t, Likeness::unknown);
    const auto& nodes = target(t).nodes;
    if (std::any_of(nodes.begin(), nodes.end(), [&](graph::NodeId id) { return training_.contains(id); }))
      std::erase_if(compared.differences, [](const auto& d) { return d.fault_class == "parameters"; });
    for (auto& difference : compared.differences) add(s, t, std::move(difference));
  }

  std::optional<int> counterpart(int unit) const {
    if (unit < 0) return unit;
    const int s = pairs_.source_of[static_cast<size_t>(unit)];
    return s < 0 ? std::nullopt : std::optional(s);
  }
  bool unpaired_source(int s) const { return s >= 0 && pairs_.target_of[static_cast<size_t>(s)] < 0; }
  bool unpaired_target(int t) const { return t >= 0 && pairs_.source_of[static_cast<size_t>(t)] < 0; }

  // What a target operator (-1: the model's outputs) reads against what its counterpart reads.
  void compare_operands(const std::vector<Operand>& theirs, std::vector<Operand> mine, bool commutes, int t) {
    if (theirs.size() != mine.size()) {
      mark(t, Likeness::unknown);
      return;
    }
    const auto meets = [&](const Operand& its, const Operand& own) {
      return counterpart(own.unit) == its.unit;
    };
    if (commutes && mine.size() == 2 && (!meets(theirs[0], mine[0]) || !meets(theirs[1], mine[1])) &&
        (meets(theirs[0], mine[1]) || meets(theirs[1], mine[0])))
      std::swap(mine[0], mine[1]);
    for (size_t i = 0; i < mine.size(); ++i) {
      if (!meets(theirs[i], mine[i]))
        explain(theirs[i].unit, mine[i].unit, t);
      else if (t < 0 && !orders_.of_operand(theirs[i], mine[i]))
        mark(t, Likeness::unknown);
    }
  }

  bool reads(const Unit& unit, int wanted) const {
    return std::any_of(unit.operands.begin(), unit.operands.end(),
                       [&](const Operand& o) { return o.unit == wanted; });
  }
  bool reads_counterpart_of(const Unit& unit, int wanted) const {
    return std::any_of(unit.operands.begin(), unit.operands.end(),
                       [&](const Operand& o) { return counterpart(o.unit) == wanted; });
  }

  // The source reads its unit `s` where the target operator `t` reads `u`.
  void explain(int s, int u, int t) {
    const auto paired = counterpart(u);
    const auto pads = [](const Unit& unit) { return unit.label == "Pad"; };
    if ((unpaired_source(s) && pads(source(s))) || (unpaired_target(u) && pads(target(u)))) {
      mark(t, Likeness::unknown);  // the other side may have it among its own attributes
      return;
    }
    const auto name = [](const Graph& graph, const Unit& unit) { return graph.node(unit.node).type; };
    // What a quantized type can't hold is cut off without an operator.
    if (unpaired_source(s) && source(s).label == "Clip" && fewer_bits_) {
      explained_source_.insert(s);
      mark(t, Likeness::unknown);
      return;
    }
    if (unpaired_source(s) && paired && reads(source(s), *paired)) {
      if (explained_source_.insert(s).second)
        add(s, t,
            {-1, -1, "graph", "missing-operator",
             "the source has a " + name(source_graph_, source(s)) +
                 " before this operator, the target has none",
             0.7, 0});
    } else if (unpaired_target(u) && reads_counterpart_of(target(u), s)) {
      if (explained_target_.insert(u).second)
        add(-1, u, {-1, -1, "graph", "extra-operator", "the source has no such operator here", 0.7, 0});
    } else if (unpaired_source(s) && unpaired_target(u) && same_operands(source(s), target(u))) {
      explained_target_.insert(u);
      if (explained_source_.insert(s).second)
        add(s, u,
            {-1, -1, "graph", "operator-type",
             "a " + name(target_graph_, target(u)) + " stands where the source has a " +
                 name(source_graph_, source(s)),
             0.7, 0});
    } else if (paired && !unpaired_source(s) && t >= 0) {
      add(pairs_.source_of[static_cast<size_t>(t)], t,
          {-1, -1, "graph", "rewired-operand", "an operand reads another value than in the source", 0.6, 0});
    } else {
      mark(t, Likeness::unknown);
    }
  }

  bool same_operands(const Unit& its, const Unit& mine) const {
    return its.operands.size() == mine.operands.size() &&
           std::equal(its.operands.begin(), its.operands.end(), mine.operands.begin(),
                      [&](const Operand& a, const Operand& b) { return counterpart(b.unit) == a.unit; });
  }

  // Target units whose numbers differ and those of the next layer too.
  std::set<int> rewritten_together() const {
    std::set<int> differing, out;
    for (int t = 0; t < static_cast<int>(target_.units.size()); ++t)
      for (const auto& difference : out_.differences)
        if (target(t).linear && difference.target_node == target(t).node &&
            difference.fault_class == "parameters")
          differing.insert(t);
    for (int t : differing) {
      std::vector<int> open = target_.readers[static_cast<size_t>(t)];
      std::set<int> seen;
      while (!open.empty()) {
        const int next = open.back();
        open.pop_back();
        if (!seen.insert(next).second) continue;
        if (differing.contains(next)) out.insert({t, next});
        if (target(next).linear) continue;
        const auto& readers = target_.readers[static_cast<size_t>(next)];
        open.insert(open.end(), readers.begin(), readers.end());
      }
    }
    return out;
  }

  // Channels may be permuted or scaled in one layer and back in the next: two that differ in a row may be
  // right.
  void doubt_neighbors() {
    for (int t : rewritten_together()) {
      for (auto& difference : out_.differences)
        if (difference.target_node == target(t).node && difference.fault_class == "parameters") {
          difference.confidence = weak;
          difference.explanation += "; so do a neighbor's: they may have been rewritten together";
        }
      likeness_[static_cast<size_t>(t)] = Likeness::unknown;
    }
  }

  StaticComparison finish() {
    doubt_neighbors();
    out_.fewer_bits = fewer_bits_;
    size_t left = 0;
    for (int t = 0; t < static_cast<int>(target_.units.size()); ++t) {
      if (unpaired_target(t) && !explained_target_.contains(t)) mark(t, Likeness::unknown), ++left;
      for (graph::NodeId node : target(t).nodes)
        out_.operators.emplace_back(node, likeness_[static_cast<size_t>(t)]);
    }
    for (int s = 0; s < static_cast<int>(source_.units.size()); ++s)
      out_.source_left += unpaired_source(s) && !explained_source_.contains(s);
    // What has no counterpart may be the explanation of what differs elsewhere.
    if (left + out_.source_left > 0)
      for (auto& difference : out_.differences) difference.confidence = std::min(difference.confidence, weak);
    std::stable_sort(out_.differences.begin(), out_.differences.end(),
                     [](const auto& a, const auto& b) { return a.target_node < b.target_node; });
    return std::move(out_);
  }

  const Graph& source_graph_;
  const Graph& target_graph_;
  Units source_;
  Units target_;
  UnitPairs pairs_;
  Orders orders_;
  bool fewer_bits_;
  std::set<graph::NodeId> training_;
  std::vector<Likeness> likeness_;  // by target unit
  std::set<int> explained_source_, explained_target_;
  StaticComparison out_;
};

}  // namespace

StaticComparison compare_static(const Graph& source, const Graph& target) {
  Graph calm_source = source, calm_target = target;
  const auto theirs = end_training(calm_source), mine = end_training(calm_target);
  const std::set<graph::NodeId> places(mine.begin(), mine.end());
  StaticComparison out = Comparison(calm_source, calm_target, places).run();
  if (!theirs.empty() || mine.empty()) return out;
  out.differences.insert(out.differences.begin(), {-1, mine[0], "graph", "training-mode",
                                                   "normalization or dropout was left in training mode (" +
                                                       std::to_string(mine.size()) + " places)",
                                                   0.95, 0});
  for (auto& [node, likeness] : out.operators)
    if (places.contains(node)) likeness = Likeness::differs;
  return out;
}

}  // namespace fetafix::diagnose
