// scale-and-shift: what multiplies or is added to each channel is not the source's, and the two sides write
// the normalization as other operators (gamma * (x - mean) / deviation + beta; x * a + (beta - mean * a) with
// a = gamma / deviation; one operator). In whatever order they are multiplied out, gamma is the one list of
// numbers that is multiplied with, and beta the one that is added.
#include <algorithm>

#include "faults/effective.h"
#include "faults/in_order.h"
#include "faults/stored.h"

namespace fetafix::faults {
namespace {

using graph::Node;
using graph::NodeId;

struct Numbers {
  NodeId node = -1;
  size_t input = 0;
  Tensor tensor;
};

// The only lists of numbers that scale and that shift; `several`: there is more than one of a kind, and which
// is meant can't be told.
struct Found {
  std::optional<Numbers> scale, shift;
  bool several = false;
};

bool is_list(const Tensor& tensor) {
  return tensor.dtype() == DType::float32 && align::squeezed(tensor.shape()).size() == 1;
}

bool scales(const Node& node, size_t input) {
  return node.type == "Mul" ||
         (input == 1 && (node.type == "LayerNormalization" || node.type == "GroupNormalization" ||
                         node.type == "InstanceNormalization"));
}

// A list minus something adds it; something minus a list would add its negative, which no file stores as
// beta.
bool shifts(const Node& node, size_t input) {
  return node.type == "Add" || (node.type == "Sub" && input == 0) ||
         (input == 2 && (node.type == "LayerNormalization" || node.type == "GroupNormalization" ||
                         node.type == "InstanceNormalization"));
}

Found find(const graph::Graph& graph, std::span<const NodeId> nodes, const ConstantLookup& constants) {
  Found out;
  for (NodeId id : nodes) {
    const Node& node = graph.node(id);
    for (size_t input = 0; input < node.inputs.size(); ++input) {
      if (node.inputs[input] == graph::no_value || (!scales(node, input) && !shifts(node, input))) continue;
      Tensor tensor = constants(node.inputs[input]);
      if (!is_list(tensor)) continue;
      auto& kind = scales(node, input) ? out.scale : out.shift;
      out.several = out.several || kind.has_value();
      kind = Numbers{id, input, std::move(tensor)};
    }
  }
  return out;
}

std::string name_of(const std::optional<graph::Edit>& scale, const std::optional<graph::Edit>& shift) {
  return scale && shift ? "scale and the shift of each channel are"
         : scale        ? "scale of each channel is"
                        : "shift of each channel is";
}

// nullopt: they are the source's, or the file does not hold them.
std::optional<graph::Edit> set_right(const Place& place, const std::optional<Numbers>& target,
                                     const std::optional<Numbers>& source) {
  if (!target || !source || target->tensor.size() != source->tensor.size()) return std::nullopt;
  const auto stored = stored_operand(place, target->node, target->input);
  if (!stored) return std::nullopt;
  const Tensor wanted =
      in_target_order(place, target->node, target->input, source->tensor.reshaped(stored->now.shape()));
  if (holds(*stored, wanted, 0)) return std::nullopt;
  return set_stored(*stored, wanted);
}

}  // namespace

std::vector<Candidate> scale_and_shift(const Place& place) {
  if (!place.segment) return {};
  const Found source = find(place.source, place.segment->source_nodes, source_constants(place));
  const Found target = find(place.target, place.segment->target_nodes, target_constants(place));
  if (source.several || target.several) return {};
  auto scale = set_right(place, target.scale, source.scale),
       shift = set_right(place, target.shift, source.shift);
  if (!scale && !shift) return {};
  Candidate out;
  out.pattern = "scale-and-shift";
  out.fault_class = "parameters";
  out.explanation = "the " + name_of(scale, shift) + " not the source's";
  out.advice = "compare the file's constants with the source right after converting";
  for (auto* edit : {&scale, &shift})
    if (*edit) out.edits.push_back(std::move(**edit));
  return {out};
}

}  // namespace fetafix::faults
