// Where the walk lost the way: find what the stuck node's output should have been.
#include <algorithm>
#include <cmath>

#include "align/walk.h"

namespace fetafix::align {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

namespace {

constexpr size_t operand_window = 10;  // source values around an operand's that are tried in its place
constexpr int consumer_window = 8;     // consumers that may confirm
constexpr int region_window = 4;       // nodes of a stuck region that may have a counterpart
constexpr int enough = 2;              // confirmations that settle it

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

// Does it compute right when one operand is another source value, or the same in another layout? Then the
// fault lies before that operand. A consumer must agree: many activations give the same on many values.
bool Walk::substitute(size_t position) {
  const NodeId id = order_[position];
  const Node& node = target_.node(id);
  if (node.outputs.size() != 1) return false;
  const auto operands = [&](auto&& candidates) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId in = node.inputs[i];
      if (in == graph::no_value || !out_.pairs.contains(in)) continue;
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

// The same for what only moves elements and makes no source value of them (a Pad that the source's convolution
// does without): what computes behind it has to come out right.
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
    const auto computed = made_with(
        id, 0, [&](size_t s) { return hand_over(source_.at(s, now.source), operand.arrangement, shape); });
    if (computed.empty()) continue;
    count_confirmations(position, node.outputs[0], computed, operand);
    if (operand.score == 0) continue;
    for (size_t s = 0; s < values_.size(); ++s) values_[s][node.outputs[0]] = computed[s];
    out_.edges.push_back({id, 0, now.source, now.source, node.inputs[0], operand.arrangement});
    return true;
  }
  return false;
}

bool Walk::substitute_operand(size_t position, size_t input, ValueId other) {
  const NodeId id = order_[position];
  const ValueId in = target_.node(id).inputs[input];
  const Pair now = out_.pairs.at(in);
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

// What a node makes, sample by sample, when it is given another operand; empty: it does not run with it, or
// what comes out is no evidence.
std::vector<Tensor> Walk::made_with(NodeId id, size_t input,
                                    const std::function<Tensor(size_t sample)>& operand) {
  std::vector<Tensor> computed;
  for (size_t s = 0; s < values_.size(); ++s) {
    evaluate::Feeds trial = values_[s];
    trial[target_.node(id).inputs[input]] = operand(s);
    auto run = run_node(id, trial);
    if (!run.ok()) return {};
    computed.push_back((*run)[0]);
  }
  return is_evidence(computed) ? computed : std::vector<Tensor>();
}

// `shape`: what the operand is handed over in.
bool Walk::try_operand(size_t position, size_t input, const Candidate& operand, const Shape& shape) {
  const NodeId id = order_[position];
  const Node& node = target_.node(id);
  const auto computed = made_with(id, input, [&](size_t s) {
    return hand_over(source_.at(s, operand.source), operand.arrangement, shape);
  });
  if (computed.empty()) return false;
  for (const Match& match : matches_in_any_order(computed)) {
    // Where elements only move the value stays the same, and only the consumers can tell.
    const bool same = match.source == operand.source;
    if ((used_.contains(match.source) && !same) || (same && !is_layout(node))) continue;
    // A kernel with swapped axes computes right on a swapped operand too, but what comes out is swapped.
    if (!is_common(match.arrangement.permutation, source_.at(0, match.source).shape(), computed[0].shape()))
      continue;
    Candidate found{match.source, match.arrangement, Evidence::substituted};
    const bool last = uses_.consumers[static_cast<size_t>(node.outputs[0])].empty();
    std::vector<evaluate::Feeds> before = values_;
    for (size_t s = 0; s < values_.size(); ++s) values_[s][node.outputs[0]] = computed[s];
    const bool told = last || reads_the_same(id, input, operand, match.source);
    if (!told) count_confirmations(position, node.outputs[0], found);
    if (told || found.score > 0) {
      given_[id] = found;
      return true;
    }
    values_ = std::move(before);
  }
  return false;
}

// Source values that came out, in their own order of channels if there are such.
std::vector<Match> Walk::matches_in_any_order(std::span<const Tensor> samples) const {
  auto out = source_.match(samples, loose_sieve());
  return out.empty() ? source_.match_reordered(samples, loose_sieve(), {}) : out;
}

// An operand of a consumer that the walk has not reached yet: another branch, in the consumer's own layout, or
// what depends on no input (`fixed`, with what is brought along here).
void Walk::bring_along(NodeId id, std::vector<evaluate::Feeds>& trial, std::set<ValueId>& fixed) {
  const Node& node = target_.node(id);
  if (node.outputs.size() != 1 || trial[0].contains(node.outputs[0])) return;
  const bool is_fixed = std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) {
    return in == graph::no_value || target_.value(in).is_constant() || fixed.contains(in);
  });
  if (is_fixed) fixed.insert(node.outputs[0]);
  if (!is_fixed && !is_layout(node)) return;
  const bool known = std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) {
    return in == graph::no_value || target_.value(in).is_constant() || trial[0].contains(in);
  });
  for (size_t s = 0; known && s < trial.size(); ++s)
    if (auto run = run_node(id, trial[s]); run.ok()) trial[s][node.outputs[0]] = (*run)[0];
}

