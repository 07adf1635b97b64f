#include "formats/onnx/names.h"

#include <algorithm>

#include "formats/onnx/order.h"

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
  for (const auto& tensor : graph.initializer()) initializers_.insert(tensor.name());
  for (const auto& input : graph.input())
    if (!initializers_.contains(input.name())) inputs_.push_back(input.name());
  given_ = initializers_;
  given_.insert(inputs_.begin(), inputs_.end());
  for (int i = 0; i < graph.node_size(); ++i) {
    for (const std::string& name : graph.node(i).output())
      if (!name.empty()) writers_[name].push_back(i);
    read_.merge(names_read(graph.node(i)));
  }
  for (const auto& output : graph.output()) read_.insert(output.name());
}

bool Names::is_input(const std::string& name) const {
  return std::find(inputs_.begin(), inputs_.end(), name) != inputs_.end();
}

std::vector<int> Names::writers(const std::string& name) const {
  const auto found = writers_.find(name);
  return found == writers_.end() ? std::vector<int>() : found->second;
}

std::vector<int> Names::unordered() const {
  const auto size = static_cast<size_t>(graph_.node_size());
  std::vector<std::set<int>> waits(size);
  std::vector<std::vector<int>> readers(size);
  std::vector<int> done;
  for (int i = 0; i < graph_.node_size(); ++i) {
    for (const std::string& name : names_read(graph_.node(i)))
      if (const auto by = writers(name); !by.empty() && waits[static_cast<size_t>(i)].insert(by[0]).second)
        readers[static_cast<size_t>(by[0])].push_back(i);
    if (waits[static_cast<size_t>(i)].empty()) done.push_back(i);
  }
  for (size_t next = 0; next < done.size(); ++next)
    for (int reader : readers[static_cast<size_t>(done[next])]) {
      auto& left = waits[static_cast<size_t>(reader)];
      left.erase(done[next]);
      if (left.empty()) done.push_back(reader);
    }
  std::vector<int> out;
  for (size_t i = 0; i < size; ++i)
    if (!waits[i].empty()) out.push_back(static_cast<int>(i));
  return out;
}

}  // namespace fetafix::formats::onnx
