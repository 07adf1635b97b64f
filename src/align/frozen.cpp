// Numbers that stand where the source computes: something the file still computes, and nobody reads, has
// become what it was for one sample.
#include "align/walk.h"

namespace fetafix::align {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

// Values that are the source's, that nobody reads and that are no outputs; the last ones first.
std::vector<ValueId> Walk::dead_ends() const {
  std::vector<ValueId> out;
  for (auto id = order_.rbegin(); id != order_.rend(); ++id) {
    if (live_[static_cast<size_t>(*id)]) continue;
    for (ValueId value : target_.node(*id).outputs)
      if (value != graph::no_value && out_.pairs.contains(value) &&
          !uses_.is_output[static_cast<size_t>(value)] && uses_.consumers[static_cast<size_t>(value)].empty())
        out.push_back(value);
  }
  return out;
}

// The dead end whose values, in place of an operand's numbers, let the node compute what the source does;
// no_value: none.
ValueId Walk::frozen_from(NodeId id, size_t input, std::span<const ValueId> ends) {
  const ValueId in = target_.node(id).inputs[input];
  if (in == graph::no_value) return graph::no_value;
  const Tensor& numbers = target_.value(in).constant;
  if (numbers.dtype() != DType::float32) return graph::no_value;
  for (ValueId end : ends) {
    if (values_[0].at(end).shape() != numbers.shape() || uses_.producer[static_cast<size_t>(end)] > id)
      continue;
    const auto computed = made_with(id, input, [&](size_t s) { return values_[s].at(end); });
    if (!computed.empty() && !source_.match(computed, loose_sieve()).empty()) return end;
  }
  return graph::no_value;
}

void Walk::check_frozen() {
  const auto ends = dead_ends();
  if (ends.empty()) return;
  for (NodeId id : order_) {
    const Node& node = target_.node(id);
    for (size_t i = 0; i < node.inputs.size() && live_[static_cast<size_t>(id)]; ++i) {
      const ValueId end = frozen_from(id, i, ends);
      if (end == graph::no_value) continue;
      const Pair& pair = out_.pairs.at(end);
      out_.edges.push_back(
          {id, static_cast<int>(i), graph::no_value, pair.source, node.inputs[i], pair.arrangement});
      // What it makes of the numbers is no fault of its own.
      std::erase_if(out_.segments, [&](const Segment& s) {
        return s.state != State::exact && s.state != State::rewrite && s.target_nodes.back() == id;
      });
    }
  }
}

}  // namespace fetafix::align
