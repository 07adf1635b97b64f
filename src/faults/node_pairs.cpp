#include "faults/node_pairs.h"

#include <map>

#include "faults/effective.h"

namespace fetafix::faults {

namespace {

// What passed for an operator that the source does not have may be one that does nothing on these samples in
// the source: of the same type, right behind the value.
std::vector<NodePair> behind_the_value(const Place& place) {
  const graph::NodeId target = place.segment->target_nodes[0];
  const std::string& type = place.target.node(target).type;
  // That is said of no linear operator: one that is there twice reads what the next one of its type does.
  if (type == "Conv" || type == "ConvTranspose" || type == "MatMul") return {};
  for (graph::ValueId twin : place.values.twins(place.segment->source_end))
    for (const graph::Uses::Use& use : place.values.uses().consumers[static_cast<size_t>(twin)])
      if (place.source.node(use.node).type == type) return {{use.node, target}};
  return {};
}

}  // namespace

std::vector<NodePair> pairs_by_type(const Place& place) {
  if (place.segment->evidence == align::Evidence::passed && place.segment->target_nodes.size() == 1)
    return behind_the_value(place);
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
