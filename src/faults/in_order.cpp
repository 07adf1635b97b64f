#include "faults/in_order.h"

#include <algorithm>

namespace fetafix::faults {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

namespace {

using Order = std::vector<int>;  // target's channel c is the source's order[c]; empty: the source's order

bool is_core(const Node& node) {
  return node.type == "Conv" || node.type == "ConvTranspose" || node.type == "MatMul";
}

bool in_segment(const Place& place, NodeId id) {
  return place.segment && std::find(place.segment->target_nodes.begin(), place.segment->target_nodes.end(),
                                    id) != place.segment->target_nodes.end();
}

const Order* order_of(const Place& place, ValueId value) {
  auto pair = place.alignment.pairs.find(value);
  return pair == place.alignment.pairs.end() ? nullptr : &pair->second.arrangement.channels.from;
}

// Of what the node makes: where that has no pair, of what is made of it channel by channel.
Order order_behind(const Place& place, NodeId id) {
  for (;;) {
    const ValueId value = place.target.node(id).outputs[0];
    if (const Order* known = order_of(place, value)) return *known;
    const auto& consumers = place.target_uses.consumers[static_cast<size_t>(value)];
    if (consumers.empty() || !in_segment(place, consumers[0].node) ||
        is_core(place.target.node(consumers[0].node)))
      return {};
    id = consumers[0].node;
  }
}

// Of what the node reads: where that has no pair, of what it was made from channel by channel.
Order order_before(const Place& place, NodeId id) {
  for (;;) {
    const ValueId value = place.target.node(id).inputs[0];
    if (value == graph::no_value) return {};
    if (const Order* known = order_of(place, value)) return *known;
    id = place.target_uses.producer[static_cast<size_t>(value)];
    if (id < 0 || !in_segment(place, id) || is_core(place.target.node(id)) ||
        place.target.node(id).inputs.empty())
      return {};
  }
}

// The tensor with one of its axes in the order; as it is where the axis has another length.
void take(Tensor& tensor, int axis, const Order& order) {
  const Shape& shape = tensor.shape();
  if (order.size() < 2 || shape[static_cast<size_t>(axis)] != static_cast<int64_t>(order.size())) return;
  const auto squeezed_axis =
      std::count_if(shape.begin(), shape.begin() + axis, [](int64_t d) { return d != 1; });
  tensor = align::reordered(tensor, {static_cast<int>(squeezed_axis), order});
}

void take(std::vector<double>& values, const Order& order) {
  if (values.size() != order.size()) return;
  std::vector<double> out;
  for (int from : order) out.push_back(values[static_cast<size_t>(from)]);
  values = std::move(out);
}

// The axes of a core's weights that run over its input and output channels.
void take_weights(Tensor& weights, const Node& core, const Order& before, const Order& behind) {
  const int rank = weights.rank();
  if (rank < 2) return;
  take(weights, core.type == "Conv" ? 1 : core.type == "ConvTranspose" ? 0 : rank - 2, before);
  take(weights, core.type == "Conv" ? 0 : core.type == "ConvTranspose" ? 1 : rank - 1, behind);
}

}  // namespace

Tensor in_target_order(const Place& place, NodeId id, size_t input, Tensor wanted) {
  const Node& node = place.target.node(id);
  const Order behind = order_behind(place, id);
  if (is_core(node) && input == 1) {
    take_weights(wanted, node, order_before(place, id), behind);
    return wanted;
  }
  for (int axis = 0; axis < wanted.rank(); ++axis) {
    if (wanted.shape()[static_cast<size_t>(axis)] != static_cast<int64_t>(behind.size())) continue;
    take(wanted, axis, behind);
    break;
  }
  return wanted;
}

Linear in_target_order(const Place& place, NodeId id, Linear source) {
  const Order behind = order_behind(place, id);
  take_weights(source.weights, place.target.node(id), order_before(place, id), behind);
  for (auto* numbers : {&source.core_bias, &source.scale, &source.shift}) take(*numbers, behind);
  return source;
}

}  // namespace fetafix::faults
