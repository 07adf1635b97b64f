#include "align/walk.h"

#include <algorithm>

namespace fetafix::align {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

Walk::Walk(evaluate::Evaluator& evaluator, const SourceValues& source, const graph::Graph& target,
           const std::vector<evaluate::Feeds>& inputs, const WalkOptions& options)
    : evaluator_(evaluator),
      source_(source),
      target_(target),
      uses_(target),
      half_steps_(target),
      options_(options),
      values_(inputs) {
  live_ = graph::live_nodes(target);
  // Dead nodes are walked too: what a rewired edge left behind is what it should be tied to again.
  for (NodeId n = 0; n < static_cast<NodeId>(target.nodes.size()); ++n) order_.push_back(n);
}

Result<Alignment> Walk::run() {
  FETAFIX_CHECK(pair_inputs());
  size_t position = 0;
  size_t resyncs = 0;
  while (position < order_.size()) {
    FETAFIX_CHECK(process(order_[position]));
    if (options_.progress) options_.progress(position + 1, order_.size());
    const bool at_end = position + 1 == order_.size();
    ++position;
    auto lost = stuck(position, at_end);
    if (!lost) continue;
    if (++resyncs > order_.size()) break;  // every node gets at most one
    FETAFIX_CHECK(resync(*lost));
    position = resumed_;
    rewind(position);
  }
  finish();
  out_.values = std::move(values_);
  return std::move(out_);
}

Status Walk::pair_inputs() {
  for (ValueId input : target_.inputs) {
    std::vector<Tensor> samples;
    for (const auto& values : values_) {
      auto found = values.find(input);
      if (found == values.end())
        return Error{ErrorKind::internal, "no value for target input '" + target_.value(input).name + "'"};
      samples.push_back(found->second);
    }
    if (!is_evidence(samples)) continue;
    const auto matches = source_.match(samples, 1e-6);
    if (!matches.empty()) out_.pairs[input] = {matches[0].source, matches[0].permutation, Evidence::matched};
  }
  return {};
}

Walk::Nodes Walk::pending_before(const Node& node) const {
  Nodes out;
  for (ValueId in : node.inputs)
    if (auto found = pending_.find(in); found != pending_.end())
      out.insert(found->second.begin(), found->second.end());
  return out;
}

Status Walk::process(NodeId id) {
  const Node& node = target_.node(id);
  std::vector<std::vector<Tensor>> computed(node.outputs.size());  // [output][sample]
  for (const auto& values : values_) {
    auto outputs = run_node(id, values);
    if (!outputs.ok()) {
      if (outputs.error().kind == ErrorKind::runtime_missing ||
          outputs.error().kind == ErrorKind::interrupted)
        return std::move(outputs).error();
      blocked_.insert(id);
      break;
    }
    for (size_t i = 0; i < outputs->size(); ++i) computed[i].push_back((*outputs)[i]);
  }
  if (auto given = given_.find(id); given != given_.end()) {
    give(id, given->second);
    return {};
  }
  if (blocked_.contains(id)) {
    for (ValueId out : node.outputs)
      if (out != graph::no_value) pending_[out] = {id};
    return {};
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const ValueId out = node.outputs[i];
    if (out == graph::no_value) continue;
    for (size_t s = 0; s < values_.size(); ++s) values_[s][out] = computed[i][s];
    const bool constant = std::all_of(computed[i].begin(), computed[i].end(),
                                      [&](const Tensor& t) { return t.identical(computed[i][0]); });
    if (constant && pending_before(node).empty() && !swallows_evidence(node, computed[i][0])) {
      constant_.insert(out);
      continue;
    }
    if (!is_evidence(computed[i])) {
      FETAFIX_TRY(const bool settled, settle_by_operands(id, i, computed[i]));
      if (settled) continue;
      // Scalars, masks and indices: carried along, judged with what they are part of.
      pending_[out] = pending_before(node);
      pending_[out].insert(id);
      continue;
    }
    FETAFIX_CHECK(settle(id, i, computed[i]));
  }
  return {};
}

// Float results that no longer depend on the sample although the operands do: a softmax over one element, a
// dead activation. Such an operator is judged like any other; shape arithmetic is not.
bool Walk::swallows_evidence(const Node& node, const Tensor& result) const {
  return result.dtype() == DType::float32 &&
         std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) {
           return in != graph::no_value && !target_.value(in).is_constant() && !constant_.contains(in) &&
                  values_[0].contains(in) && values_[0].at(in).dtype() == DType::float32;
         });
}

