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
constexpr int source_window = 40;      // source nodes around the frontier tried as values
constexpr size_t most_candidates = 24;
constexpr int consumer_window = 8;  // consumers that may confirm
constexpr int loop_window = 16;     // source nodes behind the frontier among which a loop's counterpart is
constexpr int region_window = 4;    // nodes of a stuck region that may have a counterpart
constexpr int enough = 2;           // confirmations that settle it

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
  if (is_layout(node) || node.inputs.empty()) return std::nullopt;
  auto pair = out_.pairs.find(node.inputs[0]);
  if (pair == out_.pairs.end()) return std::nullopt;
  const size_t operand = squeezed(source_.at(0, pair->second.source).shape()).size();
  if (operand != squeezed(shape).size()) return std::nullopt;
  return pair->second.permutation;
}

// Whether values of that shape have had this layout about as often as any: a view of an NHWC file has two.
bool Walk::is_common(const Permutation& permutation, const Shape& source, const Shape& target) const {
  const auto count = [&](const Permutation& p) {
    auto seen = seen_permutations_.find(p);
    return seen == seen_permutations_.end() ? 0 : seen->second;
  };
  int most = 0;
  for (const Permutation& p : candidate_permutations(source, target)) most = std::max(most, count(p));
  // Before any was seen: channels may stand first or last, but height and width keep their order.
  if (most == 0) return is_rotation(permutation);
  return 4 * count(permutation) >= most;
}

Tensor Walk::handed(size_t sample, ValueId target, const Candidate& candidate) const {
  const Tensor& value = source_.at(sample, candidate.source);
  auto found = values_[sample].find(target);
  const bool fits = found != values_[sample].end() && found->second.size() == value.size();
  if (fits) return hand_over(value, candidate.permutation, found->second.shape());
  // The target computed another shape or nothing: the source's own dimensions in the target's order.
  const size_t rank = value.shape().size();
  if (candidate.permutation.size() == rank) return transpose(value, candidate.permutation);
  if (candidate.permutation.size() + 1 != rank || value.shape()[0] != 1) return value;
  std::vector<int> whole{0};
  for (int p : candidate.permutation) whole.push_back(p + 1);
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

// Does it compute right when one operand is another source value, or the same in another layout? Then the
// fault lies before that operand. A consumer must agree: many activations give the same on many values.
bool Walk::substitute(size_t position) {
  const NodeId id = order_[position];
  const Node& node = target_.node(id);
  if (node.outputs.size() != 1) return false;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId in = node.inputs[i];
    auto pair = out_.pairs.find(in);
    if (in == graph::no_value || pair == out_.pairs.end()) continue;
    const Tensor& now = values_[0].at(in);
    for (ValueId other : nearest_values(now.size(), source_.position(pair->second.source), operand_window)) {
      for (const Permutation& permutation : likely_permutations(source_.at(0, other).shape(), now.shape())) {
        if (other == pair->second.source && permutation == pair->second.permutation) continue;
        if (try_operand(position, i, {other, permutation, Evidence::substituted})) {
          out_.edges.push_back({id, static_cast<int>(i), pair->second.source, other, in, permutation});
          return true;
        }
      }
    }
  }
  return false;
}

