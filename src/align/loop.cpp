// Loops are paired whole: the recurrent layer of the source that one may stand for.
#include <algorithm>

#include "align/walk.h"

namespace fetafix::align {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

namespace {

constexpr int loop_window =
    16;  // steps of the source behind the frontier among which a loop's counterpart is

// Target nodes behind a loop among which its sequence is turned around.
constexpr size_t reversal_window = 24;

bool is_reversal(const graph::Graph& graph, const Node& node) {
  if (node.type == "ReverseSequence") return true;
  if (node.type != "Slice" || node.inputs.size() < 5 || node.inputs[4] == graph::no_value) return false;
  const auto steps = to_int64s(graph.value(node.inputs[4]).constant);
  return steps.ok() && std::any_of(steps->begin(), steps->end(), [](int64_t step) { return step < 0; });
}

}  // namespace

// A loop that runs backwards over a sequence makes it in that order, which the source may have nowhere: does
// what turns it around come out right? The walk goes on behind that.
bool Walk::loop_comes_right(size_t position) {
  const NodeId id = order_[position];
  if (target_.node(id).bodies.empty()) return false;
  const size_t end = std::min(order_.size(), position + 1 + reversal_window);
  for (size_t p = position + 1; p < end; ++p) {
    const size_t before = out_.segments.size();
    if (!process(order_[p]).ok()) break;
    const bool right = std::any_of(out_.segments.begin() + static_cast<std::ptrdiff_t>(before),
                                   out_.segments.end(), [&](const Segment& s) {
                                     return s.state == State::rewrite &&
                                            std::ranges::find(s.target_nodes, id) != s.target_nodes.end();
                                   });
    if (!right) continue;
    resumed_ = p + 1;
    return true;
  }
  rewind(position + 1);
  return false;
}

// How many of a target node's operands are operands of a source node.
int Walk::shared_operands(const Node& node, const Node& other) const {
  int count = 0;
  for (ValueId in : node.inputs) {
    auto pair = out_.pairs.find(in);
    if (in == graph::no_value || pair == out_.pairs.end()) continue;
    count += std::any_of(other.inputs.begin(), other.inputs.end(), [&](ValueId v) {
      return v != graph::no_value && source_.class_of(v) == pair->second.source;
    });
  }
  return count;
}

// Whether a loop's sequence was turned around for it, which an operator that runs backwards does by itself.
bool Walk::runs_turned(const Node& node, const Node& other) const {
  if (graph::attribute_or(other, "direction", std::string()) != "reverse") return false;
  return std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) {
    for (int hops = 0; hops < 3 && in != graph::no_value; ++hops) {
      const NodeId id = uses_.producer[static_cast<size_t>(in)];
      if (id < 0) return false;
      if (is_reversal(target_, target_.node(id))) return true;
      if (!is_layout(target_.node(id))) return false;
      in = target_.node(id).inputs[0];
    }
    return false;
  });
}

// Gives what turns a loop's sequence back the source's, whose operator runs backwards.
bool Walk::give_turned(size_t position) {
  const NodeId id = order_[position];
  const int from = frontier(id) + 1;
  const int to = behind(from - 1, loop_window);
  const Node* other = nullptr;
  for (int s = from; s < to && !other; ++s)
    if (runs_turned(target_.node(id), source_.graph().node(s))) other = &source_.graph().node(s);
  if (!other) return false;
  for (size_t p = position + 1; p < order_.size() && p <= position + reversal_window; ++p) {
    if (!process(order_[p]).ok()) break;
    const Node& node = target_.node(order_[p]);
    if (!is_reversal(target_, node) || !unexplained(order_[p]).contains(id)) continue;
    if (!given_.contains(order_[p])) {  // else its consumers have said so before
      const auto samples = unpaired_evidence(node.outputs[0]);
      const auto match = samples.empty() ? std::nullopt : nearest_output(samples, *other);
      if (!match) continue;
      give(order_[p], {match->source, match->arrangement, Evidence::tentative});
    }
    resumed_ = p + 1;
    return true;
  }
  rewind(position + 1);
  return false;
}

