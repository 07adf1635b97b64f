// What a value that is no source value may stand for: source values, in likely arrangements.
#include <algorithm>
#include <cmath>

#include "align/walk.h"

namespace fetafix::align {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

namespace {

constexpr int source_window = 40;  // source nodes around the frontier tried as values
constexpr int tentative_window = 9;
constexpr size_t most_candidates = 24;
constexpr size_t most_next = 8;  // source values of another size

bool is_rotation(const Permutation& permutation) {
  const auto size = static_cast<int>(permutation.size());
  for (int k = 0; k < size; ++k)
    if (permutation[static_cast<size_t>(k)] != (permutation[0] + k) % size) return false;
  return true;
}

}  // namespace

// The latest source node that the inputs of this target node are paired with; where an input is pending,
// those of the nodes that made it.
int Walk::frontier(NodeId id) const {
  int at = -1;
  const auto look = [&](NodeId node) {
    for (ValueId in : target_.node(node).inputs)
      if (auto pair = out_.pairs.find(in); pair != out_.pairs.end())
        at = std::max(at, source_.position(pair->second.source));
  };
  look(id);
  for (NodeId before : pending_before(target_.node(id))) look(before);
  return at;
}

// How far into the source a position is, counted in operators that do more than move elements.
int Walk::steps(int position) const {
  return position < 0 ? 0 : steps_[static_cast<size_t>(position)];
}

// The position behind that many further steps.
int Walk::behind(int position, int steps) const {
  int out = position;
  while (out < static_cast<int>(steps_.size()) && this->steps(out) - this->steps(position) < steps) ++out;
  return out;
}

std::optional<Permutation> Walk::usual_permutation(const Shape& source, const Shape& target) const {
  std::optional<Permutation> best;
  int most = -1;
  for (const Permutation& p : candidate_permutations(source, target)) {
    auto seen = seen_permutations_.find(p);
    const int count = seen == seen_permutations_.end() ? 0 : seen->second;
    if (count > most) {
      best = p;
      most = count;
    }
  }
  return best;
}

// The layout that most values of that many dimensions have had so far.
Permutation Walk::dominant_permutation(const Shape& shape) const {
  const size_t dims = squeezed(shape).size();
  Permutation most;
  int count = 0;
  for (const auto& [p, n] : seen_permutations_)
    if ((p.size() == dims || (p.empty() && dims > 0)) && n > count) most = p, count = n;
  return most;
}

// The layout of what a node makes is that of its operand, unless moving elements is all that it does: a view
// of an NHWC file has both layouts, about equally often.
std::optional<Permutation> Walk::kept_permutation(NodeId id, const Shape& shape) const {
  const Node& node = target_.node(id);
  if (is_layout(node)) return std::nullopt;
  for (ValueId in : node.inputs) {  // a join may have one operand alone that is known
    const auto pair = out_.pairs.find(in);
    if (pair == out_.pairs.end()) continue;
    const size_t operand = squeezed(source_.at(0, pair->second.source).shape()).size();
    if (operand == squeezed(shape).size()) return pair->second.arrangement.permutation;
  }
  return std::nullopt;
}

// How a value of another shape than the source's should lie: operators that have channels first by definition
// make it as the source's does.
Permutation Walk::likely_permutation(NodeId id, ValueId source) const {
  const Node& node = target_.node(id);
  static const std::set<std::string> channels_first{"Conv", "ConvTranspose", "MaxPool", "AveragePool",
                                                    "BatchNormalization"};
  const NodeId producer = source_.uses().producer[static_cast<size_t>(source)];
  if (producer >= 0 && channels_first.contains(node.type) &&
      channels_first.contains(source_.graph().node(producer).type))
    return {};
  const Shape& shape = source_.at(0, source).shape();
  return kept_permutation(id, shape).value_or(dominant_permutation(shape));
}

// Whether values of that shape have had this layout about as often as any: a view of an NHWC file has two.
bool Walk::is_common(const Permutation& permutation, const Shape& source, const Shape& target) const {
  const auto count = [&](const Permutation& p) {
    auto seen = seen_permutations_.find(p);
    return seen == seen_permutations_.end() ? 0 : seen->second;
  };
  int most = 0;
  for (const Permutation& p : candidate_permutations(source, target)) most = std::max(most, count(p));
  // Before anything was computed: channels may stand first or last, but height and width keep their order.
  if (most == 0 || !computed_any_) return is_rotation(permutation);
  return 4 * count(permutation) >= most;
}

Tensor Walk::handed(size_t sample, ValueId target, const Candidate& candidate) const {
  const ChannelOrder& channels = candidate.arrangement.channels;
  Tensor value = source_.at(sample, candidate.source);
  auto found = values_[sample].find(target);
  const bool same_size = found != values_[sample].end() && found->second.size() == value.size();
  if (same_size) return hand_over(value, candidate.arrangement, found->second.shape());
  // The target computed another shape or nothing: the source's own dimensions in the target's order.
  if (!channels.empty()) value = reordered(value, channels);
  const size_t rank = value.shape().size();
  const Permutation& permutation = candidate.arrangement.permutation;
  if (permutation.size() == rank) return transpose(value, permutation);
  if (permutation.size() + 1 != rank || value.shape()[0] != 1) return value;
  std::vector<int> whole{0};
  for (int p : permutation) whole.push_back(p + 1);
  return transpose(value, whole);
}

// The nearest class representatives of that many elements, by place in the source.
std::vector<ValueId> Walk::nearest_values(int64_t elements, int position, size_t most) const {
  const auto all = source_.of_size(elements);
  std::vector<ValueId> out(all.begin(), all.end());
  std::stable_sort(out.begin(), out.end(), [&](ValueId a, ValueId b) {
    return std::abs(source_.position(a) - position) < std::abs(source_.position(b) - position);
  });
  if (out.size() > most) out.resize(most);
  return out;
}

// What the source computes behind that node, as far as nothing is paired with it.
std::vector<ValueId> Walk::next_values(int position) const {
  const auto& nodes = source_.graph().nodes;
  std::vector<ValueId> out;
  for (int s = std::max(0, position + 1); s < static_cast<int>(nodes.size()) && out.size() < most_next; ++s)
    for (ValueId value : nodes[static_cast<size_t>(s)].outputs)
      if (value != graph::no_value && source_.usable(value) && source_.class_of(value) == value &&
          !used_.contains(value))
        out.push_back(value);
  return out;
}

// The layouts worth trying: the one the walk has seen most, the unchanged one, then the others.
std::vector<Permutation> Walk::likely_permutations(const Shape& source, const Shape& target) const {
  auto out = candidate_permutations(source, target);
  const auto usual = usual_permutation(source, target);
  if (usual) {
    std::erase(out, *usual);
    out.insert(out.begin(), *usual);
  }
  if (out.size() > 3) out.resize(3);
  return out;
}

// Whether an operator of that type makes the source value, behind it at most what may have been folded into
// it.
bool Walk::made_by(ValueId value, const std::string& type) const {
  static const std::set<std::string> foldable{"Add", "Mul", "Sub", "Div", "BatchNormalization"};
  for (int hops = 0; hops < 4; ++hops) {
    const int position = source_.position(value);
    if (position < 0) return false;
    const Node& node = source_.graph().node(position);
    if (node.type == type) return true;
    if (!foldable.contains(node.type)) return false;
    ValueId varying = graph::no_value;
    for (ValueId in : node.inputs) {
      if (in == graph::no_value || source_.graph().value(in).is_constant()) continue;
      if (varying != graph::no_value) return false;
      varying = in;
    }
    if (varying == graph::no_value) return false;
    value = varying;
  }
  return false;
}

// Source values that the output may be: in the layout that the walk has seen (elementwise and 1x1 consumers
// would confirm a swapped one), first what an operator of its own type computes near the frontier,
// then by error, then by distance.
std::vector<Walk::Candidate> Walk::candidates_for(NodeId id, ValueId value) const {
  const Node& node = target_.node(id);
  const int at = frontier(id);
  struct Ranked {
    std::tuple<bool, int, int, double> key;
    Candidate candidate;
  };
  // The source may have folded this operator into the linear one before it.
  std::set<std::string> types{node.type};
  for (NodeId before : unexplained(id))
    if (const std::string& type = target_.node(before).type; type == "Conv" || type == "MatMul")
      types.insert(type);
  std::vector<Ranked> ranked;
  std::vector<Tensor> computed;
  for (const auto& values : values_)
    if (auto found = values.find(value); found != values.end()) computed.push_back(found->second);
  const auto consider = [&](ValueId source, const Permutation& permutation, double error) {
    const int position = source_.position(source);
    const bool same_type = std::any_of(types.begin(), types.end(),
                                       [&](const std::string& type) { return made_by(source, type); });
    const Shape& shape = source_.at(0, source).shape();
    const bool usual = computed.empty() || is_common(permutation, shape, computed[0].shape());
    ranked.push_back({{!usual,
                       same_type && position > at ? 0
                       : same_type                ? 1
                                                  : 2,
                       std::abs(position - at), error},
                      {source, {permutation, {}}, Evidence::confirmed}});
  };
  if (computed.size() == values_.size() && computed[0].dtype() == DType::float32) {
    for (ValueId source : source_.of_size(computed[0].size())) {
      if (used_.contains(source) || std::abs(steps(source_.position(source)) - steps(at)) > source_window)
        continue;
      const auto best = source_.best_permutation(computed, source);
      if (best) consider(source, best->arrangement.permutation, best->relative);
      // The layout that the walk has seen most is likelier than the one of least error on a wrong value.
      const auto usual = usual_permutation(source_.at(0, source).shape(), computed[0].shape());
      if (usual && best && *usual != best->arrangement.permutation) consider(source, *usual, best->relative);
    }
  }
  // A wrong shape has no candidate of its size: what the source computes next, in the target's layout.
  for (ValueId source : next_values(at)) {
    const Tensor& next = source_.at(0, source);
    if (computed.empty() || next.size() != computed[0].size())
      consider(source, likely_permutation(id, source), 2);
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Ranked& a, const Ranked& b) { return a.key < b.key; });
  std::vector<Candidate> out;
  for (const Ranked& r : ranked)
    if (out.size() < most_candidates) out.push_back(r.candidate);
  return out;
}