// How many non-layout consumers come out as source values when `value` is the candidate's.
void Walk::count_confirmations(size_t position, ValueId value, Candidate& candidate) {
  std::vector<Tensor> samples;
  for (size_t s = 0; s < values_.size(); ++s) samples.push_back(handed(s, value, candidate));
  count_confirmations(position, value, samples, candidate);
}

void Walk::count_confirmations(size_t position, ValueId value, std::span<const Tensor> samples,
                               Candidate& candidate) {
  std::vector<evaluate::Feeds> trial = values_;
  for (size_t s = 0; s < trial.size(); ++s) trial[s][value] = samples[s];
  std::set<ValueId> depends{value}, fixed = constant_;
  const bool in_order = !candidate.arrangement.channels.empty();
  int looked = 0;
  for (size_t p = position + 1; p < order_.size() && looked < consumer_window && candidate.score < enough;
       ++p) {
    const Node& node = target_.node(order_[p]);
    if (!live_[static_cast<size_t>(order_[p])]) continue;
    const bool reads =
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId v) { return depends.contains(v); });
    if (!reads) {
      bring_along(order_[p], trial, fixed);
      continue;
    }
    std::vector<std::vector<Tensor>> computed(node.outputs.size());  // [output][sample]
    for (auto& values : trial) {
      auto run = run_node(order_[p], values);
      if (!run.ok()) break;
      for (size_t k = 0; k < computed.size(); ++k) computed[k].push_back((*run)[k]);
    }
    const bool tells = !is_layout(node) && node.role != graph::Role::quantize;
    looked += tells;
    // Whatever lets each channel through for itself does so in any order.
    const bool mixes = mixes_channels(node);
    for (size_t k = 0; k < computed.size(); ++k) {
      const ValueId made = node.outputs[k];
      if (made == graph::no_value || computed[k].size() != trial.size()) continue;
      depends.insert(made);
      std::vector<Match> matches;
      if (is_evidence(computed[k])) matches = matches_in_any_order(computed[k]);
      std::erase_if(matches, [&](const Match& m) {
        // A loop also passes on what it reads.
        return m.source == candidate.source || (!node.bodies.empty() && used_.contains(m.source));
      });
      if (!matches.empty() && tells) {
        // Many steps of a loop, or a sum over all channels in another order, do not come out by chance.
        const bool alone = !node.bodies.empty() || (in_order && mixes);
        candidate.score += alone ? enough : !in_order;
        candidate.mixing += mixes;
      }
      for (size_t s = 0; s < trial.size(); ++s)
        trial[s][made] = matches.empty() ? computed[k][s]
                                         : hand_over(source_.at(s, matches[0].source),
                                                     matches[0].arrangement, computed[k][s].shape());
    }
  }
}

// The best candidate for what the node at `position` makes, by what its consumers say.
std::optional<Walk::Candidate> Walk::confirm(size_t position) {
  const NodeId id = order_[position];
  const Node& node = target_.node(id);
  const ValueId value = node.outputs[0];
  auto candidates = candidates_for(id, value);
  // An operator that the source does not have: its input's value goes on.
  for (ValueId in : node.inputs) {
    auto pair = out_.pairs.find(in);
    if (in == graph::no_value || pair == out_.pairs.end() || !values_[0].contains(value) ||
        source_.at(0, pair->second.source).size() != values_[0].at(value).size())
      continue;
    candidates.insert(candidates.begin(), {pair->second.source, pair->second.arrangement, Evidence::passed});
  }
  // Unless an operator of its type reads the same there.
  std::stable_partition(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
    const int producer = source_.position(candidate.source);
    return candidate.evidence != Evidence::passed && producer >= 0 &&
           source_.graph().node(producer).type == node.type &&
           shared_operands(node, source_.graph().node(producer)) > 0;
  });
  if (orders_before(unexplained(id)).empty()) {
    auto best = best_confirmed(position, std::move(candidates));
    if (best && best->score >= enough) return best;
    // What lets each channel through for itself confirms the wrong order too.
    const auto in_order = best_confirmed(position, candidates_in_order(id));
    return in_order && (!best || in_order->mixing > best->mixing) ? in_order : best;
  }
  const auto first = candidates_in_order(id);
  candidates.insert(candidates.begin(), first.begin(), first.end());
  return best_confirmed(position, std::move(candidates));
}

