// tensor: an operand stored in the target is not the tensor that the source's node has in its place.
#include <algorithm>

#include "faults/in_order.h"
#include "faults/node_pairs.h"
#include "faults/stored.h"

namespace fetafix::faults {
namespace {

std::string operand_name(const graph::Node& node, size_t input) {
  if (node.type == "BatchNormalization") {
    static const char* names[] = {"input", "scale", "bias", "mean", "variance"};
    return names[std::min<size_t>(input, 4)];
  }
  if (node.type == "Clip") return input == 1 ? "lower bound" : "upper bound";
  if (input == 1 && (node.type == "Conv" || node.type == "MatMul" || node.type == "ConvTranspose"))
    return "weights";
  if (input == 2 && (node.type == "Conv" || node.type == "ConvTranspose")) return "bias";
  return "operand " + std::to_string(input);
}

size_t normalizations(const graph::Graph& graph, std::span<const graph::NodeId> nodes) {
  return static_cast<size_t>(std::count_if(nodes.begin(), nodes.end(), [&](graph::NodeId id) {
    return graph.node(id).type == "BatchNormalization";
  }));
}

// An attribute that only the canonical form writes as a constant (the epsilon of a LayerNormalization).
void spelled_out(Candidate& out, const Place& place, const NodePair& pair, size_t input) {
  const graph::Node& node = place.target.node(pair.target);
  if (node.inputs[input] == graph::no_value) return;
  const graph::Value& value = place.target.value(node.inputs[input]);
  if (!value.is_constant() || !value.lens || value.lens->attribute.empty() || value.lens->native_tensor >= 0)
    return;
  const auto wanted = source_operand(place, pair, input, value.constant.shape());
  if (!wanted || wanted->dtype() != DType::float32 || wanted->size() != 1 ||
      wanted->identical(value.constant))
    return;
  out.edits.push_back(graph::SetAttribute{graph::address_of(place.target, pair.target), value.lens->attribute,
                                          wanted->as<float>()[0]});
  out.explanation += (out.explanation.empty() ? "the " : " and the ") + value.lens->attribute;
}

}  // namespace

std::vector<Candidate> tensor(const Place& place) {
  if (!place.segment) return {};
  // Where one side has folded a normalization its weights are others by right: folded_tensor compares those.
  if (normalizations(place.source, place.segment->source_nodes) !=
      normalizations(place.target, place.segment->target_nodes))
    return {};
  Candidate out;
  for (const NodePair& pair : pairs_by_type(place)) {
    const graph::Node& node = place.target.node(pair.target);
    for (size_t input = 0; input < node.inputs.size(); ++input) {
      const auto stored = stored_operand(place, pair.target, input);
      if (!stored) {
        spelled_out(out, place, pair, input);
        continue;
      }
      auto wanted = source_operand(place, pair, input, stored->now.shape());
      if (!wanted || wanted->dtype() != DType::float32) continue;
      wanted = in_target_order(place, pair.target, input, std::move(*wanted));
      if (holds(*stored, *wanted, 0)) continue;
      out.edits.push_back(set_stored(*stored, *wanted));
      if (!out.pattern.empty()) out.pattern += "+";
      out.pattern += operand_name(node, input);
      out.explanation +=
          (out.explanation.empty() ? "the " : " and the ") + operand_name(node, input) + " of " + node.type;
    }
  }
  if (out.edits.empty()) return {};
  out.explanation += out.edits.size() > 1 ? " are not the source's" : " is not the source's";
  out.pattern = "tensor";
  out.fault_class = "parameters";
  out.advice = "compare the file's constants with the source right after converting";
  return {out};
}

}  // namespace fetafix::faults
