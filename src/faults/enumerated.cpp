// enumerated-attribute: the operator has an attribute of few possible values, the source writes the same as
// other operators, and with another of those values it computes what the source does.
#include <map>

#include "faults/attributes.h"
#include "faults/node_pairs.h"

namespace fetafix::faults {
namespace {

using graph::Attribute;

struct Choice {
  const char* name;
  std::vector<Attribute> values;
};

const std::map<std::string, std::vector<Choice>>& choices() {
  const auto text = [](const char* v) { return Attribute(std::string(v)); };
  const std::vector<Attribute> flag{int64_t{0}, int64_t{1}}, ways{text("forward"), text("reverse")};
  static const std::map<std::string, std::vector<Choice>> table{
      {"Gelu", {{"approximate", {text("none"), text("tanh")}}}},
      {"AveragePool", {{"count_include_pad", flag}, {"ceil_mode", flag}}},
      {"MaxPool", {{"ceil_mode", flag}}},
      {"DepthToSpace", {{"mode", {text("DCR"), text("CRD")}}}},
      {"Resize",
       {{"coordinate_transformation_mode",
         {text("half_pixel"), text("asymmetric"), text("align_corners"), text("pytorch_half_pixel")}},
        {"mode", {text("nearest"), text("linear"), text("cubic")}},
        {"nearest_mode",
         {text("round_prefer_floor"), text("floor"), text("round_prefer_ceil"), text("ceil")}}}},
      {"GRU", {{"linear_before_reset", flag}, {"direction", ways}, {"activations", {}}}},
      {"LSTM", {{"cell_clip", {0.0f}}, {"direction", ways}, {"activations", {}}}},
      {"RNN", {{"direction", ways}, {"activations", {}}}},
      {"CumSum", {{"exclusive", flag}, {"reverse", flag}}},
  };
  return table;
}

// Where none is listed: what the attribute is by itself.
std::vector<Attribute> values_of(const graph::Node& node, const Choice& choice) {
  if (!choice.values.empty()) return choice.values;
  graph::Node bare = node;
  bare.attributes.erase(choice.name);
  return {resolved_attribute(bare, choice.name)};
}

// Some functions of a recurrent operator take numbers, which go with them.
std::vector<graph::Edit> edits_of(const graph::Graph& graph, graph::NodeId id, const std::string& name,
                                  const Attribute& value) {
  const graph::Address at = graph::address_of(graph, id);
  std::vector<graph::Edit> out;
  for (const char* number : {"activation_alpha", "activation_beta"})
    if (name == "activations" && graph.node(id).attributes.contains(number))
      out.push_back(graph::SetAttribute{at, number, std::nullopt});
  out.push_back(graph::SetAttribute{at, name, value});
  return out;
}

bool has_counterpart(const Place& place, graph::NodeId target) {
  for (const NodePair& pair : pairs_by_type(place))
    if (pair.target == target) return true;
  return false;
}

}  // namespace

std::vector<Candidate> enumerated_attribute(const Place& place) {
  if (!place.segment) return {};
  std::vector<Candidate> out;
  for (graph::NodeId id : place.segment->target_nodes) {
    const graph::Node& node = place.target.node(id);
    auto found = choices().find(node.type);
    if (found == choices().end() || has_counterpart(place, id)) continue;
    for (const Choice& choice : found->second) {
      const auto written = node.attributes.find(choice.name);
      if (written == node.attributes.end() && std::string_view(choice.name) == "activations") continue;
      const std::string now = graph::to_text(
          written != node.attributes.end() ? written->second : resolved_attribute(node, choice.name));
      for (const Attribute& value : values_of(node, choice)) {
        if (graph::to_text(value) == now) continue;
        Candidate one;
        one.pattern = choice.name;
        one.fault_class = "hyperparameters";
        one.explanation = std::string(choice.name) + " is " + now + "; with " + graph::to_text(value) +
                          " this " + node.type + " computes what the source's operators do";
        one.advice = "set " + std::string(choice.name) +
                     " explicitly in the source model instead of relying on a framework's default";
        one.edits = edits_of(place.target, id, choice.name, value);
        one.guess = true;
        out.push_back(std::move(one));
      }
    }
  }
  return out;
}

}  // namespace fetafix::faults