std::optional<Walk::Candidate> Walk::best_confirmed(size_t position, std::vector<Candidate> candidates) {
  const ValueId value = target_.node(order_[position]).outputs[0];
  std::optional<Candidate> best;
  for (Candidate& candidate : candidates) {
    count_confirmations(position, value, candidate);
    if (candidate.score > (best ? best->score : 0)) best = candidate;
    if (best && best->score >= enough) break;
  }
  return best;
}

// The stuck node may be the first of several that are right only together (a convolution before the
// normalization that the source has folded): then a later one of them has a counterpart.
std::optional<std::pair<size_t, Walk::Candidate>> Walk::confirm_region(size_t position) {
  const NodeId first = order_[position];
  if (auto passed = passed_to_output(first)) return std::pair(position, *passed);
  std::optional<std::pair<size_t, Candidate>> best;
  int looked = 0;
  for (size_t p = position; p < order_.size() && looked < region_window; ++p) {
    if (p > position) {
      if (!process(order_[p]).ok()) break;
      const auto& outputs = target_.node(order_[p]).outputs;
      auto pending = outputs.empty() ? pending_.end() : pending_.find(outputs[0]);
      if (pending == pending_.end() || !pending->second.contains(first)) continue;
    }
    // Changes of layout and what stands for a quantization are on the way, not places of their own.
    looked += !is_layout(target_.node(order_[p])) && target_.node(order_[p]).role != graph::Role::quantize;
    auto found = confirm(p);
    if (found && (!best || found->score > best->second.score)) best = std::pair(p, *found);
    if (best && best->second.score >= enough) return best;
    if (auto output = as_output(target_.node(order_[p]).outputs[0]); output && !best)
      best = std::pair(p, *output);
  }
  return best;
}

void Walk::give(NodeId id, const Candidate& candidate, size_t output) {
  const Node& node = target_.node(id);
  const ValueId value = node.outputs[output];
  Segment segment;
  segment.target_end = value;
  segment.source_end = candidate.source;
  segment.evidence = candidate.evidence;
  const Nodes nodes = unexplained(id);
  segment.target_nodes.assign(nodes.begin(), nodes.end());
  const bool opaque =
      std::any_of(nodes.begin(), nodes.end(), [&](NodeId n) { return target_.node(n).opaque; });
  segment.state = opaque                                        ? State::opaque
                  : candidate.evidence == Evidence::substituted ? State::exact
                                                                : State::faulty;
  for (size_t s = 0; s < values_.size(); ++s) {
    const Tensor expected = handed(s, value, candidate);
    auto found = values_[s].find(value);
    const bool comparable = found != values_[s].end() && found->second.size() == expected.size() &&
                            found->second.dtype() == DType::float32;
    const double error =
        !comparable ? 1.0 : compare::relative_l2(expected.as<float>(), found->second.as<float>());
    if (candidate.evidence != Evidence::substituted)
      segment.relative_error = std::max(segment.relative_error, error);
    values_[s][value] = expected;
  }
  segment.tolerance.largest = segment.state == State::faulty ? segment.relative_error / options_.sieve : 0;
  out_.pairs[value] = {candidate.source, candidate.arrangement, candidate.evidence};
  used_.insert(candidate.source);
  pending_.erase(value);
  pending_tolerance_.erase(value);
  roots_.erase(value);
  if (!candidate.arrangement.channels.empty()) roots_[value] = roots_of(nodes);
  blocked_.erase(id);
  accounted_.insert(nodes.begin(), nodes.end());
  out_.segments.push_back(std::move(segment));
}

Status Walk::resync(size_t position) {
  const NodeId id = order_[position];
  resynchronized_.insert(id);
  rewind(position + 1);
  resumed_ = position + 1;
  const bool could_not_run = blocked_.erase(id) > 0;
  if ((could_not_run && (reshape_operand(position) || exchange_operand(position))) || substitute(position)) {
    give(id, given_.at(id));
    return {};
  }
  if (substitute_layout(position) || substitute_loop(id) || give_loop(id)) return {};
  const auto found = confirm_region(position);
  rewind(position + 1);
  if (found) {
    // Everything up to there goes through the walk once more; `process` hands the found value on.
    given_[order_[found->first]] = found->second;
    for (size_t p = position + 1; p <= found->first; ++p) FETAFIX_CHECK(process(order_[p]));
    if (found->first == position) give(id, found->second);
    resumed_ = found->first + 1;
    return {};
  }
  auto guess = tentative(id);
  if (const auto likely = candidates_in_order(id); !orders_before(unexplained(id)).empty() && !likely.empty())
    guess = likely[0];
  if (!guess) {
    accounted_.insert(id);  // unaligned: said in the coverage, not tried again
    Segment segment;
    segment.target_end = target_.node(id).outputs[0];
    segment.target_nodes = {id};
    segment.state = State::unaligned;
    segment.relative_error = 1;
    out_.segments.push_back(std::move(segment));
    return {};
  }
  given_[id] = *guess;
  give(id, given_.at(id));
  return {};
}

}  // namespace fetafix::align
