// Running one target node on the source's values, and deciding which source value came out.
#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "align/stretched.h"
#include "align/walk.h"
#include "evaluate/tolerance.h"

namespace fetafix::align {

using graph::Graph;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

namespace {

std::vector<ValueId> real_outputs(const Node& node) {
  std::vector<ValueId> out;
  for (ValueId id : node.outputs)
    if (id != graph::no_value) out.push_back(id);
  return out;
}

// Relative L2: beyond the first, rounding to fewer bits leaves nothing to recognize; over several nodes what
// it may make is known too roughly for that; the third is what 8 bits a weight rarely exceed.
constexpr double most_rounding = 0.3, most_rounding_of_several = 0.03, usual_rounding = 0.03;

}  // namespace

Result<std::vector<Tensor>> Walk::run_node(NodeId id, const evaluate::Feeds& values) {
  const Node& node = target_.node(id);
  evaluate::Feeds feeds;
  for (ValueId in : node.inputs) {
    if (in == graph::no_value) continue;
    auto found = values.find(in);
    if (found == values.end() && target_.value(in).is_constant()) continue;
    const auto unpacked = found == values.end() ? unpacked_constant(in) : std::nullopt;
    if (found == values.end() && !unpacked)
      return Error{ErrorKind::unsupported, "'" + target_.value(in).name + "' could not be computed"};
    feeds.emplace(in, unpacked ? *unpacked : found->second);
  }
  if (explodes(node, feeds))
    return Error{ErrorKind::unsupported, node.type + " would be larger than anything in the source"};
  const std::vector<NodeId> nodes{id};
  ++out_.operator_runs;
  auto run = evaluator_.run(target_, nodes, feeds, real_outputs(node));
  if (!run.ok()) return run;
  std::vector<Tensor> out;  // one for each output of the node, empty where it is absent
  size_t next = 0;
  for (ValueId v : node.outputs) out.push_back(v == graph::no_value ? Tensor() : (*run)[next++]);
  return out;
}

// Larger than anything that belongs here: operands that were given to it may not belong together.
bool Walk::explodes(const Node& node, const evaluate::Feeds& feeds) const {
  std::vector<Shape> operands;
  for (ValueId in : node.inputs) {
    if (in == graph::no_value) continue;
    const auto fed = feeds.find(in);
    operands.push_back(fed != feeds.end() ? fed->second.shape() : target_.value(in).constant.shape());
  }
  return stretched_size(node, operands) > most_elements_;
}

// By output and sample; nothing at all where the node does not run on one of them.
std::vector<std::vector<Tensor>> Walk::run_samples(NodeId id, std::span<const evaluate::Feeds> samples) {
  std::vector<std::vector<Tensor>> out(target_.node(id).outputs.size());
  for (const evaluate::Feeds& values : samples) {
    auto run = run_node(id, values);
    if (!run.ok()) return {};
    for (size_t k = 0; k < out.size(); ++k) out[k].push_back(std::move((*run)[k]));
  }
  return out;
}

// What an operator makes of constants alone (dequantized weights), for whoever looks ahead of the walk.
std::optional<Tensor> Walk::unpacked_constant(ValueId value) {
  if (auto known = unpacked_.find(value); known != unpacked_.end()) return known->second;
  const NodeId producer = uses_.producer[static_cast<size_t>(value)];
  if (producer < 0) return std::nullopt;
  const Node& node = target_.node(producer);
  const bool only_constants = std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) {
    return in == graph::no_value || target_.value(in).is_constant();
  });
  if (!only_constants || node.opaque || !node.bodies.empty()) return std::nullopt;
  const std::vector<NodeId> nodes{producer};
  const std::vector<ValueId> wanted{value};
  ++out_.operator_runs;
  auto run = evaluator_.run(target_, nodes, {}, wanted);
  return unpacked_[value] = run.ok() ? std::optional((*run)[0]) : std::nullopt;
}

