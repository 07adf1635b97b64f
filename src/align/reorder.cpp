// Channels in another order: right as long as every operator that reads them follows, and in the end undoes
// it.
#include <algorithm>

#include "align/walk.h"

namespace fetafix::align {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

// Whether what comes out are sums over the channels that go in: their order is that of the weights.
bool Walk::mixes_channels(const Node& node) const {
  const auto weights = [&](size_t slot) -> const Tensor* {
    const bool have = slot < node.inputs.size() && node.inputs[slot] != graph::no_value;
    return have ? constant_operand(node.inputs[slot]) : nullptr;
  };
  if (node.type == "MatMul") return weights(0) || weights(1);
  if ((node.type != "Conv" && node.type != "ConvTranspose") || !weights(1)) return false;
  // A depthwise convolution lets each channel through for itself.
  const auto& shape = weights(1)->shape();
  const int64_t groups = graph::attribute_or(node, "group", int64_t{1});
  return node.type == "Conv" ? shape[1] > 1 || groups == 1 : shape[0] > groups || groups == 1;
}

// The operators that may have begun the order in which the operands of `nodes` stand.
Walk::Nodes Walk::roots_before(const Nodes& nodes) const {
  Nodes out;
  for (NodeId id : nodes)
    for (ValueId in : target_.node(id).inputs)
      if (auto found = roots_.find(in); found != roots_.end())
        out.insert(found->second.begin(), found->second.end());
  return out;
}

// The operators that may have begun the order in which what `nodes` make stands. Whatever mixes channels
// right has undone the order of its operands and begins its own.
Walk::Nodes Walk::roots_of(const Nodes& nodes) const {
  for (auto id = nodes.rbegin(); id != nodes.rend(); ++id)
    if (mixes_channels(target_.node(*id))) return {*id};
  return roots_before(nodes);
}

// The source value that came out with its channels in another order. Only a chain that carries such an order
// or may begin one is asked, and nothing but rounding may lie between.
std::optional<Walk::Found> Walk::in_another_order(const Made& made) {
  const bool refused =
      std::any_of(made.nodes.begin(), made.nodes.end(), [&](NodeId n) { return refused_.contains(n); });
  const ValueId value = target_.node(made.id).outputs[made.output];
  if (refused || !live_[static_cast<size_t>(made.id)] || uses_.is_output[static_cast<size_t>(value)] ||
      roots_of(made.nodes).empty())
    return std::nullopt;
  std::vector<ChannelOrder> hints;
  for (NodeId node : made.nodes)
    for (ValueId in : target_.node(node).inputs)
      if (roots_.contains(in)) hints.push_back(out_.pairs.at(in).arrangement.channels);
  auto found = judged(made, source_.match_reordered(made.samples, made.sieve, hints));
  return found && is_right(made, *found) ? found : std::nullopt;
}

// Where the walk is stuck behind channels in another order, that order is what is wrong: the walk goes back
// to where it began, and takes none there.
std::optional<size_t> Walk::take_back_order(size_t position) {
  const NodeId id = order_[position];
  if (refused_.contains(id)) return std::nullopt;  // it was right but for the order
  Nodes nodes = pending_before(target_.node(id));
  nodes.insert(id);
  const Nodes roots = roots_before(nodes);
  if (roots.empty()) return std::nullopt;
  refused_.insert(roots.begin(), roots.end());
  const auto first =
      static_cast<size_t>(std::find(order_.begin(), order_.end(), *roots.begin()) - order_.begin());
  given_.erase(given_.lower_bound(*roots.begin()), given_.end());
  return first;
}

}  // namespace fetafix::align
