#include "formats/onnx/order.h"

#include <algorithm>
#include <map>

#include "graph/order.h"

namespace fetafix::formats::onnx {
namespace {

// `local` holds what the nested graphs around this one have computed: one set for all of them, for a copy
// each would cost the square of the file.
void captured_names(const onnx_wire::Graph& nested, std::set<std::string>& local,
                    std::set<std::string>& out) {
  std::vector<std::string> own;  // goes out of scope with this graph
  const auto define = [&](const std::string& name) {
    if (local.insert(name).second) own.push_back(name);
  };
  for (const auto& input : nested.input()) define(input.name());
  for (const auto& tensor : nested.initializer()) define(tensor.name());
  for (const auto& node : nested.node()) {
    for (const auto& name : node.input())
      if (!name.empty() && !local.contains(name)) out.insert(name);
    for (const auto& attribute : node.attribute()) {
      if (attribute.has_g()) captured_names(attribute.g(), local, out);
      for (const auto& one : attribute.graphs()) captured_names(one, local, out);
    }
    for (const auto& name : node.output()) define(name);
  }
  for (const auto& output : nested.output())
    if (!output.name().empty() && !local.contains(output.name())) out.insert(output.name());
  for (const std::string& name : own) local.erase(name);
}

Error waits_forever(const onnx_wire::Node& node, int index, const std::string& name) {
  return {ErrorKind::file, label(node, index) + " reads '" + name +
                               "', which nothing computes, or which depends on this node"};
}

}  // namespace

std::string label(const onnx_wire::Node& node, int index) {
  return "node " + std::to_string(index) + " (" + node.op_type() +
         (node.name().empty() ? "" : " '" + node.name() + "'") + ")";
}

std::set<std::string> names_captured(const onnx_wire::Graph& nested) {
  std::set<std::string> local, out;
  captured_names(nested, local, out);
  return out;
}

std::set<std::string> names_read(const onnx_wire::Node& node) {
  std::set<std::string> names(node.input().begin(), node.input().end());
  std::set<std::string> local;
  for (const auto& attribute : node.attribute()) {
    if (attribute.has_g()) captured_names(attribute.g(), local, names);
    for (const auto& one : attribute.graphs()) captured_names(one, local, names);
  }
  names.erase("");
  return names;
}

Result<std::vector<int>> execution_order(const onnx_wire::Graph& graph, const std::set<std::string>& known) {
  std::map<std::string, size_t> producer;
  for (int i = 0; i < graph.node_size(); ++i)
    for (const auto& name : graph.node(i).output())
      if (!name.empty() && !known.contains(name)) producer.emplace(name, i);
  std::vector<std::set<size_t>> reads_from(static_cast<size_t>(graph.node_size()));
  for (int i = 0; i < graph.node_size(); ++i)
    for (const std::string& name : names_read(graph.node(i))) {
      if (known.contains(name)) continue;
      const auto found = producer.find(name);
      if (found == producer.end()) return waits_forever(graph.node(i), i, name);
      reads_from[static_cast<size_t>(i)].insert(found->second);
    }
  const auto order = graph::execution_order(reads_from);
  if (order.whole()) return std::vector<int>(order.sequence.begin(), order.sequence.end());
  const auto waiting = order.waiting();
  const auto first = static_cast<int>(waiting[0]);
  for (const std::string& name : names_read(graph.node(first)))
    if (auto found = producer.find(name);
        found != producer.end() && std::find(waiting.begin(), waiting.end(), found->second) != waiting.end())
      return waits_forever(graph.node(first), first, name);
  return Error{ErrorKind::internal, label(graph.node(first), first) + " can't be ordered"};
}

}  // namespace fetafix::formats::onnx
