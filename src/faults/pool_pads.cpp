#include "faults/pool_pads.h"

#include <algorithm>

namespace fetafix::faults {
namespace {

using graph::Graph;
using graph::Node;
using graph::NodeId;
using Ints = std::vector<int64_t>;

// Which of the nodes computes what `node` reads first; null: none.
const Node* feeder(const Graph& graph, std::span<const NodeId> nodes, const Node& node) {
  if (node.inputs.empty() || node.inputs[0] == graph::no_value) return nullptr;
  for (const NodeId id : nodes)
    if (!graph.node(id).outputs.empty() && graph.node(id).outputs[0] == node.inputs[0])
      return &graph.node(id);
  return nullptr;
}

// Amounts of one order of dimensions in that which a Transpose makes of it.
Ints turned(const Ints& amounts, const Ints& order) {
  Ints out(amounts.size());
  for (size_t d = 0; d < order.size(); ++d)
    for (const size_t end : {size_t{0}, order.size()})
      out[d + end] = amounts[static_cast<size_t>(order[d]) + end];
  return out;
}

Ints own_pads(const Node& pool) {
  const size_t spatial = graph::attribute_or(pool, "kernel_shape", Ints{}).size();
  return graph::attribute_or(pool, "pads", Ints(2 * spatial, 0));
}

bool has_any(const Ints& pads) {
  return std::any_of(pads.begin(), pads.end(), [](int64_t v) { return v != 0; });
}

}  // namespace

std::optional<Ints> pads_before(const Graph& graph, std::span<const NodeId> nodes, NodeId pool,
                                const ConstantLookup& constant) {
  const size_t spatial = own_pads(graph.node(pool)).size() / 2, rank = spatial + 2;
  std::vector<Ints> orders;  // from the pool backwards
  const Node* at = feeder(graph, nodes, graph.node(pool));
  for (; at && at->type == "Transpose"; at = feeder(graph, nodes, *at)) {
    orders.push_back(graph::attribute_or(*at, "perm", Ints{}));
    if (orders.back().size() != rank) return std::nullopt;
  }
  if (!at || at->type != "Pad") return Ints(2 * spatial, 0);
  if (at->inputs.size() < 2 || at->inputs.size() > 3) return std::nullopt;  // four: of some dimensions alone
  auto amounts = to_int64s(constant(at->inputs[1]));
  if (!amounts.ok() || amounts->size() != 2 * rank) return std::nullopt;
  for (auto order = orders.rbegin(); order != orders.rend(); ++order) *amounts = turned(*amounts, *order);
  Ints out;
  for (const size_t end : {size_t{0}, rank})
    for (size_t d = 2; d < rank; ++d) out.push_back((*amounts)[d + end]);
  return out;
}

std::optional<Ints> pool_pads(const Place& place, NodeId source, NodeId target) {
  const auto its = pads_before(place.source, place.segment->source_nodes, source, source_constants(place));
  const auto mine = pads_before(place.target, place.segment->target_nodes, target, target_constants(place));
  if (!its || !mine || its->size() != mine->size() || (!has_any(*its) && !has_any(*mine)))
    return std::nullopt;
  Ints out = own_pads(place.source.node(source));
  if (out.size() != mine->size()) return std::nullopt;
  for (size_t i = 0; i < out.size(); ++i) out[i] += (*its)[i] - (*mine)[i];
  return std::any_of(out.begin(), out.end(), [](int64_t v) { return v < 0; }) ? std::nullopt
                                                                              : std::optional(std::move(out));
}

}  // namespace fetafix::faults