// A value that is no evidence by itself (one number everywhere, or the same on all samples): it is the
// source's when the same operator on the same operands gives it there.
Result<bool> Walk::settle_by_operands(NodeId id, size_t output, const std::vector<Tensor>& computed) {
  const Node& node = target_.node(id);
  if (!pending_before(node).empty() || node.inputs.empty()) return false;
  auto operand = out_.pairs.find(node.inputs[0]);
  if (operand == out_.pairs.end()) return false;
  const bool floats = computed[0].dtype() == DType::float32;
  std::vector<Tensor> tolerance;
  if (floats) {
    FETAFIX_TRY(tolerance, tolerance_of(id, output, computed, {}));
  }
  for (ValueId twin : source_.twins(operand->second.source)) {
    for (const graph::Uses::Use& use : source_.uses().consumers[static_cast<size_t>(twin)]) {
      const Node& other = source_.graph().node(use.node);
      if (other.type != node.type && !(is_layout(other) && is_layout(node))) continue;
      for (ValueId result : other.outputs) {
        if (result == graph::no_value || !source_.has(result)) continue;
        compare::ToleranceRatio worst;
        bool same = true;
        for (size_t s = 0; s < computed.size() && same; ++s) {
          const Tensor& expected = source_.at(s, result);
          same = expected.dtype() == computed[s].dtype() && expected.size() == computed[s].size();
          if (same && !floats) same = expected.reshaped(computed[s].shape()).identical(computed[s]);
          if (!same || !floats) continue;
          const auto one = compare::tolerance_ratio(expected.as<float>(), computed[s].as<float>(),
                                                    tolerance[s].as<float>());
          worst.largest = std::max(worst.largest, one.largest);
        }
        if (!same || worst.largest > 1) continue;
        const ValueId value = node.outputs[output];
        out_.pairs[value] = {result, {}, Evidence::matched};
        Segment segment;
        segment.target_end = value;
        segment.target_nodes = {id};
        segment.source_end = result;
        segment.tolerance = worst;
        out_.segments.push_back(std::move(segment));
        accounted_.insert(id);
        for (size_t s = 0; s < values_.size(); ++s)
          values_[s][value] = source_.at(s, result).reshaped(computed[s].shape());
        return true;
      }
    }
  }
  return false;
}

// The source's value that the same operator makes of the same operand, and almost the same: what is a little
// wrong here must not be lost in what rounding may do further on.
std::optional<Match> Walk::near_counterpart(NodeId id, std::span<const Tensor> computed,
                                            compare::ToleranceRatio* ratio) const {
  const Node& node = target_.node(id);
  if (node.inputs.empty()) return std::nullopt;
  auto operand = out_.pairs.find(node.inputs[0]);
  if (operand == out_.pairs.end()) return std::nullopt;
  // The way back in the source: the operator, and a normalization that the target may have folded.
  const auto leads_here = [&](ValueId value) {
    bool same_type = false;
    for (int hops = 0; hops < 4; ++hops) {
      const NodeId producer = source_.uses().producer[static_cast<size_t>(value)];
      if (producer < 0) return false;
      const Node& other = source_.graph().node(producer);
      same_type = same_type || other.type == node.type;
      if (other.inputs.empty() || other.inputs[0] == graph::no_value) return false;
      value = other.inputs[0];
      if (source_.class_of(value) == operand->second.source) return same_type;
    }
    return false;
  };
  for (const Match& match : source_.match(computed, options_.near)) {
    if (used_.contains(match.source) || !leads_here(match.source)) continue;
    *ratio = {match.relative / options_.sieve, 1, 1};
    return match;
  }
  return std::nullopt;
}

// What the user says the value is, however far from it it comes out.
std::optional<Match> Walk::named_counterpart(ValueId value, std::span<const Tensor> computed,
                                             std::span<const Tensor> tolerance,
                                             compare::ToleranceRatio* ratio) const {
  const auto named = options_.named.find(value);
  if (named == options_.named.end() || !source_.usable(named->second)) return std::nullopt;
  auto match = source_.best_permutation(computed, source_.class_of(named->second));
  if (!match) return std::nullopt;
  const bool far = match->relative > options_.sieve;  // some operators have no tolerance to lie outside of
  *ratio = far ? compare::ToleranceRatio{match->relative / options_.sieve, 1, 1}
               : worst_ratio(*match, computed, tolerance);
  return match;
}

