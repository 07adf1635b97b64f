// Where the walk lost the way: is the node right as soon as one of its operands is another value?
#include <algorithm>
#include <set>

#include "align/walk.h"

namespace fetafix::align {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

namespace {

constexpr size_t operand_window = 10;  // source values around an operand's that are tried in its place

}  // namespace

// Source values that an operand may have to be instead of `now`: what source nodes of this type read beside
// the other operands, those near it, and those near the end of the walk so far (a second normalization may
// read what the first one read).
std::vector<ValueId> Walk::operand_candidates(NodeId id, size_t input, int64_t elements, ValueId now) const {
  std::vector<ValueId> out;
  const auto add = [&](ValueId value) {
    if (std::find(out.begin(), out.end(), value) == out.end()) out.push_back(value);
  };
  for (ValueId value : read_beside(id, input))
    if (source_.usable(value) && source_.at(0, value).size() == elements) add(source_.class_of(value));
  for (ValueId near : nearest_values(elements, source_.position(now), operand_window)) add(near);
  int latest = -1;
  for (const auto& [value, pair] : out_.pairs) latest = std::max(latest, source_.position(pair.source));
  for (ValueId next : nearest_values(elements, latest, operand_window))
    if (!used_.contains(next)) add(next);
  return out;
}

// What others that read `now` had to be given in its place.
std::vector<ValueId> Walk::given_to_others(int64_t elements, ValueId now) const {
  std::vector<ValueId> out;
  for (const EdgeFault& edge : out_.edges)
    if (edge.actual == now && source_.at(0, edge.expected).size() == elements &&
        std::find(out.begin(), out.end(), edge.expected) == out.end())
      out.push_back(edge.expected);
  return out;
}

// Operands of source nodes of the node's type that read what its other operands are.
std::vector<ValueId> Walk::read_beside(NodeId id, size_t input) const {
  const Node& node = target_.node(id);
  std::vector<ValueId> out;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const auto pair = out_.pairs.find(node.inputs[i]);
    if (i == input || pair == out_.pairs.end()) continue;
    for (ValueId twin : source_.twins(pair->second.source))
      for (const graph::Uses::Use& use : source_.uses().consumers[static_cast<size_t>(twin)]) {
        const Node& other = source_.graph().node(use.node);
        if (other.type != node.type) continue;
        for (size_t k = 0; k < other.inputs.size(); ++k)
          if (static_cast<int>(k) != use.input && other.inputs[k] != graph::no_value)
            out.push_back(other.inputs[k]);
      }
  }
  return out;
}

// Whether the operand is made by the same function of the file's operator, which no edge of the file can
// reach into.
bool Walk::is_inside(NodeId id, ValueId operand) const {
  const Node& node = target_.node(id);
  const NodeId producer = uses_.producer[static_cast<size_t>(operand)];
  return producer >= 0 && node.native.index >= 0 && node.role == graph::Role::activation &&
         target_.node(producer).native == node.native && target_.node(producer).role == node.role;
}

// Does it compute right when one operand is another source value, or the same in another layout? Then the
// fault lies before that operand. A consumer must agree: many activations give the same on many values.
bool Walk::substitute(size_t position) {
  const NodeId id = order_[position];
  const Node& node = target_.node(id);
  if (node.outputs.size() != 1) return false;
  const auto operands = [&](auto&& candidates) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId in = node.inputs[i];
      if (in == graph::no_value || !out_.pairs.contains(in) || is_inside(id, in)) continue;
      const ValueId now = out_.pairs.at(in).source;
      for (ValueId other : candidates(i, values_[0].at(in).size(), now))
        if (substitute_operand(position, i, other)) return true;
    }
    return false;
  };
  // What readers of the same value had to be given explains more than anything else does.
  return operands([&](size_t, int64_t size, ValueId now) { return given_to_others(size, now); }) ||
         operands([&](size_t i, int64_t size, ValueId now) { return operand_candidates(id, i, size, now); });
}

// The layouts in which an operand may be the source value `other`: its own before all others.
std::vector<Permutation> Walk::operand_permutations(ValueId operand, ValueId other) const {
  const Pair& now = out_.pairs.at(operand);
  auto out = likely_permutations(source_.at(0, other).shape(), values_[0].at(operand).shape());
  const Permutation& own = now.arrangement.permutation;
  if (std::erase(out, own) > 0 || source_.at(0, other).shape() == source_.at(0, now.source).shape())
    out.insert(out.begin(), own);
  return out;
}