// The model's output has no consumers: it is what the source's output is.
std::optional<Walk::Candidate> Walk::as_output(ValueId value) const {
  for (size_t i = 0; i < target_.outputs.size() && i < source_.graph().outputs.size(); ++i) {
    const ValueId expected = source_.class_of(source_.graph().outputs[i]);
    if (target_.outputs[i] != value || !source_.usable(expected) || !values_[0].contains(value)) continue;
    const auto usual = usual_permutation(source_.at(0, expected).shape(), values_[0].at(value).shape());
    if (usual) return Candidate{expected, {*usual, {}}, Evidence::tentative};
  }
  return std::nullopt;
}

// Which model output the value is, but for what only moves elements; nullopt: something else reads it.
std::optional<size_t> Walk::output_behind(ValueId value) const {
  while (!uses_.is_output[static_cast<size_t>(value)]) {
    const auto& readers = uses_.consumers[static_cast<size_t>(value)];
    if (readers.size() != 1) return std::nullopt;
    const Node& next = target_.node(readers[0].node);
    if ((!is_layout(next) && next.role != graph::Role::quantize) || next.outputs.size() != 1)
      return std::nullopt;
    value = next.outputs[0];
  }
  return static_cast<size_t>(std::find(target_.outputs.begin(), target_.outputs.end(), value) -
                             target_.outputs.begin());
}