// Relative L2 up to which a value may be the source's, where the tolerance is far above float rounding.
double Walk::sieve_for(std::span<const Tensor> computed, std::span<const Tensor> tolerance,
                       bool alone) const {
  double widest = options_.sieve;
  for (size_t s = 0; s < computed.size(); ++s) {
    if (tolerance[s].empty()) continue;
    double error = 0, size = 0;
    const auto t = tolerance[s].as<float>(), v = computed[s].as<float>();
    for (size_t i = 0; i < t.size(); ++i) {
      error += static_cast<double>(t[i]) * t[i];
      size += static_cast<double>(v[i]) * v[i];
    }
    if (size > 0) widest = std::max(widest, std::sqrt(error / size));
  }
  return std::min(widest, alone ? most_rounding : most_rounding_of_several);
}

double Walk::loose_sieve() const {
  return half_steps_.any() ? usual_rounding : options_.sieve;
}

// The source's side counts as much as the target's, but only the target's numbers are in fewer bits.
float Walk::doubled() const {
  return half_steps_.any() ? 1.0f : 2.0f;
}

// A node that only moves elements moves their tolerance, which needs no doubling again.
std::optional<Tensor> Walk::moved_tolerance(NodeId id, size_t output, size_t sample) {
  const Node& node = target_.node(id);
  static const std::set<std::string> types{"Reshape",  "Transpose", "Squeeze", "Unsqueeze", "Flatten",
                                           "Identity", "Slice",     "Gather",  "Split"};
  auto found = node.inputs.empty() ? pending_tolerance_.end() : pending_tolerance_.find(node.inputs[0]);
  if (!types.contains(node.type) || found == pending_tolerance_.end() || found->second[sample].empty())
    return std::nullopt;
  evaluate::Feeds values = values_[sample];
  values.insert_or_assign(node.inputs[0], found->second[sample]);
  auto outputs = run_node(id, values);
  if (!outputs.ok() || (*outputs)[output].dtype() != DType::float32) return std::nullopt;
  Tensor out = (*outputs)[output];
  for (float& v : out.mutable_as<float>()) v /= doubled();
  return out;
}

// What the uncertainty of pending inputs makes of the output: two runs with it added at random signs.
std::optional<Tensor> Walk::propagated(NodeId id, size_t output, size_t sample, const Tensor& computed) {
  const Node& node = target_.node(id);
  if (auto moved = moved_tolerance(id, output, sample)) return moved;
  std::optional<Tensor> spread;
  evaluate::Feeds rounded;
  if (!evaluate::is_sum_of_products(node))
    rounded = rounded_operands(target_, half_steps_, node, values_[sample]);
  for (unsigned seed = 1; seed <= 2; ++seed) {
    evaluate::Feeds values = values_[sample];
    bool any = false;
    std::minstd_rand random(seed);
    for (ValueId in : node.inputs) {
      const Tensor* uncertain = nullptr;
      if (auto found = pending_tolerance_.find(in); found != pending_tolerance_.end())
        uncertain = &found->second[sample];
      else if (auto half = rounded.find(in); half != rounded.end())
        uncertain = &half->second;
      if (!uncertain || uncertain->empty()) continue;
      any = true;
      const auto tolerance = uncertain->as<float>();
      if (target_.value(in).is_constant()) values.insert_or_assign(in, target_.value(in).constant);
      auto value = values[in].mutable_as<float>();
      for (size_t i = 0; i < value.size(); ++i) value[i] += (random() & 64 ? 1.0f : -1.0f) * tolerance[i];
    }
    if (!any) return std::nullopt;
    auto outputs = run_node(id, values);
    if (!outputs.ok()) return std::nullopt;
    const auto moved = (*outputs)[output].as<float>();
    const auto base = computed.as<float>();
    if (!spread) spread = *Tensor::zeros(DType::float32, computed.shape());
    auto widest = spread->mutable_as<float>();
    double squares = 0;
    for (size_t i = 0; i < moved.size(); ++i) squares += std::pow(static_cast<double>(moved[i]) - base[i], 2);
    // No element is surer than the others are on average: a random sign may have cancelled there.
    const auto floor =
        static_cast<float>(std::sqrt(squares / static_cast<double>(std::max<size_t>(moved.size(), 1))));
    for (size_t i = 0; i < moved.size(); ++i)
      widest[i] = std::max({widest[i], std::fabs(moved[i] - base[i]), floor});
  }
  return spread;
}

