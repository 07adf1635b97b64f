#include "repair/piece_tolerance.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "align/half_steps.h"
#include "evaluate/tolerance.h"

namespace fetafix::repair {
namespace {

using evaluate::Feeds;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

class Piece {
 public:
  Piece(evaluate::Evaluator& evaluator, const graph::Graph& graph, std::span<const NodeId> nodes, Feeds known)
      : evaluator_(evaluator), graph_(graph), uses_(graph), nodes_(nodes), known_(std::move(known)) {}

  // Doubled for the source's side, once for each node.
  Result<Tensor> tolerance(ValueId value) {
    const NodeId last = producer(value);
    FETAFIX_TRY(Tensor out, own(last));
    if (out.empty()) return out;
    const float factor = 2.0f * static_cast<float>(nodes_.size());
    for (float& t : out.mutable_as<float>()) t *= factor;
    FETAFIX_TRY(const Tensor handed, handed_on(last));
    if (!handed.empty()) evaluate::widen(out, handed, 2);
    FETAFIX_CHECK(add_stored_rounding(out));
    return out;
  }

 private:
  NodeId producer(ValueId value) const { return uses_.producer[static_cast<size_t>(value)]; }

  Feeds operands(const Node& node) const {
    Feeds out;
    for (ValueId in : node.inputs)
      if (auto found = known_.find(in); found != known_.end()) out.emplace(*found);
    return out;
  }

  // Of the first output, by the node's own arithmetic alone; empty where it has none.
  Result<Tensor> own(NodeId id) {
    const Node& node = graph_.node(id);
    std::vector<Tensor> outputs;
    for (ValueId out : node.outputs)
      if (out != graph::no_value) outputs.push_back(known_.at(out));
    FETAFIX_TRY(auto local, evaluate::node_tolerance(evaluator_, graph_, id, operands(node), outputs));
    return std::move(local[0]);
  }

  // What the rounding of the nodes before makes of the node's first output: an operator that only moves
  // numbers has no rounding of its own. Empty: nothing.
  Result<Tensor> handed_on(NodeId id) {
    if (auto found = handed_on_.find(id); found != handed_on_.end()) return found->second;
    const Node& node = graph_.node(id);
    const Feeds given = operands(node);
    const Tensor& result = known_.at(node.outputs[0]);
    Tensor sum;
    for (const auto& [in, tensor] : given) {
      FETAFIX_TRY(const Tensor rounding, rounding_of_operand(in));
      if (result.dtype() != DType::float32 || rounding.empty() || rounding.size() != tensor.size()) continue;
      Feeds moved = given;
      evaluate::widen(moved.at(in), rounding, 1);
      const std::vector<NodeId> alone{id};
      const std::vector<ValueId> wanted{node.outputs[0]};
      FETAFIX_TRY(auto run, evaluator_.run(graph_, alone, moved, wanted));
      if (run[0].size() != result.size()) continue;
      if (sum.empty()) sum = *Tensor::zeros(DType::float32, result.shape());
      const auto now = run[0].as<float>(), was = result.as<float>();
      auto total = sum.mutable_as<float>();
      for (size_t i = 0; i < total.size(); ++i) total[i] += std::fabs(now[i] - was[i]);
    }
    handed_on_[id] = sum;
    return sum;
  }

  // Of a value that the piece makes and that is its node's first.
  Result<Tensor> rounding_of_operand(ValueId value) {
    const NodeId before = producer(value);
    if (before < 0 || graph_.node(before).outputs[0] != value ||
        std::find(nodes_.begin(), nodes_.end(), before) == nodes_.end())
      return Tensor();
    FETAFIX_TRY(Tensor out, own(before));
    FETAFIX_TRY(const Tensor more, handed_on(before));
    if (out.empty() || more.empty()) return out.empty() ? more : out;
    evaluate::widen(out, more, 1);
    return out;
  }

  Status add_stored_rounding(Tensor& tolerance) {
    align::HalfSteps steps(graph_);
    for (NodeId id : nodes_) {
      const Node& node = graph_.node(id);
      if (node.outputs.empty() || node.outputs[0] == graph::no_value) continue;
      FETAFIX_TRY(const Tensor rounding,
                  align::rounding_allowance(evaluator_, graph_, steps, id, operands(node),
                                            known_.at(node.outputs[0]).shape()));
      if (rounding.empty() || rounding.size() != tolerance.size()) continue;
      evaluate::widen(tolerance, rounding, align::scales_are_rounded_too);
    }
    return {};
  }

  evaluate::Evaluator& evaluator_;
  const graph::Graph& graph_;
  const graph::Uses uses_;
  std::span<const NodeId> nodes_;
  Feeds known_;
  std::map<NodeId, Tensor> handed_on_;
};

}  // namespace

Result<Tensor> piece_tolerance(evaluate::Evaluator& evaluator, const graph::Graph& graph, ValueId value,
                               std::span<const NodeId> nodes, const Feeds& feeds) {
  std::vector<ValueId> made;
  for (NodeId id : nodes)
    for (ValueId out : graph.node(id).outputs)
      if (out != graph::no_value) made.push_back(out);
  FETAFIX_TRY(auto run, evaluator.run(graph, nodes, feeds, made));
  Feeds known = feeds;
  for (size_t i = 0; i < made.size(); ++i) known.insert_or_assign(made[i], run[i]);
  return Piece(evaluator, graph, nodes, std::move(known)).tolerance(value);
}

}  // namespace fetafix::repair
