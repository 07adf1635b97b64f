// Where the walk lost the way: which source value should come out there, by what its consumers make of it.
#include <algorithm>
#include <map>

#include "align/walk.h"

namespace fetafix::align {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

namespace {

constexpr int consumer_window = 8;  // consumers that may confirm
constexpr int region_window = 6;    // nodes of a stuck region that may have a counterpart, as many as a
                                    // normalization takes when it is multiplied out
constexpr int enough = 2;           // confirmations that settle it

}  // namespace

// Source values that came out, in their own order of channels if there are such.
std::vector<Match> Walk::matches_in_any_order(std::span<const Tensor> samples) const {
  auto out = source_.match(samples, loose_sieve());
  return out.empty() ? source_.match_reordered(samples, loose_sieve(), {}) : out;
}

// An operand of a consumer that the walk has not reached yet: another branch, in the consumer's own layout,
// or what depends on no input (`fixed`, with what is brought along here).
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
  count_confirmations(position, value, candidate,
                      values_with(value, [&](size_t s) { return handed(s, value, candidate); }));
}

// `trial`: the values of each sample, `value` among them.
void Walk::count_confirmations(size_t position, ValueId value, Candidate& candidate,
                               std::vector<evaluate::Feeds> trial) {
  std::set<ValueId> depends{value}, fixed = constant_;
  std::map<ValueId, ValueId> found{{value, candidate.source}};
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
    const auto computed = run_samples(order_[p], trial);
    const bool tells = !is_layout(node) && node.role != graph::Role::quantize;
    looked += tells;
    // Whatever lets each channel through for itself does so in any order.
    const bool mixes = mixes_channels(node);
    for (size_t k = 0; k < computed.size(); ++k) {
      const ValueId made = node.outputs[k];
      if (made == graph::no_value) continue;
      depends.insert(made);
      std::vector<Match> matches;
      if (is_evidence(computed[k])) matches = matches_in_any_order(computed[k]);
      std::erase_if(matches, [&](const Match& m) {
        // A loop also passes on what it reads; and what was passed on has readers of its own, which others
        // of their kind come out as (a normalization does, but for its numbers).
        const bool repeats = !node.bodies.empty() || candidate.evidence == Evidence::passed;
        return m.source == candidate.source || (repeats && used_.contains(m.source));
      });
      // What comes through unchanged (zeros are added to it) confirms nothing.
      const bool passes =
          !matches.empty() && std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) {
            const auto read = found.find(in);
            return read != found.end() && read->second == matches[0].source;
          });
      if (!matches.empty()) found[made] = matches[0].source;
      if (!matches.empty() && tells && !passes) {
        // Many steps of a loop, or a sum over all channels in another order, do not come out by chance.
        const bool alone = !node.bodies.empty() || (in_order && mixes);
        candidate.score += alone ? enough : !in_order;
        candidate.mixing += mixes;
      }
      for (size_t s = 0; s < trial.size(); ++s)
        trial[s][made] = matches.empty() ? computed[k][s]
                                         : hand_over(source_.at(s, matches[0].source), matches[0].arrangement,
                                                     computed[k][s].shape());
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

// Numbers that do nothing (zeros that are added, ones that are multiplied with) belong to what they stand
// behind: the value is the same on both sides, and they may be what is wrong.
size_t Walk::behind_idle_numbers(size_t position) const {
  for (;;) {
    const ValueId value = target_.node(order_[position]).outputs[0];
    const auto& readers = uses_.consumers[static_cast<size_t>(value)];
    if (readers.size() != 1 || uses_.is_output[static_cast<size_t>(value)]) return position;
    const Node& next = target_.node(readers[0].node);
    const bool adds = next.type == "Add" || (next.type == "Sub" && readers[0].input == 0);
    const bool scales = next.type == "Mul" || (next.type == "Div" && readers[0].input == 0);
    if (!adds && !scales) return position;
    const Tensor& numbers = target_.value(next.inputs[static_cast<size_t>(1 - readers[0].input)]).constant;
    if (numbers.dtype() != DType::float32 || numbers.size() < 2) return position;
    const auto all = numbers.as<float>();
    if (!std::all_of(all.begin(), all.end(), [&](float v) { return v == (adds ? 0.0f : 1.0f); }))
      return position;
    position = static_cast<size_t>(std::find(order_.begin(), order_.end(), readers[0].node) - order_.begin());
  }
}

// Of another size than what was computed, and nothing that was stuck makes it there: the whole of a sequence
// of which the source keeps the last step.
bool Walk::is_unlike(NodeId id, const Candidate& candidate) const {
  const auto computed = values_[0].find(target_.node(id).outputs[0]);
  if (computed == values_[0].end() || computed->second.size() == source_.at(0, candidate.source).size())
    return false;
  const Nodes stuck = unexplained(id);
  return std::none_of(stuck.begin(), stuck.end(),
                      [&](NodeId n) { return made_by(candidate.source, target_.node(n).type); });
}

// The stuck node may be the first of several that are right only together (a convolution before the
// normalization that the source has folded): then a later one of them has a counterpart.
std::optional<std::pair<size_t, Walk::Candidate>> Walk::confirm_region(size_t position) {
  const NodeId first = order_[position];
  if (auto passed = passed_to_output(first)) return std::pair(position, *passed);
  std::optional<std::pair<size_t, Candidate>> best;
  std::optional<std::pair<size_t, Candidate>> unlike;
  std::vector<size_t> places;
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
    if (found && is_unlike(order_[p], *found)) {
      if (!unlike) unlike = std::pair(p, *found);
    } else if (found && (!best || found->score > best->second.score)) {
      best = std::pair(p, *found);
    }
    places.push_back(p);
    if (best && best->second.score >= enough) break;
    if (auto output = as_output(target_.node(order_[p]).outputs[0]); output && !best)
      best = std::pair(p, *output);
  }
  if (!best) best = std::move(unlike);
  // The walk has come further meanwhile: a join of branches may now run, and confirm what lies before it.
  for (const size_t earlier : places) {
    if (!best || earlier >= best->first) break;
    const auto again = confirm(earlier);
    if (!again || again->score < best->second.score) continue;
    best = std::pair(earlier, *again);
    break;
  }
  if (best && best->second.evidence == Evidence::confirmed) best->first = behind_idle_numbers(best->first);
  return best;
}

}  // namespace fetafix::align
