// Where several faults lie next to each other, nothing behind them confirms what an operator should make.
// Then the source's operator of its kind on the same operand says so, one operator after the other.
#include <algorithm>
#include <array>
#include <tuple>

#include "align/walk.h"

namespace fetafix::align {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

namespace {

constexpr int most_hops = 4;  // over what only moves elements or pads

using Types = std::set<std::string>;

// Operators that stand in each other's place.
bool is_of_kind(const std::string& type, const std::string& other) {
  static const std::array<Types, 4> kinds{
      Types{"Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid", "Tanh", "HardSwish", "Elu", "Selu", "Celu",
            "Softplus", "Softsign", "Gelu", "Erf", "Abs", "Neg", "Exp", "Sqrt"},
      Types{"MaxPool", "AveragePool", "LpPool"},
      Types{"GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum"},
      Types{"Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"}};
  return type == other || std::any_of(kinds.begin(), kinds.end(), [&](const Types& kind) {
           return kind.contains(type) && kind.contains(other);
         });
}

bool is_linear(const Node& node) {
  return node.type == "Conv" || node.type == "ConvTranspose" || node.type == "MatMul";
}

// What may have been folded into the linear operator that makes `value`: each reads the one before it alone,
// but for changes of layout.
std::vector<NodeId> foldable_from(const graph::Graph& graph, const graph::Uses& uses, ValueId value) {
  static const Types foldable{"BatchNormalization", "Add", "Sub", "Mul", "Div"};
  std::vector<NodeId> out;
  for (;;) {
    const auto& readers = uses.consumers[static_cast<size_t>(value)];
    if (readers.size() != 1 || uses.is_output[static_cast<size_t>(value)]) return out;
    const Node& next = graph.node(readers[0].node);
    const bool alone = std::all_of(next.inputs.begin(), next.inputs.end(), [&](ValueId in) {
      return in == value || in == graph::no_value || graph.value(in).is_constant();
    });
    const bool folds = foldable.contains(next.type);
    if (!alone || (!folds && next.type != "Transpose" && next.type != "Identity")) return out;
    if (folds) out.push_back(readers[0].node);
    value = next.outputs[0];
  }
}

std::vector<std::string> types_of(const graph::Graph& graph, const std::vector<NodeId>& nodes) {
  std::vector<std::string> out;
  for (const NodeId id : nodes) out.push_back(graph.node(id).type);
  return out;
}

}  // namespace

// The pair of a value, or of what it is made of by moving and padding alone.
const Pair* Walk::pair_behind(ValueId value) const {
  for (int hops = 0; hops < most_hops && value != graph::no_value; ++hops) {
    if (const auto pair = out_.pairs.find(value); pair != out_.pairs.end()) return &pair->second;
    const NodeId producer = uses_.producer[static_cast<size_t>(value)];
    if (producer < 0) return nullptr;
    const Node& node = target_.node(producer);
    if ((!is_layout(node) && node.type != "Pad") || node.inputs.empty()) return nullptr;
    value = node.inputs[0];
  }
  return nullptr;
}

// The source's operators that read a value, or what is padded of it.
std::vector<NodeId> Walk::source_operators_on(ValueId value) const {
  std::vector<NodeId> out;
  for (ValueId twin : source_.twins(value))
    for (const auto& use : source_.uses().consumers[static_cast<size_t>(twin)]) {
      out.push_back(use.node);
      const Node& node = source_.graph().node(use.node);
      if (node.type != "Pad") continue;
      const auto behind = source_operators_on(node.outputs[0]);
      out.insert(out.end(), behind.begin(), behind.end());
    }
  return out;
}

// Where this operator ends and what it makes there, if it is the source's `other`: linear ones with what one
// side or both have folded into them.
std::pair<NodeId, ValueId> Walk::ends_of(NodeId id, NodeId other) const {
  const Node &node = target_.node(id), &its = source_.graph().node(other);
  if (!is_linear(node)) return {id, its.outputs[0]};
  const auto mine = foldable_from(target_, uses_, node.outputs[0]);
  const auto theirs = foldable_from(source_.graph(), source_.uses(), its.outputs[0]);
  if (types_of(target_, mine) == types_of(source_.graph(), theirs)) return {id, its.outputs[0]};
  return {mine.empty() ? id : mine.back(),
          theirs.empty() ? its.outputs[0] : source_.graph().node(theirs.back()).outputs[0]};
}

// How the source's value would lie as what the node makes.
Arrangement Walk::arrangement_as(NodeId id, ValueId source) const {
  const Node& node = target_.node(id);
  Arrangement out{likely_permutation(id, source), {}};
  const auto made = values_[0].find(node.outputs[0]);
  const Shape& shape = source_.at(0, source).shape();
  if (made != values_[0].end() && made->second.size() == source_.at(0, source).size()) {
    const auto possible = candidate_permutations(shape, made->second.shape());
    if (std::find(possible.begin(), possible.end(), out.permutation) == possible.end())
      out.permutation = usual_permutation(shape, made->second.shape()).value_or(Permutation{});
  }
  const Pair* operand = node.inputs.empty() ? nullptr : pair_behind(node.inputs[0]);
  if (operand && !mixes_channels(node) && fits(operand->arrangement.channels, shape))
    out.channels = operand->arrangement.channels;
  return out;
}

// The likeliest counterpart of an operator by what it reads, and where the two end.
std::optional<std::pair<NodeId, Walk::Candidate>> Walk::same_operator(NodeId id) const {
  const Node& node = target_.node(id);
  using Rank = std::tuple<bool, bool, int, double, int>;
  std::optional<std::pair<Rank, std::pair<NodeId, Candidate>>> best;
  for (ValueId in : node.inputs) {
    const Pair* operand = in == graph::no_value ? nullptr : pair_behind(in);
    if (!operand) continue;
    for (const NodeId other : source_operators_on(operand->source)) {
      const Node& its = source_.graph().node(other);
      if (!is_of_kind(its.type, node.type) || its.outputs.size() != 1) continue;
      const auto [end, value] = ends_of(id, other);
      if (!source_.usable(value) || used_.contains(source_.class_of(value))) continue;
      const ValueId source = source_.class_of(value);
      std::vector<Tensor> computed;
      for (const auto& values : values_)
        if (auto found = values.find(node.outputs[0]); found != values.end())
          computed.push_back(found->second);
      const auto near =
          computed.size() == values_.size() ? source_.best_permutation(computed, source) : std::nullopt;
      const Rank rank{its.type != node.type, !near, -shared_operands(node, its), near ? near->relative : 0,
                      source_.position(value)};
      if (!best || rank < best->first)
        best = {rank, {end, {source, arrangement_as(id, source), Evidence::tentative}}};
    }
  }
  if (!best) return std::nullopt;
  return best->second;
}

// From the stuck node on: the first that computes, and what it should make.
std::optional<std::pair<size_t, Walk::Candidate>> Walk::step(size_t position) {
  const NodeId first = order_[position];
  for (size_t p = position; p < order_.size(); ++p) {
    const Node& node = target_.node(order_[p]);
    if (p > position) {
      if (!process(order_[p]).ok()) return std::nullopt;
      const auto pending = node.outputs.empty() ? pending_.end() : pending_.find(node.outputs[0]);
      if (pending == pending_.end() || !pending->second.contains(first)) continue;
    }
    if (const auto found = same_operator(order_[p]))
      return std::pair(static_cast<size_t>(found->first), found->second);
    const bool passes = is_layout(node) || node.type == "Pad" || node.role == graph::Role::quantize;
    if (!passes) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace fetafix::align
