// attribute: a hyperparameter differs in its resolved meaning (defaults filled in, auto_pad resolved,
// padding of a separate Pad node counted).
#include <algorithm>
#include <cmath>
#include <map>

#include "faults/effective.h"
#include "faults/in_target.h"
#include "faults/node_pairs.h"

namespace fetafix::faults {
namespace {

using graph::Attribute;
using Ints = std::vector<int64_t>;

// Attributes by which an operator computes, with their defaults in opset 21. Attributes that only repeat
// what shapes say (kernel_shape, group of a paired Conv) are compared too: they may be wrong.
struct Known {
  const char* name;
  Attribute otherwise;
};

const std::map<std::string, std::vector<Known>>& known() {
  static const std::map<std::string, std::vector<Known>> table{
      {"Conv", {{"strides", Ints{}}, {"dilations", Ints{}}, {"group", int64_t{1}}}},
      {"ConvTranspose",
       {{"strides", Ints{}},
        {"dilations", Ints{}},
        {"group", int64_t{1}},
        {"pads", Ints{}},
        {"output_padding", Ints{}}}},
      {"MaxPool",
       {{"kernel_shape", Ints{}},
        {"strides", Ints{}},
        {"pads", Ints{}},
        {"dilations", Ints{}},
        {"ceil_mode", int64_t{0}}}},
      {"AveragePool",
       {{"kernel_shape", Ints{}},
        {"strides", Ints{}},
        {"pads", Ints{}},
        {"ceil_mode", int64_t{0}},
        {"count_include_pad", int64_t{0}}}},
      {"BatchNormalization", {{"epsilon", 1e-5f}}},
      {"InstanceNormalization", {{"epsilon", 1e-5f}}},
      {"LayerNormalization", {{"epsilon", 1e-5f}, {"axis", int64_t{-1}}}},
      {"LeakyRelu", {{"alpha", 0.01f}}},
      {"Elu", {{"alpha", 1.0f}}},
      {"HardSigmoid", {{"alpha", 0.2f}, {"beta", 0.5f}}},
      {"LRN", {{"alpha", 1e-4f}, {"beta", 0.75f}, {"bias", 1.0f}, {"size", int64_t{0}}}},
      {"Resize",
       {{"coordinate_transformation_mode", std::string("half_pixel")},
        {"mode", std::string("nearest")},
        {"nearest_mode", std::string("round_prefer_floor")},
        {"cubic_coeff_a", -0.75f}}},
      {"DepthToSpace", {{"mode", std::string("DCR")}}},
      {"Gelu", {{"approximate", std::string("none")}}},
      {"ReduceMean", {{"keepdims", int64_t{1}}}},
      {"ReduceSum", {{"keepdims", int64_t{1}}}},
      {"ReduceMax", {{"keepdims", int64_t{1}}}},
      {"ReduceMin", {{"keepdims", int64_t{1}}}},
      {"ArgMax", {{"keepdims", int64_t{1}}, {"select_last_index", int64_t{0}}}},
      {"Celu", {{"alpha", 1.0f}}},
      {"ThresholdedRelu", {{"alpha", 1.0f}}},
      {"Selu", {{"alpha", 1.67326319217681884765625f}, {"gamma", 1.05070102214813232421875f}}},
      {"LpNormalization", {{"axis", int64_t{-1}}, {"p", int64_t{2}}}},
      {"GroupNormalization", {{"epsilon", 1e-5f}, {"num_groups", int64_t{1}}}},
      {"CumSum", {{"exclusive", int64_t{0}}, {"reverse", int64_t{0}}}},
      {"GRU", {{"linear_before_reset", int64_t{0}}, {"direction", std::string("forward")}}},
      {"LSTM", {{"direction", std::string("forward")}}},
  };
  return table;
}

// Lists that may be left out mean all ones (strides, dilations) or all zeros (pads).
bool same_meaning(const std::string& name, const Attribute& a, const Attribute& b) {
  const auto* x = std::get_if<Ints>(&a);
  const auto* y = std::get_if<Ints>(&b);
  if (!x || !y) return graph::to_text(a) == graph::to_text(b);
  if (!x->empty() && !y->empty()) return *x == *y;
  const int64_t neutral = name == "pads" || name == "output_padding" ? 0 : 1;
  const auto all_neutral = [&](const Ints& v) {
    return std::all_of(v.begin(), v.end(), [&](int64_t i) { return i == neutral; });
  };
  return all_neutral(*x) && all_neutral(*y);
}

Attribute get(const graph::Node& node, const Known& attribute) {
  auto found = node.attributes.find(attribute.name);
  return found == node.attributes.end() ? attribute.otherwise : found->second;
}

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

// Pads of a convolution, counting Pad nodes on both sides.
void compare_pads(Candidate& out, const Place& place, const NodePair& pair) {
  const auto source = effective(place.source, place.segment->source_nodes, source_constants(place));
  const auto target = effective(place.target, place.segment->target_nodes, target_constants(place));
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

// The dimension that an operator works along, in the target's order of dimensions.
void compare_axis(Candidate& out, const Place& place, const NodePair& pair) {
  static const std::map<std::string, int64_t> defaults{
      {"Softmax", -1}, {"LogSoftmax", -1}, {"Hardmax", -1}, {"Concat", 0}, {"ArgMax", 0},
      {"ArgMin", 0},   {"Gather", 0},      {"Flatten", 1},  {"Split", 0},  {"LayerNormalization", -1}};
  const graph::Node& source = place.source.node(pair.source);
  const graph::Node& target = place.target.node(pair.target);
  auto otherwise = defaults.find(target.type);
  if (otherwise == defaults.end()) return;
  // The operand's own pair says in which order it lies.
  const auto operand = place.alignment.pairs.find(target.inputs[0]);
  if (operand == place.alignment.pairs.end() || !place.values.has(source.inputs[0]) ||
      !place.alignment.values[0].contains(target.inputs[0]))
    return;
  const Shape& shape = place.alignment.values[0].at(target.inputs[0]).shape();
  const auto rank = static_cast<int64_t>(shape.size());
  const auto wanted =
      axis_in_target(graph::attribute_or(source, "axis", otherwise->second),
                     place.values.at(0, source.inputs[0]).shape(), shape, operand->second.arrangement);
  const int64_t found = graph::attribute_or(target, "axis", otherwise->second);
  if (!wanted || *wanted == (found < 0 ? found + rank : found)) return;
  add(out, place, pair.target, "axis", *wanted, std::to_string(found));
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
    auto table = known().find(target.type);
    if (table == known().end()) continue;
    const bool batched = is_batched(place);
    for (const Known& one : table->second) {
      if (batched && std::string(one.name) == "dilations") continue;
      const Attribute wanted = get(source, one), found = get(target, one);
      if (!same_meaning(one.name, wanted, found))
        add(out, place, pair.target, one.name, wanted, graph::to_text(found));
    }
  }
  if (out.edits.empty()) return {};
  out.fault_class = "hyperparameters";
  out.advice =
      "set the hyperparameter explicitly in the source model instead of relying on a framework's default";
  return {out};
}

}  // namespace fetafix::faults