Result<std::vector<Tensor>> Walk::tolerance_of(NodeId id, size_t output, const std::vector<Tensor>& computed,
                                               std::span<const Match> matches) {
  const Node& node = target_.node(id);
  // Bit-equal to a source value: nothing to tolerate.
  if (!matches.empty() && matches[0].relative == 0 && pending_before(node).empty())
    return std::vector<Tensor>(computed.size());
  size_t real = 0;
  for (size_t i = 0; i < output; ++i) real += node.outputs[i] != graph::no_value;
  std::vector<Tensor> out;
  for (size_t s = 0; s < values_.size(); ++s) {
    evaluate::Feeds feeds;
    for (ValueId in : node.inputs)
      if (in != graph::no_value && !target_.value(in).is_constant()) feeds.emplace(in, values_[s].at(in));
    std::vector<Tensor> outputs(real_outputs(node).size());
    for (Tensor& t : outputs) t = computed[s];
    ++out_.operator_runs;
    auto local = evaluate::node_tolerance(evaluator_, target_, id, feeds, outputs);
    if (!local.ok()) return std::move(local).error();
    // Both sides round: the source computed the same value by a computation of about the same condition.
    Tensor tolerance = (*local)[real];
    for (float& t : tolerance.mutable_as<float>()) t *= 2;
    FETAFIX_TRY(const Tensor rounding,
                rounding_allowance(evaluator_, target_, half_steps_, id, feeds, computed[s].shape()));
    if (!rounding.empty()) evaluate::widen(tolerance, rounding, scales_are_rounded_too);
    if (auto spread = propagated(id, output, s, computed[s])) evaluate::widen(tolerance, *spread, doubled());
    out.push_back(std::move(tolerance));
  }
  return out;
}

// Nodes that only move elements: a source value may be what several of them give.
bool Walk::is_layout(const Node& node) const {
  static const std::set<std::string> types{"Reshape",  "Transpose", "Squeeze", "Unsqueeze", "Flatten",
                                           "Identity", "Slice",     "Gather",  "Split",     "Cast",
                                           "Pad",      "Concat",    "Expand",  "Dropout"};
  return types.contains(node.type);
}

// Of the worst sample; within the tolerance where none is known.
compare::ToleranceRatio Walk::worst_ratio(const Match& match, std::span<const Tensor> computed,
                                          std::span<const Tensor> tolerance) const {
  compare::ToleranceRatio worst;
  for (size_t s = 0; s < computed.size() && match.relative > 0; ++s) {
    const Tensor expected = hand_over(source_.at(s, match.source), match.arrangement, computed[s].shape());
    const Tensor& allowed = tolerance[s];
    if (allowed.empty()) continue;
    worst.take_worse(
        compare::tolerance_ratio(expected.as<float>(), computed[s].as<float>(), allowed.as<float>()));
  }
  return worst;
}

