// pad-amounts: a Pad operator of its own pads other borders than the source's Pad.
#include <algorithm>

#include "faults/counting.h"
#include "faults/effective.h"
#include "faults/node_pairs.h"

namespace fetafix::faults {
namespace {

// Dimension of the source that each dimension of the target is; empty: it can't be told.
std::vector<int> dimension_map(const align::Permutation& permutation, const Shape& source) {
  const size_t rank = source.size();
  std::vector<int> out;
  if (permutation.empty() || permutation.size() == rank) {
    for (size_t d = 0; d < rank; ++d)
      out.push_back(permutation.empty() ? static_cast<int>(d) : permutation[d]);
  } else if (permutation.size() + 1 == rank && source[0] == 1) {
    out.push_back(0);
    for (int p : permutation) out.push_back(p + 1);
  }
  return out;
}

// The padded value's dimensions as those of a source value. nullopt: what the Pad reads is no evidence.
std::optional<std::vector<int>> dimensions_of(const Place& place, graph::ValueId value,
                                              const graph::Node& pad) {
  const auto pair = place.alignment.pairs.find(pad.inputs[0]);
  if (pair != place.alignment.pairs.end() && !pair->second.arrangement.channels.empty())
    return std::nullopt;  // no permutation of dimensions makes the one from the other
  std::vector<Tensor> padded;
  for (const auto& sample : place.alignment.values)
    if (auto found = sample.find(pad.inputs[0]); found != sample.end()) padded.push_back(found->second);
  if (padded.size() != place.alignment.values.size() || !place.values.usable(value)) return std::nullopt;
  const auto match = place.values.best_permutation(padded, value);
  if (!match) return std::nullopt;
  return dimension_map(match->arrangement.permutation, place.values.at(0, value).shape());
}

// ... as the source's convolution sees them.
std::optional<std::vector<int>> dimensions_before(const Place& place, graph::NodeId core,
                                                  const graph::Node& pad) {
  graph::ValueId value = place.source.node(core).inputs[0];
  for (;;) {
    const graph::NodeId producer = place.values.uses().producer[static_cast<size_t>(value)];
    if (producer < 0 || place.source.node(producer).type != "Pad") break;
    value = place.source.node(producer).inputs[0];
  }
  return dimensions_of(place, value, pad);
}

// The padded value's dimensions in the source's order; its pair is asked, for the segment may end behind a
// change of layout.
std::vector<int> dimensions_at(const Place& place, const graph::Node& pad) {
  auto padded = place.alignment.pairs.find(pad.inputs[0]);
  if (padded == place.alignment.pairs.end()) return {};
  return dimension_map(padded->second.arrangement.permutation,
                       place.values.at(0, padded->second.source).shape());
}

std::optional<std::vector<int64_t>> stored_pads(const Place& place, const graph::Node& node) {
  if (node.type != "Pad" || node.inputs.size() < 2 || node.slots.size() < 2 || node.slots[1] < 0)
    return std::nullopt;
  auto found = to_int64s(place.target.value(node.inputs[1]).constant);
  return found.ok() ? std::optional(std::move(found).value()) : std::nullopt;
}

// Both sides have a Pad of their own.
std::optional<graph::Edit> as_the_source_pads(const Place& place, const NodePair& pair) {
  const graph::Node& target = place.target.node(pair.target);
  const auto found = stored_pads(place, target);
  if (!found) return std::nullopt;
  const graph::Node& source = place.source.node(pair.source);
  auto wanted = to_int64s(source_constants(place)(source.inputs[1]));
  // A value's twins may lie otherwise: what the source's Pad reads itself says it best.
  const auto map = dimensions_of(place, source.inputs[0], target).value_or(dimensions_at(place, target));
  if (!wanted.ok() || map.empty() || wanted->size() != 2 * map.size() || found->size() != wanted->size())
    return std::nullopt;
  std::vector<int64_t> pads(wanted->size());
  for (size_t d = 0; d < map.size(); ++d)
    for (size_t end : {size_t{0}, map.size()}) pads[d + end] = (*wanted)[static_cast<size_t>(map[d]) + end];
  if (pads == *found) return std::nullopt;
  return graph::SetTensor{graph::address_of(place.target, pair.target), target.slots[1],
                          Tensor::vector(pads)};
}

// A Pad of the target that pads nothing comes out right by itself: it stands before the place, and what it
// should do is the source's only Pad there.
std::vector<NodePair> with_idle_pad(const Place& place) {
  graph::NodeId wanted = -1;
  for (const graph::NodeId id : place.segment->source_nodes) {
    if (place.source.node(id).type != "Pad") continue;
    if (wanted >= 0) return {};
    wanted = id;
  }
  if (wanted < 0) return {};
  for (const graph::NodeId id : place.segment->target_nodes)
    for (const graph::ValueId in : place.target.node(id).inputs) {
      if (in == graph::no_value) continue;
      const graph::ValueId read = before_bridges(place, in);
      const graph::NodeId producer = place.target_uses.producer[static_cast<size_t>(read)];
      const auto pads = producer < 0 ? std::nullopt : stored_pads(place, place.target.node(producer));
      if (pads && std::all_of(pads->begin(), pads->end(), [](int64_t p) { return p == 0; }))
        return {{wanted, producer}};
    }
  return {};
}

// The source's convolution pads by itself, the target's is padded by a Pad before it.
std::optional<graph::Edit> as_the_convolution_pads(const Place& place) {
  const auto source = effective(place.source, place.segment->source_nodes, source_constants(place));
  const auto target = effective(place.target, place.segment->target_nodes, target_constants(place));
  if (!source || !target || source->pads.empty() || source->pads.size() != target->pads.size() ||
      source->pads == target->pads)
    return std::nullopt;
  for (graph::NodeId id : place.segment->target_nodes) {
    const graph::Node& node = place.target.node(id);
    auto pads = stored_pads(place, node);
    if (!pads) continue;
    const auto map = dimensions_before(place, source->core, node).value_or(dimensions_at(place, node));
    const size_t spatial = source->pads.size() / 2;
    if (map.size() != spatial + 2 || pads->size() != 2 * map.size()) continue;
    for (size_t d = 0; d < map.size(); ++d) {
      if (map[d] < 2) continue;  // batch and channels
      const auto from = static_cast<size_t>(map[d]) - 2;
      (*pads)[d] += source->pads[from] - target->pads[from];
      (*pads)[d + map.size()] += source->pads[from + spatial] - target->pads[from + spatial];
    }
    if (std::any_of(pads->begin(), pads->end(), [](int64_t p) { return p < 0; })) return std::nullopt;
    return graph::SetTensor{graph::address_of(place.target, id), node.slots[1], Tensor::vector(*pads)};
  }
  return std::nullopt;
}

// The Pad of a place that pads for its pool, and its amounts with the spatial ones set anew: `wanted` as the
// source's pool has them.
struct PoolPad {
  graph::NodeId id;
  std::vector<int64_t> pads;
};

std::optional<PoolPad> pad_before_pool(const Place& place, const std::vector<int64_t>& wanted) {
  for (graph::NodeId id : place.segment->target_nodes) {
    const graph::Node& node = place.target.node(id);
    auto pads = stored_pads(place, node);
    if (!pads) continue;
    const auto map = dimensions_at(place, node);
    const size_t spatial = wanted.size() / 2;
    if (map.size() != spatial + 2 || pads->size() != 2 * map.size()) continue;
    for (size_t d = 0; d < map.size(); ++d)
      for (size_t end : {size_t{0}, size_t{1}})
        if (map[d] >= 2)
          (*pads)[d + end * map.size()] = wanted[static_cast<size_t>(map[d]) - 2 + end * spatial];
    return PoolPad{id, std::move(*pads)};
  }
  return std::nullopt;
}

// The source's pool pads by itself, the target's is padded by a Pad before it. An average that leaves out
// what is padded does not read it as numbers, unless what follows sets the sums right.
std::vector<Candidate> as_the_pool_pads(const Place& place) {
  std::vector<Candidate> out;
  for (const NodePair& pair : pairs_by_type(place)) {
    const graph::Node& source = place.source.node(pair.source);
    if (source.type != "AveragePool" && source.type != "MaxPool") continue;
    const auto wanted = graph::attribute_or(source, "pads", std::vector<int64_t>{});
    if (std::all_of(wanted.begin(), wanted.end(), [](int64_t p) { return p == 0; })) continue;
    const auto pad = pad_before_pool(place, wanted);
    if (!pad) continue;
    const graph::Node& node = place.target.node(pad->id);
    const graph::Address at = graph::address_of(place.target, pad->id);
    Candidate one;
    if (source.type == "AveragePool" && graph::attribute_or(source, "count_include_pad", int64_t{0}) == 0) {
      one.explanation = "the average counts the border, which the source's leaves out";
      one.edits = {graph::RemoveNode{at, 0},
                   graph::SetAttribute{graph::address_of(place.target, pair.target), "pads", wanted}};
      out.push_back(one);
    }
    if (pad->pads == *stored_pads(place, node)) continue;
    one.explanation = "the Pad operator pads other borders than the source's " + source.type;
    one.edits = {graph::SetTensor{at, node.slots[1], Tensor::vector(pad->pads)}};
    out.push_back(std::move(one));
  }
  return out;
}

// The source's convolution pads with zeros by itself; the target's Pad before it, or before what may have
// been folded into it, pads with another number.
std::vector<Candidate> as_convolutions_pad(const Place& place) {
  std::vector<Candidate> out;
  for (const graph::NodeId id : place.segment->source_nodes)
    if (place.source.node(id).type == "Pad") return {};
  if (!effective(place.source, place.segment->source_nodes, source_constants(place))) return {};
  for (const graph::NodeId id : place.segment->target_nodes) {
    const graph::Node& node = place.target.node(id);
    if (node.type != "Pad" || node.inputs.size() < 3 || node.slots.size() < 3 || node.slots[2] < 0) continue;
    const Tensor number = target_constants(place)(node.inputs[2]);
    if (number.dtype() != DType::float32 || number.size() != 1 || number.as<float>()[0] == 0) continue;
    Candidate one;
    one.explanation = "the Pad operator fills its borders with " +
                      graph::to_text(graph::Attribute(number.as<float>()[0])) +
                      ", the source's convolution with 0";
    one.edits = {graph::SetTensor{graph::address_of(place.target, id), node.slots[2],
                                  *Tensor::zeros(DType::float32, number.shape())}};
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

std::vector<Candidate> pad_amounts(const Place& place) {
  if (!place.segment) return {};
  Candidate out;
  std::vector<NodePair> pairs = pairs_by_type(place);
  std::erase_if(pairs, [&](const NodePair& pair) { return place.target.node(pair.target).type != "Pad"; });
  if (pairs.empty()) pairs = with_idle_pad(place);
  for (const NodePair& pair : pairs)
    if (auto edit = as_the_source_pads(place, pair)) out.edits.push_back(std::move(*edit));
  if (out.edits.empty())
    if (auto edit = as_the_convolution_pads(place)) out.edits.push_back(std::move(*edit));
  out.explanation = "the Pad operator pads other borders than the source's";
  std::vector<Candidate> all = out.edits.empty() ? as_the_pool_pads(place) : std::vector{std::move(out)};
  for (Candidate& one : as_convolutions_pad(place)) all.push_back(std::move(one));
  for (Candidate& one : all) {
    one.pattern = "pad-amounts";
    one.fault_class = "hyperparameters";
    one.advice = "compare the paddings of strided convolutions: SAME puts the odd pixel at the end";
  }
  return all;
}

}  // namespace fetafix::faults