// Does what reads the node compute right when its operand is in another layout? Of nodes that only move
// elements and make no source value of them (a Pad that the source's convolution does without).
bool Walk::substitute_layout(size_t position) {
  const NodeId id = order_[position];
  const Node& node = target_.node(id);
  if (!is_layout(node) || node.outputs.size() != 1 || node.inputs.empty()) return false;
  const auto pair = out_.pairs.find(node.inputs[0]);
  if (pair == out_.pairs.end()) return false;
  const Pair now = pair->second;
  const Shape shape = values_[0].at(node.inputs[0]).shape();
  for (const Permutation& permutation : operand_permutations(node.inputs[0], now.source)) {
    Candidate operand{now.source, {permutation, {}}, Evidence::substituted};
    if (operand.arrangement == now.arrangement) continue;
    // A kernel with swapped axes behind it computes right on a swapped picture too.
    if (!is_common(permutation, source_.at(0, now.source).shape(), shape)) continue;
    const auto computed = made_with(
        id, 0, [&](size_t s) { return hand_over(source_.at(s, now.source), operand.arrangement, shape); });
    if (computed.empty()) continue;
    auto trial = values_with(node.outputs[0], [&](size_t s) { return computed[s]; });
    count_confirmations(position, node.outputs[0], operand, trial);
    if (operand.score == 0) continue;
    values_ = std::move(trial);
    out_.edges.push_back({id, 0, now.source, now.source, node.inputs[0], operand.arrangement});
    return true;
  }
  return false;
}

bool Walk::substitute_operand(size_t position, size_t input, ValueId other) {
  const NodeId id = order_[position];
  const ValueId in = target_.node(id).inputs[input];
  const Pair now = out_.pairs.at(in);
  // A reduction over other axes comes out right on another layout; that its axes are wrong is likelier.
  if (other == now.source && target_.node(id).type.starts_with("Reduce")) return false;
  for (const Permutation& permutation : operand_permutations(in, other)) {
    Arrangement arrangement{permutation, {}};
    const ChannelOrder& order = now.arrangement.channels;
    if (!order.empty() && fits(order, source_.at(0, other).shape())) arrangement.channels = order;
    if (other == now.source && arrangement == now.arrangement) continue;
    if (!try_operand(position, input, {other, arrangement, Evidence::substituted}, values_[0].at(in).shape()))
      continue;
    out_.edges.push_back({id, static_cast<int>(input), now.source, other, in, arrangement});
    return true;
  }
  return false;
}

// Whether the source's node that makes `result` reads `operand` and, as this node does, another value that
// tells it from nodes of its type: a computed one, or a constant of more than one number.
bool Walk::reads_the_same(NodeId id, size_t input, const Candidate& operand, ValueId result) const {
  const Node& node = target_.node(id);
  const int producer = source_.position(result);
  if (producer < 0) return false;
  const Node& other = source_.graph().node(producer);
  if (other.type != node.type || other.inputs.size() != node.inputs.size()) return false;
  const auto same = [&](size_t mine, size_t its) {
    const ValueId a = node.inputs[mine], b = other.inputs[its];
    if (a == graph::no_value || b == graph::no_value) return false;
    const auto pair = out_.pairs.find(a);
    if (pair != out_.pairs.end()) return source_.class_of(pair->second.source) == source_.class_of(b);
    const Tensor &x = target_.value(a).constant, &y = source_.graph().value(b).constant;
    return x.size() > 1 && x.size() == y.size() && x.reshaped(y.shape()).identical(y);
  };
  for (size_t its = 0; its < other.inputs.size(); ++its) {
    if (other.inputs[its] == graph::no_value ||
        source_.class_of(other.inputs[its]) != source_.class_of(operand.source))
      continue;
    for (size_t mine = 0; mine < node.inputs.size(); ++mine)
      for (size_t k = 0; k < other.inputs.size(); ++k)
        if (mine != input && k != its && same(mine, k)) return true;
  }
  return false;
}

// The values of each sample, with another one in the place of `value`.
std::vector<evaluate::Feeds> Walk::values_with(ValueId value,
                                               const std::function<Tensor(size_t sample)>& made) const {
  std::vector<evaluate::Feeds> out = values_;
  for (size_t s = 0; s < out.size(); ++s) out[s][value] = made(s);
  return out;
}

