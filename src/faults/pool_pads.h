// Pads of a pool, counting a Pad before it: where one side pads in an operator of its own, the pool's own
// pads are others than on the other side though nothing is wrong with them.
#pragma once

#include <optional>
#include <vector>

#include "faults/effective.h"

namespace fetafix::faults {

// What a Pad among `nodes` lays around the values that `pool` reads, as the attribute "pads" counts it (all
// begins, then all ends); zeros without one. nullopt: the amounts are not known.
std::optional<std::vector<int64_t>> pads_before(const graph::Graph& graph,
                                                std::span<const graph::NodeId> nodes, graph::NodeId pool,
                                                const ConstantLookup& constant);

// The pads that the target's pool needs so that with its Pad as much is laid around as in the source.
// nullopt: neither side has a Pad, or it can't be said.
std::optional<std::vector<int64_t>> pool_pads(const Place& place, graph::NodeId source, graph::NodeId target);

}  // namespace fetafix::faults
