#include "faults/node_pairs.h"

#include <map>

#include "faults/effective.h"

namespace fetafix::faults {

std::vector<NodePair> pairs_by_type(const Place& place) {
  std::map<std::string, std::vector<graph::NodeId>> source, target;
  for (graph::NodeId id : place.segment->source_nodes) source[place.source.node(id).type].push_back(id);
  for (graph::NodeId id : place.segment->target_nodes) target[place.target.node(id).type].push_back(id);
  std::vector<NodePair> out;
  for (const auto& [type, ids] : target) {
    auto found = source.find(type);
    if (found == source.end() || found->second.size() != ids.size()) continue;
    for (size_t i = 0; i < ids.size(); ++i) out.push_back({found->second[i], ids[i]});
  }
  return out;
}

std::optional<Tensor> source_operand(const Place& place, const NodePair& pair, size_t input,
                                     const Shape& shape) {
  const graph::Node& node = place.source.node(pair.source);
  if (input >= node.inputs.size() || node.inputs[input] == graph::no_value) return std::nullopt;
  Tensor tensor = source_constants(place)(node.inputs[input]);
  // An Add or a Mul may have its constant on either side.
  if (tensor.empty() && node.inputs.size() == 2 && (node.type == "Add" || node.type == "Mul"))
    tensor = source_constants(place)(node.inputs[1 - input]);
  if (tensor.empty() || align::squeezed(tensor.shape()) != align::squeezed(shape)) return std::nullopt;
  return tensor.reshaped(shape);
}

}  // namespace fetafix::faults
