// attribute: a hyperparameter differs in its resolved meaning (defaults filled in, auto_pad resolved,
// padding of a separate Pad node counted).
#include <algorithm>
#include <cmath>
#include <map>

#include "faults/attributes.h"
#include "faults/effective.h"
#include "faults/in_target.h"
#include "faults/node_pairs.h"
#include "faults/pool_pads.h"

namespace fetafix::faults {
namespace {

using graph::Attribute;
using Ints = std::vector<int64_t>;

void add(Candidate& out, const Place& place, graph::NodeId target, const std::string& name,
         const Attribute& value, const std::string& found) {
  out.edits.push_back(graph::SetAttribute{graph::address_of(place.target, target), name, value});
  out.explanation += (out.explanation.empty() ? "" : "; ") + name + " is " + found +
                     " where the source has " + graph::to_text(value);
  out.pattern = out.pattern.empty() ? name : out.pattern + "+" + name;
}

// Whether the target dilates by moving pixels into the batch: pads and dilations are spread over operators.
bool is_batched(const Place& place) {
  bool padded = false;
  for (graph::NodeId id : place.segment->target_nodes) {
    const std::string& type = place.target.node(id).type;
    if (type == "Conv") return false;
    if (padded && type == "Reshape") return true;
    padded = padded || type == "Pad";
  }
  return false;
}

// The linear form of a piece; of its convolution and the Pad before it alone where more is in the piece (one
// whose output has another size than it should is known again only behind what joins it with others).
std::optional<Linear> linear_at(const graph::Graph& graph, const std::vector<graph::NodeId>& nodes,
                                graph::NodeId core, const ConstantLookup& constant) {
  if (auto whole = effective(graph, nodes, constant)) return whole;
  std::vector<graph::NodeId> own;
  for (graph::NodeId id : nodes)
    if (id == core || (id < core && graph.node(id).type == "Pad" && !graph.node(core).inputs.empty() &&
                       graph.node(id).outputs[0] == graph.node(core).inputs[0]))
      own.push_back(id);
  return effective(graph, own, constant);
}

// Pads of a convolution, counting Pad nodes on both sides.
void compare_pads(Candidate& out, const Place& place, const NodePair& pair) {
  const auto source =
      linear_at(place.source, place.segment->source_nodes, pair.source, source_constants(place));
  const auto target =
      linear_at(place.target, place.segment->target_nodes, pair.target, target_constants(place));
  if (!source || source->pads.empty() || is_batched(place)) return;
  const graph::Node& node = place.target.node(pair.target);
  const bool automatic = graph::attribute_or(node, "auto_pad", std::string("NOTSET")) != "NOTSET";
  const Ints own = graph::attribute_or(node, "pads", Ints(source->pads.size(), 0));
  const Ints resolved = target && !target->pads.empty() ? target->pads : own;
  if (!automatic && resolved == source->pads) return;
  Ints wanted = source->pads;
  for (size_t i = 0; i < wanted.size() && i < own.size() && i < resolved.size(); ++i)
    wanted[i] -= resolved[i] - own[i];
  if (std::any_of(wanted.begin(), wanted.end(), [](int64_t v) { return v < 0; })) return;
  add(out, place, pair.target, "pads", wanted, automatic ? "automatic" : graph::to_text(Attribute(own)));
}

// Pads of a pool beside those of a Pad before it.
void compare_own_pads(Candidate& out, const Place& place, const NodePair& pair, const Ints& wanted) {
  const Ints own = graph::attribute_or(place.target.node(pair.target), "pads", Ints(wanted.size(), 0));
  if (own != wanted) add(out, place, pair.target, "pads", wanted, graph::to_text(Attribute(own)));
}

// A value that both operators read, and how it lies in the target: what is joined all lies alike, and may
// stand in another order.
struct CommonOperand {
  graph::ValueId source, target;
  align::Arrangement arrangement;
};

std::optional<CommonOperand> common_operand(const Place& place, const graph::Node& source,
                                            const graph::Node& target) {
  const size_t most = target.type == "Concat" ? std::max(source.inputs.size(), target.inputs.size()) : 1;
  for (size_t i = 0; i < std::min(most, target.inputs.size()); ++i)
    for (size_t k = 0; k < std::min(most, source.inputs.size()); ++k) {
      const graph::ValueId mine = target.inputs[i], its = source.inputs[k];
      if (mine == graph::no_value || its == graph::no_value || !place.values.has(its) ||
          !place.alignment.values[0].contains(mine))
        continue;
      if (const auto arrangement = arrangement_of(place, mine, its))
        return CommonOperand{its, mine, *arrangement};
    }
  return std::nullopt;
}

// The dimension that an operator works along, in the target's order of dimensions.
void compare_axis(Candidate& out, const Place& place, const NodePair& pair) {
  static const std::map<std::string, int64_t> defaults{{"Softmax", -1}, {"LogSoftmax", -1}, {"Hardmax", -1},
                                                       {"Concat", 0},   {"ArgMax", 0},      {"ArgMin", 0},
                                                       {"Gather", 0},   {"Flatten", 1},     {"Split", 0}};
  const graph::Node& source = place.source.node(pair.source);
  const graph::Node& target = place.target.node(pair.target);
  auto otherwise = defaults.find(target.type);
  if (otherwise == defaults.end()) return;
  const auto operand = common_operand(place, source, target);
  if (!operand) return;
  const Shape& shape = place.alignment.values[0].at(operand->target).shape();
  const auto rank = static_cast<int64_t>(shape.size());
  const auto wanted =
      axis_in_target(graph::attribute_or(source, "axis", otherwise->second),
                     place.values.at(0, operand->source).shape(), shape, operand->arrangement);
  const int64_t found = graph::attribute_or(target, "axis", otherwise->second);
  if (!wanted || *wanted == (found < 0 ? found + rank : found)) return;
  add(out, place, pair.target, "axis", *wanted, std::to_string(found));
}

// The dimensions that a reduction is over, where the file holds them.
void compare_reduced(Candidate& out, const Place& place, const NodePair& pair) {
  const graph::Node& source = place.source.node(pair.source);
  const graph::Node& target = place.target.node(pair.target);
  if (!target.type.starts_with("Reduce") || source.inputs.size() < 2 || target.inputs.size() < 2 ||
      target.slots.size() < 2 || target.slots[1] < 0 || target.inputs[1] == graph::no_value ||
      source.inputs[1] == graph::no_value)
    return;
  const auto operand = common_operand(place, source, target);
  auto axes = to_int64s(source_constants(place)(source.inputs[1]));
  auto found = to_int64s(target_constants(place)(target.inputs[1]));
  if (!operand || !axes.ok() || !found.ok()) return;
  const Shape& shape = place.alignment.values[0].at(operand->target).shape();
  const auto rank = static_cast<int64_t>(shape.size());
  Ints wanted;
  for (int64_t axis : *axes) {
    const auto mapped =
        axis_in_target(axis, place.values.at(0, operand->source).shape(), shape, operand->arrangement);
    if (!mapped) return;
    wanted.push_back(*mapped);
  }
  for (int64_t& axis : *found) axis += axis < 0 ? rank : 0;
  std::sort(wanted.begin(), wanted.end());
  std::sort(found->begin(), found->end());
  if (wanted == *found) return;
  out.edits.push_back(graph::SetTensor{graph::address_of(place.target, pair.target), target.slots[1],
                                       Tensor::vector(wanted)});
  out.explanation += (out.explanation.empty() ? "" : "; ") + std::string("the axes are ") +
                     graph::to_text(Attribute(*found)) + " where the source has " +
                     graph::to_text(Attribute(wanted));
  out.pattern = out.pattern.empty() ? "axes" : out.pattern + "+axes";
}

}  // namespace

std::vector<Candidate> attribute(const Place& place) {
  if (!place.segment) return {};
  Candidate out;
  for (const NodePair& pair : pairs_by_type(place)) {
    const graph::Node& source = place.source.node(pair.source);
    const graph::Node& target = place.target.node(pair.target);
    if (target.type == "Conv") compare_pads(out, place, pair);
    compare_axis(out, place, pair);
    compare_reduced(out, place, pair);
    const bool batched = is_batched(place);
    const auto pads =
        target.type.ends_with("Pool") ? pool_pads(place, pair.source, pair.target) : std::nullopt;
    if (pads) compare_own_pads(out, place, pair, *pads);
    for (const AttributeDifference& one : differing_attributes(source, target))
      if ((!batched || one.name != "dilations") && (!pads || one.name != "pads"))
        add(out, place, pair.target, one.name, one.source, graph::to_text(one.target));
  }
  if (out.edits.empty()) return {};
  out.fault_class = "hyperparameters";
  out.advice =
      "set the hyperparameter explicitly in the source model instead of relying on a framework's default";
  return {out};
}

}  // namespace fetafix::faults