// Whether nothing that can be read tells the node from the source's: the same operator with the same
// attributes and the same constants on paired operands. Two such results differ by the evaluator's choice of
// kernels alone.
bool Walk::is_same_function(NodeId id, size_t output, const Match& match) const {
  const Node& node = target_.node(id);
  const NodeId producer = source_.uses().producer[static_cast<size_t>(match.source)];
  if (producer < 0) return false;
  const Node& other = source_.graph().node(producer);
  if (other.type != node.type || other.inputs.size() != node.inputs.size() ||
      other.outputs.size() <= output || other.outputs[output] != match.source || !match.permutation.empty())
    return false;
  if (other.attributes.size() != node.attributes.size()) return false;
  for (const auto& [name, value] : node.attributes) {
    auto found = other.attributes.find(name);
    if (found == other.attributes.end() || graph::to_text(found->second) != graph::to_text(value))
      return false;
  }
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId mine = node.inputs[i], its = other.inputs[i];
    if ((mine == graph::no_value) != (its == graph::no_value)) return false;
    if (mine == graph::no_value) continue;
    if (auto pair = out_.pairs.find(mine); pair != out_.pairs.end()) {
      if (pair->second.source != source_.class_of(its) || !pair->second.permutation.empty()) return false;
      continue;
    }
    const Tensor* a = target_.value(mine).is_constant() ? &target_.value(mine).constant : nullptr;
    if (!a && constant_.contains(mine)) a = &values_[0].at(mine);
    const Tensor* b =
        source_.graph().value(its).is_constant() ? &source_.graph().value(its).constant : nullptr;
    if (!b && source_.has(its)) b = &source_.at(0, its);
    if (!a || !b || !a->identical(*b)) return false;
  }
  return true;
}

// Pairs an output with the source value that it is, or leaves it pending.
Status Walk::settle(NodeId id, size_t output, const std::vector<Tensor>& computed) {
  const Node& node = target_.node(id);
  const ValueId value = node.outputs[output];
  Nodes nodes = pending_before(node);
  nodes.insert(id);
  std::vector<Match> matches;
  std::vector<Tensor> tolerance;
  if (half_steps_.any()) {  // how far a right value may be off is known only with the tolerance
    FETAFIX_TRY(tolerance, tolerance_of(id, output, computed, {}));
    matches = source_.match(computed, sieve_for(computed, tolerance, nodes.size() == 1));
  } else {
    matches = source_.match(computed, options_.sieve);
    FETAFIX_TRY(tolerance, tolerance_of(id, output, computed, matches));
  }
  compare::ToleranceRatio ratio;
  auto match = choose(id, matches, computed, tolerance, &ratio);
  // What rounding may do over several nodes is known roughly: beyond it, the first of them is where to look.
  if (match && half_steps_.any() && nodes.size() > 1 && ratio.largest > 1 &&
      ratio.fraction_above > options_.saturated_share)
    match.reset();
  const bool strict = match.has_value();
  if (!match && half_steps_.any() && nodes.size() == 1) match = near_counterpart(id, computed, &ratio);
  if (auto named = named_counterpart(value, computed, tolerance, &ratio)) match = named;
  if (!match) {
    pending_[value] = nodes;
    pending_tolerance_[value] = std::move(tolerance);
    return {};
  }
  out_.pairs[value] = {match->source, match->permutation, Evidence::matched};
  if (live_[static_cast<size_t>(id)]) used_.insert(match->source);
  ++seen_permutations_[match->permutation];
  for (size_t s = 0; s < values_.size(); ++s)
    values_[s][value] = hand_over(source_.at(s, match->source), match->permutation, computed[s].shape());
  Segment segment;
  segment.target_end = value;
  segment.target_nodes.assign(nodes.begin(), nodes.end());
  segment.source_end = match->source;
  segment.relative_error = match->relative;
  if (strict && ratio.largest > 1) ratio = judged_by_both(*match, computed, tolerance, ratio);
  segment.tolerance = ratio;
  const bool rounding = ratio.largest > 1 && nodes.size() == 1 && is_same_function(id, output, *match);
  const bool saturates =
      node.role == graph::Role::quantize && ratio.fraction_above <= options_.saturated_share;
  segment.state = ratio.largest <= 1 || saturates || rounding
                      ? (nodes.size() > 1 ? State::rewrite : State::exact)
                      : State::faulty;
  out_.segments.push_back(std::move(segment));
  accounted_.insert(nodes.begin(), nodes.end());
  return {};
}

// The earliest node that nothing explains although enough of its consumers had their chance.
std::optional<size_t> Walk::stuck(size_t position, bool at_end) const {
  std::map<NodeId, int> dragged;
  for (size_t p = 0; p < position; ++p) {
    if (is_layout(target_.node(order_[p])))
      continue;  // batched space to dilate a convolution takes eight of them
    for (ValueId out : target_.node(order_[p]).outputs) {
      auto found = pending_.find(out);
      if (found == pending_.end()) continue;
      for (NodeId n : found->second) ++dragged[n];
    }
  }
  for (size_t p = 0; p < position; ++p) {
    const NodeId id = order_[p];
    if (accounted_.contains(id) || !dragged.contains(id) || !live_[static_cast<size_t>(id)]) continue;
    if (at_end || blocked_.contains(id) || dragged.at(id) > options_.longest_rewrite) return p;
  }
  return std::nullopt;
}