// What a node makes, sample by sample, when it is given another operand; empty: it does not run with it, or
// what comes out is no evidence.
std::vector<Tensor> Walk::made_with(NodeId id, size_t input,
                                    const std::function<Tensor(size_t sample)>& operand) {
  const auto computed = run_samples(id, values_with(target_.node(id).inputs[input], operand));
  return !computed.empty() && is_evidence(computed[0]) ? computed[0] : std::vector<Tensor>();
}

// Whether what the node at `end` makes with that operand of the node at `position` is a source value, and a
// consumer agrees; then it is what the node makes.
bool Walk::is_told(size_t position, size_t end, size_t input, const Candidate& operand,
                   const std::vector<Tensor>& computed) {
  const NodeId id = order_[end];
  const Node& node = target_.node(id);
  for (const Match& match : matches_in_any_order(computed)) {
    // Where elements only move the value stays the same, and only the consumers can tell.
    const bool same = match.source == operand.source;
    if ((used_.contains(match.source) && !same) || (same && !is_layout(node))) continue;
    // A kernel with swapped axes computes right on a swapped operand too, but what comes out is swapped.
    if (!is_common(match.arrangement.permutation, source_.at(0, match.source).shape(), computed[0].shape()))
      continue;
    Candidate found{match.source, match.arrangement, Evidence::substituted};
    const bool last = output_behind(node.outputs[0]).has_value();
    std::vector<evaluate::Feeds> before = values_;
    for (size_t s = 0; s < values_.size(); ++s) values_[s][node.outputs[0]] = computed[s];
    const bool told = last || (end == position && reads_the_same(id, input, operand, match.source));
    if (!told) count_confirmations(end, node.outputs[0], found);
    if (told || found.score > 0) {
      given_[id] = found;
      given_end_ = end;
      return true;
    }
    values_ = std::move(before);
  }
  return false;
}

// What a converter may have folded into the linear node at `position`: each reads the one before it alone.
std::vector<size_t> Walk::foldable_behind(size_t position) const {
  static const std::set<std::string> linear{"Conv", "ConvTranspose", "MatMul"};
  static const std::set<std::string> foldable{"BatchNormalization", "Add", "Sub", "Mul", "Div"};
  // In fewer bits it is not told by more than it would be by chance.
  if (!linear.contains(target_.node(order_[position]).type) || half_steps_.any()) return {};
  std::vector<size_t> out;
  size_t folded = 0;
  ValueId value = target_.node(order_[position]).outputs[0];
  while (static_cast<int>(out.size()) < options_.longest_rewrite) {
    const auto& readers = uses_.consumers[static_cast<size_t>(value)];
    if (readers.size() != 1 || uses_.is_output[static_cast<size_t>(value)]) break;
    const Node& next = target_.node(readers[0].node);
    const bool alone = std::all_of(next.inputs.begin(), next.inputs.end(), [&](ValueId in) {
      return in == value || in == graph::no_value || target_.value(in).is_constant();
    });
    const bool folds = foldable.contains(next.type);
    if (!alone || next.outputs.size() != 1 || (!folds && next.type != "Transpose" && next.type != "Identity"))
      break;
    out.push_back(
        static_cast<size_t>(std::find(order_.begin(), order_.end(), readers[0].node) - order_.begin()));
    if (folds) folded = out.size();
    value = next.outputs[0];
  }
  out.resize(folded);
  return out;
}

// `shape`: what the operand is handed over in.
bool Walk::try_operand(size_t position, size_t input, const Candidate& operand, const Shape& shape) {
  const NodeId id = order_[position];
  auto computed = made_with(id, input, [&](size_t s) {
    return hand_over(source_.at(s, operand.source), operand.arrangement, shape);
  });
  if (computed.empty()) return false;
  if (is_told(position, position, input, operand, computed)) return true;
  const auto behind = foldable_behind(position);
  if (behind.empty()) return false;
  auto trial = values_with(target_.node(id).outputs[0], [&](size_t s) { return computed[s]; });
  for (size_t p : behind) {
    auto made = run_samples(order_[p], trial);
    if (made.empty() || !is_evidence(made[0])) return false;
    const Node& node = target_.node(order_[p]);
    for (size_t s = 0; s < trial.size(); ++s) trial[s][node.outputs[0]] = made[0][s];
    if (!is_layout(node) && is_told(position, p, input, operand, made[0])) return true;
  }
  return false;
}

}  // namespace fetafix::align