std::optional<Match> Walk::choose(NodeId id, std::span<const Match> matches, std::span<const Tensor> computed,
                                  std::span<const Tensor> tolerance, compare::ToleranceRatio* ratio) const {
  std::vector<std::pair<Match, compare::ToleranceRatio>> kept;
  for (const Match& match : matches) {
    const compare::ToleranceRatio worst = worst_ratio(match, computed, tolerance);
    if (worst.fraction_far <= options_.far_share) kept.emplace_back(match, worst);
  }
  if (kept.empty()) return std::nullopt;
  // Order and "not used yet" only break ties within a factor of four.
  const double near = std::max(4 * kept[0].first.relative, 1e-7);
  const int at = frontier(id);
  const bool layout = is_layout(target_.node(id));
  const auto rank = [&](const Match& m) {
    return std::tuple(!layout && used_.contains(m.source), std::abs(source_.position(m.source) - at),
                      m.relative);
  };
  // One that lies within its tolerance is never given up for a neighbor that does not.
  if (kept[0].second.largest <= 1) std::erase_if(kept, [](const auto& k) { return k.second.largest > 1; });
  const auto* best = &kept[0];
  for (const auto& candidate : kept)
    if (candidate.first.relative <= near && rank(candidate.first) < rank(best->first)) best = &candidate;
  *ratio = best->second;
  return best->first;
}

// What the source's own way to a value may round: of the node that makes it, and of those before it up to
// values that the target has too.
std::optional<Tensor> Walk::source_tolerance(ValueId value, size_t sample, int depth) {
  const Graph& graph = source_.graph();
  const NodeId producer = source_.uses().producer[static_cast<size_t>(value)];
  if (producer < 0 || !source_.has(value)) return std::nullopt;
  const Node& node = graph.node(producer);
  if (real_outputs(node).size() != 1 || node.opaque) return std::nullopt;
  evaluate::Feeds feeds;
  for (ValueId in : node.inputs) {
    if (in == graph::no_value || graph.value(in).is_constant()) continue;
    if (!source_.has(in)) return std::nullopt;
    feeds.emplace(in, source_.at(sample, in));
  }
  const std::vector<Tensor> outputs{source_.at(sample, value)};
  auto local = evaluate::node_tolerance(evaluator_, graph, producer, feeds, outputs);
  if (!local.ok() || (*local)[0].empty()) return std::nullopt;
  Tensor out = (*local)[0];
  const std::vector<NodeId> nodes{producer};
  const std::vector<ValueId> wanted{value};
  for (auto& [in, tensor] : feeds) {
    const bool shared = used_.contains(source_.class_of(in)) || !source_.usable(in);
    if (shared || depth == 0 || tensor.dtype() != DType::float32) continue;
    const auto inner = source_tolerance(in, sample, depth - 1);
    if (!inner) continue;
    evaluate::Feeds moved = feeds;
    evaluate::widen(moved.at(in), *inner, 1);
    auto run = evaluator_.run(graph, nodes, moved, wanted);
    if (!run.ok() || (*run)[0].size() != out.size()) continue;
    auto sum = out.mutable_as<float>();
    const auto now = (*run)[0].as<float>(), before = outputs[0].as<float>();
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += std::fabs(now[i] - before[i]);
  }
  return out;
}

// The match judged with the tolerance of the source's own computation in place of the guess that it is like
// the target's.
compare::ToleranceRatio Walk::judged_by_both(const Match& match, std::span<const Tensor> computed,
                                             std::span<const Tensor> tolerance,
                                             const compare::ToleranceRatio& otherwise) {
  compare::ToleranceRatio worst;
  for (size_t s = 0; s < computed.size(); ++s) {
    const auto own = source_tolerance(match.source, s, 3);
    if (!own || tolerance[s].empty() || own->size() != computed[s].size()) return otherwise;
    const Tensor expected = hand_over(source_.at(s, match.source), match.arrangement, computed[s].shape());
    const Tensor there = hand_over(*own, match.arrangement, computed[s].shape());
    Tensor allowed = tolerance[s];
    evaluate::widen(allowed, there, 1);
    worst.take_worse(
        compare::tolerance_ratio(expected.as<float>(), computed[s].as<float>(), allowed.as<float>()));
  }
  return worst;
}

}  // namespace fetafix::align
