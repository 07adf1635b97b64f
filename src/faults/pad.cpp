// pad-amounts: a Pad operator of its own pads other borders than the source's Pad.
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

}  // namespace

std::vector<Candidate> pad_amounts(const Place& place) {
  if (!place.segment) return {};
  Candidate out;
  for (const NodePair& pair : pairs_by_type(place)) {
    const graph::Node& target = place.target.node(pair.target);
    const graph::Node& source = place.source.node(pair.source);
    if (target.type != "Pad" || target.inputs.size() < 2 || target.slots.size() < 2 || target.slots[1] < 0)
      continue;
    auto wanted = to_int64s(source_constants(place)(source.inputs[1]));
    auto found = to_int64s(place.target.value(target.inputs[1]).constant);
    const Shape& shape = place.values.at(0, place.segment->source_end).shape();
    const auto map = dimension_map(place.alignment.pairs.at(place.segment->target_end).permutation, shape);
    if (!wanted.ok() || !found.ok() || map.empty() || wanted->size() != 2 * map.size() ||
        found->size() != wanted->size())
      continue;
    std::vector<int64_t> pads(wanted->size());
    for (size_t d = 0; d < map.size(); ++d) {
      pads[d] = (*wanted)[static_cast<size_t>(map[d])];
      pads[d + map.size()] = (*wanted)[static_cast<size_t>(map[d]) + map.size()];
    }
    if (pads == *found) continue;
    out.edits.push_back(graph::SetTensor{graph::address_of(place.target, pair.target), target.slots[1],
                                         Tensor::vector(pads)});
  }
  if (out.edits.empty()) return {};
  out.pattern = "pad-amounts";
  out.fault_class = "hyperparameters";
  out.explanation = "the Pad operator pads other borders than the source's";
  out.advice = "compare the paddings of strided convolutions: SAME puts the odd pixel at the end";
  return {out};
}

}  // namespace fetafix::faults
