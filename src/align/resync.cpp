// Where the walk lost the way: find what the stuck node's output should have been.
#include <algorithm>
#include <cmath>

#include "align/walk.h"

namespace fetafix::align {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

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

// The node at `end` has been given its value: everything from the stuck one up to there goes through the walk
// once more, and `process` hands the value on.
Status Walk::go_on_behind(size_t position, size_t end) {
  for (size_t p = position + 1; p <= end; ++p) FETAFIX_CHECK(process(order_[p]));
  if (end == position) give(order_[end], given_.at(order_[end]));
  resumed_ = end + 1;
  return {};
}

Status Walk::resync(size_t position) {
  const NodeId id = order_[position];
  // What was tried here before and led nowhere is not tried again.
  const bool again = !resynchronized_.insert(id).second;
  rewind(position + 1);
  resumed_ = position + 1;
  const bool could_not_run = blocked_.erase(id) > 0;
  if ((could_not_run && (reshape_operand(position) || exchange_operand(position))) || substitute(position))
    return go_on_behind(position, given_end_);
  if ((!again && substitute_layout(position)) || loop_comes_right(position) || substitute_loop(id) ||
      give_turned(position) || give_loop(id))
    return {};
  auto found = confirm_region(position);
  rewind(position + 1);
  if (options_.step_by_step && (!found || found->first > position)) {
    auto nearer = step(position);
    rewind(position + 1);
    if (nearer && (!found || nearer->first < found->first)) found = std::move(nearer);
  }
  if (found) {
    given_[order_[found->first]] = found->second;
    return go_on_behind(position, found->first);
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
