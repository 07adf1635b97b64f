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

// Whether the node computes what the source does when it is given `other` instead.
bool Walk::is_right_with(NodeId id, size_t input, ValueId other) {
  const Node& node = target_.node(id);
  std::vector<Tensor> computed;
  for (size_t s = 0; s < values_.size(); ++s) {
    evaluate::Feeds trial = values_[s];
    trial[node.inputs[input]] = values_[s].at(other);
    auto run = run_node(id, trial);
    if (!run.ok()) return false;
    computed.push_back((*run)[0]);
  }
  return is_evidence(computed) && !source_.match(computed, loose_sieve()).empty();
}

void Walk::check_frozen() {
  const auto ends = dead_ends();
  for (size_t p = 0; p < order_.size() && !ends.empty(); ++p) {
    const NodeId id = order_[p];
    const Node& node = target_.node(id);
    if (!live_[static_cast<size_t>(id)]) continue;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId in = node.inputs[i];
      if (in == graph::no_value || target_.value(in).constant.dtype() != DType::float32) continue;
      const Shape& shape = target_.value(in).constant.shape();
      for (ValueId end : ends) {
        if (values_[0].at(end).shape() != shape || uses_.producer[static_cast<size_t>(end)] > id ||
            !is_right_with(id, i, end))
          continue;
        const Pair& pair = out_.pairs.at(end);
        out_.edges.push_back({id, static_cast<int>(i), graph::no_value, pair.source, in, pair.arrangement});
        // What it makes of the numbers is no fault of its own.
        std::erase_if(out_.segments, [&](const Segment& s) {
          return s.state != State::exact && s.state != State::rewrite && s.target_nodes.back() == id;
        });
        break;
      }
    }
  }
}

}  // namespace fetafix::align
