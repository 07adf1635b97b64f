#include "formats/onnx/names.h"

#include <algorithm>

#include "formats/onnx/order.h"
#include "graph/order.h"

namespace fetafix::formats::onnx {

// What nested graphs read counts too: names are unique across them.
int uses_of(const onnx_wire::Node& node, const std::string& name) {
  int count = static_cast<int>(std::count(node.input().begin(), node.input().end(), name));
  const auto look_into = [&](const onnx_wire::Graph& graph) {
    for (const auto& inner : graph.node()) count += uses_of(inner, name);
    for (const auto& output : graph.output()) count += output.name() == name;
  };
  for (const auto& attribute : node.attribute()) {
    if (attribute.has_g()) look_into(attribute.g());
    for (const auto& graph : attribute.graphs()) look_into(graph);
  }
  return count;
}

void rename_uses(onnx_wire::Node& node, const std::string& from, const std::string& to) {
  for (auto& in : *node.mutable_input())
    if (in == from) in = to;
  const auto look_into = [&](onnx_wire::Graph& graph) {
    for (auto& inner : *graph.mutable_node()) rename_uses(inner, from, to);
    for (auto& output : *graph.mutable_output())
      if (output.name() == from) output.set_name(to);
  };
  for (auto& attribute : *node.mutable_attribute()) {
    if (attribute.has_g()) look_into(*attribute.mutable_g());
    for (auto& graph : *attribute.mutable_graphs()) look_into(graph);
  }
}

Names::Names(const onnx_wire::Graph& graph) : graph_(graph) {
  for (const auto& tensor : graph.initializer()) given_.insert(tensor.name());
  for (const auto& input : graph.input())
    if (!given_.contains(input.name())) inputs_.push_back(input.name());
  given_.insert(inputs_.begin(), inputs_.end());
  for (int i = 0; i < graph.node_size(); ++i) {
    for (const std::string& name : graph.node(i).output())
      if (!name.empty()) writers_[name].push_back(i);
    read_.merge(names_read(graph.node(i)));
  }
  for (const auto& output : graph.output()) read_.insert(output.name());
}

std::vector<int> Names::writers(const std::string& name) const {
  const auto found = writers_.find(name);
  return found == writers_.end() ? std::vector<int>() : found->second;
}

std::vector<size_t> Names::unordered() const {
  std::vector<std::set<size_t>> reads_from(static_cast<size_t>(graph_.node_size()));
  for (int i = 0; i < graph_.node_size(); ++i)
    for (const std::string& name : names_read(graph_.node(i)))
      if (const auto by = writers(name); !by.empty())
        reads_from[static_cast<size_t>(i)].insert(static_cast<size_t>(by[0]));
  return graph::execution_order(reads_from).waiting();
}

}  // namespace fetafix::formats::onnx