// Forgets everything that nodes from `position` on said.
void Walk::rewind(size_t position) {
  std::set<ValueId> forgotten;
  for (size_t p = position; p < order_.size(); ++p) {
    const Node& node = target_.node(order_[p]);
    blocked_.erase(order_[p]);
    for (ValueId out : node.outputs) {
      if (out == graph::no_value) continue;
      forgotten.insert(out);
      if (auto pair = out_.pairs.find(out); pair != out_.pairs.end()) {
        used_.erase(pair->second.source);
        out_.pairs.erase(pair);
      }
      pending_.erase(out);
      pending_tolerance_.erase(out);
      constant_.erase(out);
      for (auto& values : values_) values.erase(out);
    }
  }
  std::erase_if(out_.segments, [&](const Segment& s) { return forgotten.contains(s.target_end); });
  std::erase_if(out_.edges, [&](const EdgeFault& e) {
    return std::find(order_.begin() + static_cast<std::ptrdiff_t>(position), order_.end(), e.node) !=
           order_.end();
  });
  accounted_.clear();
  for (const Segment& s : out_.segments) accounted_.insert(s.target_nodes.begin(), s.target_nodes.end());
}

std::vector<NodeId> Walk::source_nodes_between(const Pair& end) const {
  std::set<NodeId> nodes;
  std::vector<ValueId> open{end.source};
  bool first = true;
  while (!open.empty()) {
    const ValueId value = open.back();
    open.pop_back();
    const NodeId producer = source_.uses().producer[static_cast<size_t>(value)];
    if (producer < 0 || (!first && used_.contains(source_.class_of(value)))) continue;
    first = false;
    if (!nodes.insert(producer).second) continue;
    for (ValueId in : source_.graph().node(producer).inputs)
      if (in != graph::no_value && source_.has(in)) open.push_back(in);
  }
  return {nodes.begin(), nodes.end()};
}

void Walk::check_outputs() {
  const auto& source_outputs = source_.graph().outputs;
  for (size_t i = 0; i < std::min(source_outputs.size(), target_.outputs.size()); ++i) {
    if (!source_.usable(source_outputs[i])) continue;
    auto pair = out_.pairs.find(target_.outputs[i]);
    const ValueId expected = source_.class_of(source_outputs[i]);
    if (pair == out_.pairs.end() || pair->second.source == expected) continue;
    const Shape& shape = values_[0].at(target_.outputs[i]).shape();
    const auto permutation = usual_permutation(source_.at(0, expected).shape(), shape);
    out_.edges.push_back({-1, static_cast<int>(i), pair->second.source, expected, target_.outputs[i],
                          permutation.value_or(Permutation{})});
  }
}

void Walk::finish() {
  check_outputs();
  std::erase_if(out_.segments,
                [&](const Segment& s) { return !live_[static_cast<size_t>(s.target_nodes.back())]; });
  // What was given up on its own may have come out right as part of a longer piece.
  std::set<NodeId> explained;
  for (const Segment& s : out_.segments)
    if (s.state != State::unaligned) explained.insert(s.target_nodes.begin(), s.target_nodes.end());
  std::erase_if(out_.segments, [&](const Segment& s) {
    return s.state == State::unaligned && std::all_of(s.target_nodes.begin(), s.target_nodes.end(),
                                                      [&](NodeId n) { return explained.contains(n); });
  });
  out_.node_states.assign(target_.nodes.size(), State::exact);
  out_.judged.assign(target_.nodes.size(), false);
  for (NodeId id : order_) {
    const Node& node = target_.node(id);
    const bool constant =
        std::all_of(node.outputs.begin(), node.outputs.end(),
                    [&](ValueId out) { return out == graph::no_value || constant_.contains(out); }) ||
        !live_[static_cast<size_t>(id)];
    out_.judged[static_cast<size_t>(id)] = !constant;
    if (!constant) out_.node_states[static_cast<size_t>(id)] = node.opaque ? State::opaque : State::unaligned;
  }
  for (Segment& segment : out_.segments) {
    if (auto pair = out_.pairs.find(segment.target_end); pair != out_.pairs.end())
      segment.source_nodes = source_nodes_between(pair->second);
    for (NodeId id : segment.target_nodes) {
      State& state = out_.node_states[static_cast<size_t>(id)];
      const bool worse =
          segment.state == State::faulty || state == State::unaligned || state == State::opaque;
      if (worse) state = segment.state;
    }
  }
}

Result<Alignment> align(evaluate::Evaluator& evaluator, const SourceValues& source,
                        const graph::Graph& target, const std::vector<evaluate::Feeds>& target_inputs,
                        const WalkOptions& options) {
  return Walk(evaluator, source, target, target_inputs, options).run();
}

}  // namespace fetafix::align
