// Deciding what a node's output is: the source's value, the same with its channels in another order, almost
// the same, or nothing yet.
#include <algorithm>

#include "align/walk.h"

namespace fetafix::align {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

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
          worst.take_worse(compare::tolerance_ratio(expected.as<float>(), computed[s].as<float>(),
                                                    tolerance[s].as<float>()));
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
std::optional<Walk::Found> Walk::near_counterpart(const Made& made) const {
  const Node& node = target_.node(made.id);
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
  for (const Match& match : source_.match(made.samples, options_.near)) {
    if (used_.contains(match.source) || !leads_here(match.source)) continue;
    return Found{match, {match.relative / options_.sieve, 1, 1}};
  }
  return std::nullopt;
}

// What the user says the value is, however far from it it comes out.
std::optional<Walk::Found> Walk::named_counterpart(const Made& made) const {
  const auto named = options_.named.find(target_.node(made.id).outputs[made.output]);
  if (named == options_.named.end() || !source_.usable(named->second)) return std::nullopt;
  const auto match = source_.best_permutation(made.samples, source_.class_of(named->second));
  if (!match) return std::nullopt;
  const bool far = match->relative > options_.sieve;  // some operators have no tolerance to lie outside of
  return Found{*match, far ? compare::ToleranceRatio{match->relative / options_.sieve, 1, 1}
                           : worst_ratio(*match, made.samples, made.tolerance)};
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
      other.outputs.size() <= output || other.outputs[output] != match.source ||
      match.arrangement != Arrangement{})
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
      if (pair->second.source != source_.class_of(its) || pair->second.arrangement != Arrangement{})
        return false;
      continue;
    }
    const Tensor* a = constant_operand(mine);
    const Tensor* b =
        source_.graph().value(its).is_constant() ? &source_.graph().value(its).constant : nullptr;
    if (!b && source_.has(its)) b = &source_.at(0, its);
    if (!a || !b || !a->identical(*b)) return false;
  }
  return true;
}

// What the file holds, or computes from that alone; null: depends on the sample.
const Tensor* Walk::constant_operand(ValueId value) const {
  if (target_.value(value).is_constant()) return &target_.value(value).constant;
  return constant_.contains(value) ? &values_[0].at(value) : nullptr;
}

// The source's value that came out, in its own order of channels if it can be so.
Result<std::optional<Walk::Found>> Walk::find(Made& made) {
  std::vector<Match> matches;
  if (half_steps_.any()) {  // how far a right value may be off is known only with the tolerance
    FETAFIX_TRY(made.tolerance, tolerance_of(made.id, made.output, made.samples, {}));
    made.sieve = sieve_for(made.samples, made.tolerance, made.nodes.size() == 1);
    matches = source_.match(made.samples, made.sieve);
  } else {
    matches = source_.match(made.samples, made.sieve);
    FETAFIX_TRY(made.tolerance, tolerance_of(made.id, made.output, made.samples, matches));
  }
  auto found = judged(made, matches);
  // What rounding may do over several nodes is known roughly: beyond it, the first of them is where to look.
  if (found && half_steps_.any() && made.nodes.size() > 1 && found->ratio.largest > 1 &&
      found->ratio.fraction_above > options_.saturated_share)
    found.reset();
  // What is joined or padded with right numbers is less wrong by that: what was wrong stands before it.
  if (found && made.nodes.size() > 1 && is_layout(target_.node(made.id)) && !is_right(made, *found))
    found.reset();
  // An order is undone rightly or not at all.
  const bool follows = !roots_before(made.nodes).empty();
  if (found && follows && !is_right(made, *found)) found.reset();
  if (!found) found = in_another_order(made);
  if (!found && !follows && half_steps_.any() && made.nodes.size() == 1) found = near_counterpart(made);
  if (auto named = named_counterpart(made)) found = std::move(named);
  return found;
}

std::optional<Walk::Found> Walk::judged(const Made& made, std::span<const Match> matches) {
  Found out;
  auto match = choose(made.id, matches, made.samples, made.tolerance, &out.ratio);
  if (!match) return std::nullopt;
  out.match = *match;
  if (out.ratio.largest > 1) out.ratio = judged_by_both(out.match, made.samples, made.tolerance, out.ratio);
  return out;
}

// Whether nothing but rounding lies between.
bool Walk::is_right(const Made& made, const Found& found) const {
  if (found.ratio.largest <= 1) return true;
  if (target_.node(made.id).role == graph::Role::quantize &&
      found.ratio.fraction_above <= options_.saturated_share)
    return true;  // saturates
  return made.nodes.size() == 1 && is_same_function(made.id, made.output, found.match);
}

// Pairs an output with the source value that it is, or leaves it pending.
Status Walk::settle(NodeId id, size_t output, const std::vector<Tensor>& computed) {
  const Node& node = target_.node(id);
  const ValueId value = node.outputs[output];
  Made made{id, output, unexplained(id), computed, {}, options_.sieve};
  FETAFIX_TRY(const auto found, find(made));
  if (!found) {
    pending_[value] = made.nodes;
    pending_tolerance_[value] = std::move(made.tolerance);
    return {};
  }
  accept(made, *found);
  return {};
}

void Walk::accept(const Made& made, const Found& found) {
  const ValueId value = target_.node(made.id).outputs[made.output];
  const Match& match = found.match;
  out_.pairs[value] = {match.source, match.arrangement, Evidence::matched};
  if (live_[static_cast<size_t>(made.id)]) used_.insert(match.source);
  ++seen_permutations_[match.arrangement.permutation];
  computed_any_ = computed_any_ || !is_layout(target_.node(made.id));
  for (size_t s = 0; s < values_.size(); ++s)
    values_[s][value] = hand_over(source_.at(s, match.source), match.arrangement, made.samples[s].shape());
  const bool reordered = !match.arrangement.channels.empty();
  if (reordered) roots_[value] = roots_of(made.nodes);
  Segment segment;
  segment.target_end = value;
  segment.target_nodes.assign(made.nodes.begin(), made.nodes.end());
  segment.source_end = match.source;
  segment.relative_error = match.relative;
  segment.tolerance = found.ratio;
  const bool rewrite = made.nodes.size() > 1 || reordered || !roots_before(made.nodes).empty();
  segment.state = !is_right(made, found) ? State::faulty : rewrite ? State::rewrite : State::exact;
  out_.segments.push_back(std::move(segment));
  accounted_.insert(made.nodes.begin(), made.nodes.end());
}

}  // namespace fetafix::align
