#include "align/trace_edges.h"

#include <algorithm>

namespace fetafix::align {
namespace {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

constexpr int furthest = 12;      // operators, as many as a written out LayerNormalization has
constexpr size_t most_edges = 6;  // that one may become

class Tracer {
 public:
  Tracer(const SourceValues& source, const graph::Graph& target, const graph::Uses& uses,
         const Alignment& alignment)
      : source_(source), target_(target), uses_(uses), alignment_(alignment) {}

  // Edges in whose place `edge` stands; empty: it can't be followed.
  std::vector<EdgeFault> run(const EdgeFault& edge, int left) const {
    if (left == 0 || edge.actual == graph::no_value || made_from(edge.expected, edge.actual)) return {};
    const NodeId maker = behind_layout(edge.target_value, edge.actual);
    if (!is_made_elsewhere(edge.actual, maker)) return {};
    const NodeId expected = source_.uses().producer[static_cast<size_t>(edge.expected)];
    if (maker < 0 || expected < 0) return {};
    const Node &mine = target_.node(maker), &its = source_.graph().node(expected);
    const size_t operands = same_operator(mine, its);
    std::vector<EdgeFault> out;
    for (size_t i = 0; i < operands; ++i) {
      if (mine.inputs[i] == graph::no_value || its.inputs[i] == graph::no_value) continue;
      const auto pair = alignment_.pairs.find(mine.inputs[i]);
      if (pair == alignment_.pairs.end()) {
        if (same_constant(mine.inputs[i], its.inputs[i])) continue;
        return {};
      }
      const ValueId wanted = source_.class_of(its.inputs[i]);
      if (source_.class_of(pair->second.source) == wanted) continue;
      const EdgeFault further{maker,  static_cast<int>(i), source_.class_of(pair->second.source),
                              wanted, mine.inputs[i],      pair->second.arrangement};
      const auto above = run(further, left - 1);
      if (above.empty())
        out.push_back(further);
      else
        out.insert(out.end(), above.begin(), above.end());
      if (out.size() > most_edges) return {};
    }
    // All of them say the same, or they say nothing.
    const bool agree = std::all_of(out.begin(), out.end(), [&](const EdgeFault& e) {
      return e.actual == out[0].actual && e.expected == out[0].expected;
    });
    return agree ? out : std::vector<EdgeFault>();
  }

 private:
  // Whether the source makes `value` right of `from`: then something is missing right here.
  bool made_from(ValueId value, ValueId from) const {
    const NodeId producer = source_.uses().producer[static_cast<size_t>(value)];
    if (producer < 0) return false;
    for (ValueId in : source_.graph().node(producer).inputs)
      if (in != graph::no_value && source_.class_of(in) == source_.class_of(from)) return true;
    return false;
  }

  // Whether the target makes that source value a second time. What makes it alone is what the source has for
  // it, and reads what it should.
  bool is_made_elsewhere(ValueId source, NodeId maker) const {
    const ValueId of = source_.class_of(source);
    return std::any_of(alignment_.pairs.begin(), alignment_.pairs.end(), [&](const auto& pair) {
      return source_.class_of(pair.second.source) == of && behind_layout(pair.first, source) != maker;
    });
  }

  // The node that computes the value, behind changes of layout alone.
  NodeId behind_layout(ValueId value, ValueId source) const {
    for (;;) {
      const NodeId producer = uses_.producer[static_cast<size_t>(value)];
      if (producer < 0 || target_.node(producer).inputs.empty()) return producer;
      const auto pair = alignment_.pairs.find(target_.node(producer).inputs[0]);
      if (pair == alignment_.pairs.end() || source_.class_of(pair->second.source) != source_.class_of(source))
        return producer;
      value = target_.node(producer).inputs[0];
    }
  }

  // How many operands of both have to be compared; 0: these are different operators.
  static size_t same_operator(const Node& mine, const Node& its) {
    const auto averages = [](const Node& n) {
      return n.type == "ReduceMean" || n.type == "GlobalAveragePool";
    };
    if (mine.opaque || !mine.bodies.empty()) return 0;
    if (averages(mine) && averages(its))
      return 1;  // over the same axes, or what they make would not be equal
    return mine.type == its.type && mine.inputs.size() == its.inputs.size() ? mine.inputs.size() : 0;
  }

  bool same_constant(ValueId mine, ValueId its) const {
    const graph::Value &a = target_.value(mine), &b = source_.graph().value(its);
    return a.is_constant() && b.is_constant() && a.constant.size() == b.constant.size() &&
           a.constant.dtype() == b.constant.dtype() &&
           (a.constant.size() == 1 || a.constant.dtype() != DType::float32) &&
           a.constant.reshaped(b.constant.shape()).identical(b.constant);
  }

  const SourceValues& source_;
  const graph::Graph& target_;
  const graph::Uses& uses_;
  const Alignment& alignment_;
};

}  // namespace

std::vector<EdgeFault> traced(const SourceValues& source, const graph::Graph& target, const graph::Uses& uses,
                              const Alignment& alignment) {
  const Tracer tracer(source, target, uses, alignment);
  std::vector<EdgeFault> out;
  const auto add = [&](const EdgeFault& edge) {
    if (std::none_of(out.begin(), out.end(),
                     [&](const EdgeFault& e) { return e.node == edge.node && e.input == edge.input; }))
      out.push_back(edge);
  };
  for (const EdgeFault& edge : alignment.edges) {
    const auto above = edge.node < 0 ? std::vector<EdgeFault>() : tracer.run(edge, furthest);
    if (above.empty()) add(edge);
    for (const EdgeFault& one : above) add(one);
  }
  return out;
}

}  // namespace fetafix::align
