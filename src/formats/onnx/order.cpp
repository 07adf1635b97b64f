#include "formats/onnx/order.h"

#include <algorithm>
#include <map>
#include <numeric>

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
    if (!local.contains(output.name())) out.insert(output.name());
  for (const std::string& name : own) local.erase(name);
}

Error waits_forever(const onnx_wire::Node& node, int index, const std::string& name) {
  return {ErrorKind::file, label(node, index) + " reads '" + name +
                               "', which nothing computes, or which depends on this node"};
}

class Order {
 public:
  Order(const onnx_wire::Graph& graph, const std::set<std::string>& known)
      : graph_(graph),
        size_(static_cast<size_t>(graph.node_size())),
        waits_for_(size_),
        readers_(size_),
        round_(size_, 0) {
    for (int i = 0; i < graph.node_size(); ++i)
      for (const auto& name : graph.node(i).output())
        if (!name.empty() && !known.contains(name)) producer_.emplace(name, i);
  }

  Result<std::vector<int>> run(const std::set<std::string>& known) {
    for (int i = 0; i < graph_.node_size(); ++i) FETAFIX_CHECK(add_node(i, known));
    std::vector<int> done;
    for (int i = 0; i < graph_.node_size(); ++i)
      if (waits_for_[at(i)].empty()) done.push_back(i);
    for (size_t next = 0; next < done.size(); ++next) release_readers(done[next], done);
    if (done.size() < size_) return cycle();
    // As if one went through the nodes again and again and took those that are ready.
    std::iota(done.begin(), done.end(), 0);
    std::stable_sort(done.begin(), done.end(), [&](int a, int b) { return round_[at(a)] < round_[at(b)]; });
    return done;
  }

 private:
  static size_t at(int index) { return static_cast<size_t>(index); }

  Status add_node(int index, const std::set<std::string>& known) {
    for (const std::string& name : names_read(graph_.node(index))) {
      if (known.contains(name)) continue;
      const auto found = producer_.find(name);
      if (found == producer_.end()) return waits_forever(graph_.node(index), index, name);
      if (waits_for_[at(index)].insert(found->second).second) readers_[at(found->second)].push_back(index);
    }
    return {};
  }

  void release_readers(int producer, std::vector<int>& done) {
    for (int reader : readers_[at(producer)]) {
      round_[at(reader)] = std::max(round_[at(reader)], round_[at(producer)] + (producer > reader));
      waits_for_[at(reader)].erase(producer);
      if (waits_for_[at(reader)].empty()) done.push_back(reader);
    }
  }

  Error cycle() const {
    int first = 0;
    while (waits_for_[at(first)].empty()) ++first;
    const auto& node = graph_.node(first);
    for (const std::string& name : names_read(node))
      if (auto found = producer_.find(name);
          found != producer_.end() && waits_for_[at(first)].contains(found->second))
        return waits_forever(node, first, name);
    return {ErrorKind::internal, label(node, first) + " can't be ordered"};
  }

  const onnx_wire::Graph& graph_;
  size_t size_;
  std::map<std::string, int> producer_;
  std::vector<std::set<int>> waits_for_;   // by node: the producers that are not done
  std::vector<std::vector<int>> readers_;  // by node
  std::vector<int> round_;  // by node: how often one must go through the file before it is ready
};

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
  return Order(graph, known).run(known);
}

}  // namespace fetafix::formats::onnx