bool Walk::try_operand(size_t position, size_t input, const Candidate& operand) {
  const NodeId id = order_[position];
  const Node& node = target_.node(id);
  std::vector<Tensor> computed;
  for (size_t s = 0; s < values_.size(); ++s) {
    evaluate::Feeds trial = values_[s];
    const ValueId in = node.inputs[input];
    trial[in] = hand_over(source_.at(s, operand.source), operand.permutation, values_[s].at(in).shape());
    auto run = run_node(id, trial);
    if (!run.ok()) return false;
    computed.push_back((*run)[0]);
  }
  if (!is_evidence(computed)) return false;
  for (const Match& match : source_.match(computed, loose_sieve())) {
    if (used_.contains(match.source) || match.source == operand.source) continue;
    // A kernel with swapped axes computes right on a swapped operand too, but what comes out is swapped.
    if (!is_common(match.permutation, source_.at(0, match.source).shape(), computed[0].shape())) continue;
    const Candidate found{match.source, match.permutation, Evidence::substituted};
    const bool last = uses_.consumers[static_cast<size_t>(node.outputs[0])].empty();
    std::vector<evaluate::Feeds> before = values_;
    for (size_t s = 0; s < values_.size(); ++s) values_[s][node.outputs[0]] = computed[s];
    if (last || confirmations(position, node.outputs[0], found) > 0) {
      given_[id] = found;
      return true;
    }
    values_ = std::move(before);
  }
  return false;
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
  std::vector<Ranked> ranked;
  std::vector<Tensor> computed;
  for (const auto& values : values_)
    if (auto found = values.find(value); found != values.end()) computed.push_back(found->second);
  const auto consider = [&](ValueId source, const Permutation& permutation, double error) {
    const int position = source_.position(source);
    const bool same_type = position >= 0 && source_.graph().node(position).type == node.type;
    const Shape& shape = source_.at(0, source).shape();
    const bool usual = computed.empty() || is_common(permutation, shape, computed[0].shape());
    ranked.push_back({{!usual,
                       same_type && position > at ? 0
                       : same_type                ? 1
                                                  : 2,
                       std::abs(position - at), error},
                      {source, permutation, Evidence::confirmed}});
  };
  if (computed.size() == values_.size() && computed[0].dtype() == DType::float32) {
    for (ValueId source : source_.of_size(computed[0].size())) {
      if (used_.contains(source) || std::abs(source_.position(source) - at) > source_window) continue;
      const auto best = source_.best_permutation(computed, source);
      if (best) consider(source, best->permutation, best->relative);
      // The layout that the walk has seen most is likelier than the one of least error on a wrong value.
      const auto usual = usual_permutation(source_.at(0, source).shape(), computed[0].shape());
      if (usual && best && *usual != best->permutation) consider(source, *usual, best->relative);
    }
  }
  // A wrong shape has no candidate of its size: what the source computes next, in the target's layout.
  const auto& nodes = source_.graph().nodes;
  int further = 0;
  for (int s = std::max(0, at + 1); s < static_cast<int>(nodes.size()) && further < 8; ++s) {
    for (ValueId out : nodes[static_cast<size_t>(s)].outputs) {
      if (out == graph::no_value || !source_.usable(out) || source_.class_of(out) != out ||
          used_.contains(out))
        continue;
      ++further;
      if (!computed.empty() && source_.at(0, out).size() == computed[0].size()) continue;
      const Shape& shape = source_.at(0, out).shape();
      consider(out, kept_permutation(id, shape).value_or(dominant_permutation(shape)), 2);
    }
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Ranked& a, const Ranked& b) { return a.key < b.key; });
  std::vector<Candidate> out;
  for (const Ranked& r : ranked)
    if (out.size() < most_candidates) out.push_back(r.candidate);
  return out;
}

// An operand of a consumer that the walk has not reached yet: another branch, in the consumer's own layout.
void Walk::bring_along(NodeId id, std::vector<evaluate::Feeds>& trial) {
  const Node& node = target_.node(id);
  if (!is_layout(node) || trial[0].contains(node.outputs[0])) return;
  const bool known = std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) {
    return in == graph::no_value || target_.value(in).is_constant() || trial[0].contains(in);
  });
  for (size_t s = 0; known && s < trial.size(); ++s)
    if (auto run = run_node(id, trial[s]); run.ok()) trial[s][node.outputs[0]] = (*run)[0];
}

// How many non-layout consumers come out as source values when `value` is the candidate's.
int Walk::confirmations(size_t position, ValueId value, const Candidate& candidate) {
  std::vector<evaluate::Feeds> trial = values_;
  for (size_t s = 0; s < trial.size(); ++s) trial[s][value] = handed(s, value, candidate);
  std::set<ValueId> depends{value};
  int score = 0, looked = 0;
  for (size_t p = position + 1; p < order_.size() && looked < consumer_window && score < enough; ++p) {
    const Node& node = target_.node(order_[p]);
    if (!live_[static_cast<size_t>(order_[p])]) continue;
    const bool reads =
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId v) { return depends.contains(v); });
    if (node.outputs.size() != 1) continue;
    if (!reads) {
      bring_along(order_[p], trial);
      continue;
    }
    std::vector<Tensor> computed;
    for (auto& values : trial) {
      auto run = run_node(order_[p], values);
      if (!run.ok()) break;
      computed.push_back((*run)[0]);
    }
    looked += !is_layout(node) && node.role != graph::Role::quantize;
    if (computed.size() != trial.size()) continue;
    depends.insert(node.outputs[0]);
    std::vector<Match> matches;
    if (is_evidence(computed)) matches = source_.match(computed, loose_sieve());
    std::erase_if(matches, [&](const Match& m) { return m.source == candidate.source; });
    if (!matches.empty() && !is_layout(node) && node.role != graph::Role::quantize) ++score;
    for (size_t s = 0; s < trial.size(); ++s)
      trial[s][node.outputs[0]] = matches.empty() ? computed[s]
                                                  : hand_over(source_.at(s, matches[0].source),
                                                              matches[0].permutation, computed[s].shape());
  }
  return score;
}

// The best candidate for what the node at `position` makes, by what its consumers say.
std::optional<Walk::Candidate> Walk::confirm(size_t position) {
  const NodeId id = order_[position];
  const Node& node = target_.node(id);
  const ValueId value = node.outputs[0];
  std::optional<Candidate> best;
  auto candidates = candidates_for(id, value);
  // An operator that the source does not have: its input's value goes on.
  for (ValueId in : node.inputs) {
    auto pair = out_.pairs.find(in);
    if (in == graph::no_value || pair == out_.pairs.end() || !values_[0].contains(value) ||
        source_.at(0, pair->second.source).size() != values_[0].at(value).size())
      continue;
    candidates.insert(candidates.begin(), {pair->second.source, pair->second.permutation, Evidence::passed});
  }
  for (Candidate& candidate : candidates) {
    candidate.score = confirmations(position, value, candidate);
    if (candidate.score > (best ? best->score : 0)) best = candidate;
    if (best && best->score >= enough) break;
  }
  return best;
}