// The last operator before a model output, whose operand is what the output should be: nobody behind it could
// confirm that the source does not have it.
std::optional<Walk::Candidate> Walk::passed_to_output(NodeId id) const {
  const Node& node = target_.node(id);
  if (node.outputs.size() != 1 || is_layout(node) || node.role == graph::Role::quantize) return std::nullopt;
  const auto output = output_behind(node.outputs[0]);
  if (!output) return std::nullopt;
  if (*output >= source_.graph().outputs.size()) return std::nullopt;
  const ValueId expected = source_.class_of(source_.graph().outputs[*output]);
  for (ValueId in : node.inputs)
    if (auto pair = out_.pairs.find(in); pair != out_.pairs.end() && pair->second.source == expected)
      return Candidate{expected, pair->second.arrangement, Evidence::passed};
  return std::nullopt;
}

// The next unused source value that an operator of the same type makes, whatever its shape.
std::optional<Walk::Candidate> Walk::tentative(NodeId id) const {
  const Node& node = target_.node(id);
  const int at = frontier(id);
  for (int s = std::max(0, at + 1), end = behind(at, tentative_window); s < end; ++s) {
    const Node& other = source_.graph().node(s);
    if (other.type != node.type || other.outputs.empty() || !source_.usable(other.outputs[0])) continue;
    const ValueId source = source_.class_of(other.outputs[0]);
    if (used_.contains(source)) continue;
    const bool have = values_[0].contains(node.outputs[0]);
    const Shape shape = source_.at(0, source).shape();
    if (have && values_[0].at(node.outputs[0]).size() == source_.at(0, source).size()) {
      const auto usual = usual_permutation(shape, values_[0].at(node.outputs[0]).shape());
      if (usual) return Candidate{source, {*usual, {}}, Evidence::tentative};
    }
    return Candidate{source, {likely_permutation(id, source), {}}, Evidence::tentative};
  }
  return std::nullopt;
}

}  // namespace fetafix::align