// A loop is stuck as a whole: the recurrent node of the source that reads the same, or is nearest, gives each
// of its outputs, by size and then by error. One segment says so, at the output that is furthest off.
bool Walk::give_loop(NodeId id) {
  static const std::set<std::string> recurrent{"Loop", "Scan", "LSTM", "GRU", "RNN"};
  const Node& node = target_.node(id);
  if (node.bodies.empty() || !recurrent.contains(node.type)) return false;
  const int from = frontier(id) + 1;
  const int to = behind(from - 1, loop_window);
  using Given = std::pair<size_t, Match>;
  std::vector<Given> best;
  std::tuple<int, size_t, double> highest;
  for (int s = from; s < to; ++s) {
    const Node& other = source_.graph().node(s);
    if (!recurrent.contains(other.type)) continue;
    std::vector<Given> given;
    double error = 0;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId value = node.outputs[i];
      const auto samples = unpaired_evidence(value);
      if (samples.empty()) continue;
      const auto match = nearest_output(samples, other);
      if (!match && uses_.consumers[static_cast<size_t>(value)].empty()) continue;
      if (!match) {  // the source keeps other steps: what is made of them will tell
        given.clear();
        break;
      }
      given.emplace_back(i, *match);
      error = std::max(error, match->relative);
    }
    const std::tuple rank(shared_operands(node, other), given.size(), -error);
    if (given.empty() || (!best.empty() && rank <= highest)) continue;
    best = std::move(given);
    highest = rank;
  }
  std::stable_sort(best.begin(), best.end(),
                   [](const Given& a, const Given& b) { return a.second.relative > b.second.relative; });
  for (const auto& [output, match] : best) {
    give(id, {match.source, match.arrangement, Evidence::tentative}, output);
    if (output != best[0].first) out_.segments.pop_back();
  }
  return !best.empty();
}

// Does it compute right when the sequence that it reads is another source value, or the same in another
// layout? So many steps do not come out right by chance: no consumer has to agree.
bool Walk::substitute_loop(NodeId id) {
  const Node& node = target_.node(id);
  if (node.bodies.empty() || node.outputs.size() < 2) return false;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId in = node.inputs[i];
    const auto pair = out_.pairs.find(in);
    if (in == graph::no_value || pair == out_.pairs.end()) continue;
    const Pair now = pair->second;
    for (ValueId other : operand_candidates(id, i, values_[0].at(in).size(), now.source))
      for (const Permutation& permutation : operand_permutations(in, other)) {
        const Arrangement arrangement{permutation, {}};
        if (other == now.source && arrangement == now.arrangement) continue;
        if (!loop_runs_right(id, i, other, arrangement)) continue;
        out_.edges.push_back({id, static_cast<int>(i), now.source, other, in, arrangement});
        return true;
      }
  }
  return false;
}

// Gives the loop its outputs when one of them is a source value that nothing is paired with.
bool Walk::loop_runs_right(NodeId id, size_t input, ValueId other, const Arrangement& arrangement) {
  const Node& node = target_.node(id);
  const ValueId in = node.inputs[input];
  const auto computed =
      run_samples(id, values_with(in, [&](size_t s) {
                    return hand_over(source_.at(s, other), arrangement, values_[s].at(in).shape());
                  }));
  if (computed.empty()) return false;
  std::vector<std::optional<Match>> found(node.outputs.size());
  bool right = false;
  for (size_t k = 0; k < found.size(); ++k) {
    if (node.outputs[k] == graph::no_value || !is_evidence(computed[k])) continue;
    for (const Match& match : source_.match(computed[k], loose_sieve())) {
      const bool passed_on = match.source == other || used_.contains(match.source);
      if (found[k] && passed_on) continue;
      found[k] = match;
      right = right || !passed_on;
      if (!passed_on) break;
    }
  }
  if (!right) return false;
  for (size_t k = 0; k < found.size(); ++k) {
    if (node.outputs[k] == graph::no_value) continue;
    for (size_t s = 0; s < values_.size(); ++s) values_[s][node.outputs[k]] = computed[k][s];
    if (found[k]) give(id, {found[k]->source, found[k]->arrangement, Evidence::substituted}, k);
  }
  return true;
}

// The value on each sample; nothing when it is paired or no evidence.
std::vector<Tensor> Walk::unpaired_evidence(ValueId value) const {
  std::vector<Tensor> samples;
  if (value == graph::no_value || out_.pairs.contains(value)) return samples;
  for (const auto& values : values_)
    if (auto found = values.find(value); found != values.end()) samples.push_back(found->second);
  if (samples.size() != values_.size() || !is_evidence(samples)) samples.clear();
  return samples;
}

// Which unused output of `other` a value is nearest to.
std::optional<Match> Walk::nearest_output(std::span<const Tensor> samples, const Node& other) const {
  std::optional<Match> best;
  for (ValueId out : other.outputs) {
    if (out == graph::no_value || !source_.usable(out)) continue;
    const ValueId source = source_.class_of(out);
    if (used_.contains(source) || source_.at(0, source).size() != samples[0].size()) continue;
    const auto match = source_.best_permutation(samples, source);
    if (match && (!best || match->relative < best->relative)) best = match;
  }
  return best;
}

}  // namespace fetafix::align
