#include "align/walk.h"

#include <algorithm>

#include "align/trace_edges.h"
#include "graph/operators.h"

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
  constexpr int64_t times_larger = 8;  // than the largest value of the source
  for (ValueId v = 0; v < static_cast<ValueId>(source.graph().values.size()); ++v)
    if (source.has(v)) most_elements_ = std::max(most_elements_, times_larger * source.at(0, v).size());
  // An exporter's views may have several that only move elements around each operator, which another's don't.
  for (const Node& node : source.graph().nodes)
    steps_.push_back((steps_.empty() ? 0 : steps_.back()) + !graph::only_moves(node.type));
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
    if (const auto root = take_back_order(*lost)) {
      position = *root;
      rewind(position);
      continue;
    }
    if (++resyncs > order_.size()) break;  // every node gets at most one
    FETAFIX_CHECK(resync(*lost));
    position = resumed_;
    rewind(position);
  }
  finish();
  out_.edges = traced(source_, target_, uses_, out_);
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
    if (!matches.empty()) out_.pairs[input] = {matches[0].source, matches[0].arrangement, Evidence::matched};
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

// The node and those before it that nothing explains yet.
Walk::Nodes Walk::unexplained(NodeId id) const {
  Nodes out = pending_before(target_.node(id));
  out.insert(id);
  return out;
}

// A node that could not run, and what of unknown meaning lies before it: then it need not be its own fault.
Walk::Nodes Walk::with_opaque_before(NodeId id) const {
  Nodes out = pending_before(target_.node(id));
  std::erase_if(out, [&](NodeId before) { return !target_.node(before).opaque; });
  out.insert(id);
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
    // What it computes by itself says by how much it is wrong.
    for (size_t i = 0; i < node.outputs.size() && !blocked_.contains(id); ++i)
      for (size_t s = 0; s < values_.size() && node.outputs[i] != graph::no_value; ++s)
        values_[s][node.outputs[i]] = computed[i][s];
    give(id, given->second);
    return {};
  }
  if (blocked_.contains(id)) {
    for (ValueId out : node.outputs)
      if (out != graph::no_value) pending_[out] = with_opaque_before(id);
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
      pending_[out] = unexplained(id);
      if (computed[i][0].dtype() == DType::float32) {
        FETAFIX_TRY(pending_tolerance_[out], tolerance_of(id, i, computed[i], {}));
      }
      continue;
    }
    FETAFIX_CHECK(settle(id, i, computed[i]));
  }
  return {};
}

// A loop also passes on what it reads: that this comes out right says nothing of the others.
bool Walk::is_explained(NodeId id) const {
  return accounted_.contains(id) && (target_.node(id).bodies.empty() || resynchronized_.contains(id));
}

// The earliest node that nothing explains although enough of its consumers had their chance.
std::optional<size_t> Walk::stuck(size_t position, bool at_end) const {
  std::map<NodeId, int> dragged;
  for (size_t p = 0; p < position; ++p) {
    if (is_layout(target_.node(order_[p])))
      continue;    // batched space to dilate a convolution takes eight of them
    Nodes behind;  // once each: a loop has many outputs
    for (ValueId out : target_.node(order_[p]).outputs)
      if (auto found = pending_.find(out); found != pending_.end())
        behind.insert(found->second.begin(), found->second.end());
    for (NodeId n : behind) ++dragged[n];
  }
  for (size_t p = 0; p < position; ++p) {
    const NodeId id = order_[p];
    // What a rewired edge left behind may be wrong too, and then nothing says what the edge should read.
    const bool matters = live_[static_cast<size_t>(id)] || options_.step_by_step;
    if (is_explained(id) || !dragged.contains(id) || !matters) continue;
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
      roots_.erase(out);
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
    out_.edges.push_back({-1,
                          static_cast<int>(i),
                          pair->second.source,
                          expected,
                          target_.outputs[i],
                          {permutation.value_or(Permutation{}), {}}});
  }
}

void Walk::finish() {
  check_frozen();
  check_outputs();
  std::erase_if(out_.segments,
                [&](const Segment& s) { return !live_[static_cast<size_t>(s.target_nodes.back())]; });
  std::erase_if(out_.edges,
                [&](const EdgeFault& e) { return e.node >= 0 && !live_[static_cast<size_t>(e.node)]; });
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