// The model's output has no consumers: it is what the source's output is.
std::optional<Walk::Candidate> Walk::as_output(ValueId value) const {
  for (size_t i = 0; i < target_.outputs.size() && i < source_.graph().outputs.size(); ++i) {
    const ValueId expected = source_.class_of(source_.graph().outputs[i]);
    if (target_.outputs[i] != value || !source_.usable(expected) || !values_[0].contains(value)) continue;
    const auto usual = usual_permutation(source_.at(0, expected).shape(), values_[0].at(value).shape());
    if (usual) return Candidate{expected, *usual, Evidence::tentative};
  }
  return std::nullopt;
}

// The last operator before a model output, whose operand is what the output should be: nobody behind it could
// confirm that the source does not have it.
std::optional<Walk::Candidate> Walk::passed_to_output(NodeId id) const {
  const Node& node = target_.node(id);
  if (node.outputs.size() != 1 || is_layout(node) || node.role == graph::Role::quantize) return std::nullopt;
  ValueId end = node.outputs[0];
  while (!uses_.is_output[static_cast<size_t>(end)]) {
    const auto& readers = uses_.consumers[static_cast<size_t>(end)];
    if (readers.size() != 1) return std::nullopt;
    const Node& next = target_.node(readers[0].node);
    if ((!is_layout(next) && next.role != graph::Role::quantize) || next.outputs.size() != 1)
      return std::nullopt;
    end = next.outputs[0];
  }
  const auto output =
      std::find(target_.outputs.begin(), target_.outputs.end(), end) - target_.outputs.begin();
  if (static_cast<size_t>(output) >= source_.graph().outputs.size()) return std::nullopt;
  const ValueId expected = source_.class_of(source_.graph().outputs[static_cast<size_t>(output)]);
  for (ValueId in : node.inputs)
    if (auto pair = out_.pairs.find(in); pair != out_.pairs.end() && pair->second.source == expected)
      return Candidate{expected, pair->second.permutation, Evidence::passed};
  return std::nullopt;
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

// The next unused source value that an operator of the same type makes, whatever its shape.
std::optional<Walk::Candidate> Walk::tentative(NodeId id) const {
  const Node& node = target_.node(id);
  const int at = frontier(id);
  for (int s = std::max(0, at + 1); s < std::min(static_cast<int>(source_.graph().nodes.size()), at + 9);
       ++s) {
    const Node& other = source_.graph().node(s);
    if (other.type != node.type || other.outputs.empty() || !source_.usable(other.outputs[0])) continue;
    const ValueId source = source_.class_of(other.outputs[0]);
    if (used_.contains(source)) continue;
    const bool have = values_[0].contains(node.outputs[0]);
    const Shape shape = source_.at(0, source).shape();
    if (have && values_[0].at(node.outputs[0]).size() == source_.at(0, source).size()) {
      const auto usual = usual_permutation(shape, values_[0].at(node.outputs[0]).shape());
      if (usual) return Candidate{source, *usual, Evidence::tentative};
    }
    return Candidate{source, kept_permutation(id, shape).value_or(dominant_permutation(shape)),
                     Evidence::tentative};
  }
  return std::nullopt;
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

// A loop is stuck as a whole: the recurrent node of the source that reads the same, or is nearest, gives each
// of its outputs, by size and then by error. One segment says so, at the output that is furthest off.
bool Walk::give_loop(NodeId id) {
  static const std::set<std::string> recurrent{"Loop", "Scan", "LSTM", "GRU", "RNN"};
  const Node& node = target_.node(id);
  if (node.bodies.empty() || !recurrent.contains(node.type)) return false;
  const int from = frontier(id) + 1;
  const int to = std::min(static_cast<int>(source_.graph().nodes.size()), from + loop_window);
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
    give(id, {match.source, match.permutation, Evidence::tentative}, output);
    if (output != best[0].first) out_.segments.pop_back();
  }
  return !best.empty();
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

void Walk::give(NodeId id, const Candidate& candidate, size_t output) {
  const Node& node = target_.node(id);
  const ValueId value = node.outputs[output];
  Segment segment;
  segment.target_end = value;
  segment.source_end = candidate.source;
  segment.evidence = candidate.evidence;
  Nodes nodes = pending_before(node);
  nodes.insert(id);
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
  out_.pairs[value] = {candidate.source, candidate.permutation, candidate.evidence};
  used_.insert(candidate.source);
  pending_.erase(value);
  pending_tolerance_.erase(value);
  blocked_.erase(id);
  accounted_.insert(nodes.begin(), nodes.end());
  out_.segments.push_back(std::move(segment));
}

Status Walk::resync(size_t position) {
  const NodeId id = order_[position];
  rewind(position + 1);
  resumed_ = position + 1;
  blocked_.erase(id);
  if (substitute(position)) {
    give(id, given_.at(id));
    return {};
  }
  if (give_loop(id)) return {};
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
