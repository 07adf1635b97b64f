// Operators that can't run on what they read: an operand has the right numbers in another shape, or is
// another value than it should be.
#include <algorithm>

#include "align/walk.h"

namespace fetafix::align {
namespace {

constexpr size_t most_values = 24;  // of those before the operator that are tried in an operand's place

}  // namespace

// Whether the node at `position` computes a source value as soon as one of its operands has the shape that
// the source gives it elsewhere (a lost Flatten).
bool Walk::reshape_operand(size_t position) {
  const graph::NodeId id = order_[position];
  const graph::Node& node = target_.node(id);
  if (node.outputs.size() != 1) return false;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const graph::ValueId in = node.inputs[i];
    const auto pair = out_.pairs.find(in);
    if (in == graph::no_value || pair == out_.pairs.end()) continue;
    const Pair now = pair->second;
    for (graph::ValueId twin : source_.twins(now.source)) {
      const Shape& shape = source_.at(0, twin).shape();
      if (shape == values_[0].at(in).shape()) continue;
      if (!try_operand(position, i, {twin, {}, Evidence::substituted}, shape)) continue;
      out_.edges.push_back({id, static_cast<int>(i), now.source, twin, in, {}});
      return true;
    }
  }
  return false;
}

// Whether it does as soon as an operand is one of the values that the target has computed before.
bool Walk::exchange_operand(size_t position) {
  const graph::NodeId id = order_[position];
  const graph::Node& node = target_.node(id);
  if (node.outputs.size() != 1) return false;
  std::vector<graph::ValueId> known;  // the nearest first
  for (size_t p = position; p-- > 0 && known.size() < most_values;)
    for (graph::ValueId out : target_.node(order_[p]).outputs)
      if (out_.pairs.contains(out) && values_[0].contains(out)) known.push_back(out);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const graph::ValueId in = node.inputs[i];
    if (in == graph::no_value || !out_.pairs.contains(in)) continue;
    const graph::ValueId now = out_.pairs.at(in).source;
    for (graph::ValueId other : known) {
      const Pair pair = out_.pairs.at(other);
      if (other == in || pair.source == now) continue;
      const Candidate candidate{pair.source, pair.arrangement, Evidence::substituted};
      if (!try_operand(position, i, candidate, values_[0].at(other).shape())) continue;
      out_.edges.push_back({id, static_cast<int>(i), now, pair.source, in, pair.arrangement});
      return true;
    }
  }
  return false;
}

}  // namespace fetafix::align
