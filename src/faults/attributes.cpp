#include "faults/attributes.h"

#include <algorithm>
#include <map>
#include <set>

namespace fetafix::faults {
namespace {

using graph::Attribute;
using Ints = std::vector<int64_t>;
using Texts = std::vector<std::string>;

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
      {"GRU",
       {{"linear_before_reset", int64_t{0}},
        {"direction", std::string("forward")},
        {"activations", Texts{"Sigmoid", "Tanh"}}}},
      {"LSTM",
       {{"direction", std::string("forward")},
        {"cell_clip", 0.0f},
        {"activations", Texts{"Sigmoid", "Tanh", "Tanh"}}}},
      {"RNN", {{"direction", std::string("forward")}, {"activations", Texts{"Tanh"}}}},
  };
  return table;
}

int64_t neutral_of(const std::string& name) {
  return name == "pads" || name == "output_padding" ? 0 : 1;
}

// A list that is left out, written out as long as the other.
Attribute written_out(const std::string& name, const Attribute& given, const Attribute& other) {
  const auto *list = std::get_if<Ints>(&given), *full = std::get_if<Ints>(&other);
  if (!list || !full || !list->empty() || name == "kernel_shape") return given;
  return Ints(full->size(), neutral_of(name));
}

// Lists that may be left out mean all ones (strides, dilations) or all zeros (pads).
bool same_meaning(const std::string& name, const Attribute& a, const Attribute& b) {
  const auto* x = std::get_if<Ints>(&a);
  const auto* y = std::get_if<Ints>(&b);
  if (!x || !y) return graph::to_text(a) == graph::to_text(b);
  if (!x->empty() && !y->empty()) return *x == *y;
  const int64_t neutral = neutral_of(name);
  const auto all_neutral = [&](const Ints& v) {
    return std::all_of(v.begin(), v.end(), [&](int64_t i) { return i == neutral; });
  };
  return all_neutral(*x) && all_neutral(*y);
}

Attribute get(const graph::Node& node, const Known& attribute) {
  auto found = node.attributes.find(attribute.name);
  if (found != node.attributes.end()) return found->second;
  Attribute out = attribute.otherwise;
  // Those of one direction, and then of the other.
  if (attribute.name == std::string_view("activations") &&
      graph::attribute_or(node, "direction", std::string()) == "bidirectional") {
    auto& functions = std::get<Texts>(out);
    const Texts once = functions;
    functions.insert(functions.end(), once.begin(), once.end());
  }
  return out;
}

}  // namespace

Attribute resolved_attribute(const graph::Node& node, const std::string& name) {
  if (auto table = known().find(node.type); table != known().end())
    for (const Known& one : table->second)
      if (one.name == name) return get(node, one);
  return Ints{};
}

std::vector<AttributeDifference> differing_attributes(const graph::Node& source, const graph::Node& target) {
  std::vector<AttributeDifference> out;
  auto table = known().find(target.type);
  if (table == known().end()) return out;
  for (const Known& one : table->second) {
    Attribute wanted = get(source, one), found = get(target, one);
    if (!same_meaning(one.name, wanted, found))
      out.push_back({one.name, written_out(one.name, wanted, found), std::move(found)});
  }
  return out;
}

bool knows_all_attributes(const graph::Node& node) {
  std::set<std::string> names;
  if (auto table = known().find(node.type); table != known().end())
    for (const Known& one : table->second) names.insert(one.name);
  return std::all_of(node.attributes.begin(), node.attributes.end(),
                     [&](const auto& attribute) { return names.contains(attribute.first); });
}

}  // namespace fetafix::faults
