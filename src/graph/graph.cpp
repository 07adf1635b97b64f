#include "graph/graph.h"

#include <algorithm>
#include <array>
#include <set>

namespace fetafix::graph {
namespace {

constexpr std::array<std::string_view, 8> role_names{"core",   "padding",  "bias",     "activation",
                                                     "bridge", "constant", "quantize", "dequantize"};

Error malformed(const std::string& what) {
  return {ErrorKind::internal, "malformed view: " + what};
}

}  // namespace

std::string_view role_name(Role role) {
  return role_names[static_cast<size_t>(role)];
}

std::optional<Role> role_from_name(std::string_view name) {
  for (size_t i = 0; i < role_names.size(); ++i)
    if (role_names[i] == name) return static_cast<Role>(i);
  return std::nullopt;
}

ValueId Graph::add_value(Value value) {
  const std::string base = value.name.empty() ? "v" : value.name;
  std::string name = base;
  int& next = names_[base];  // 0: the base itself is free
  while (next > 0 && names_.contains(name)) name = base + "#" + std::to_string(next++);
  if (next == 0) next = 1;
  if (name != base) names_.emplace(name, 1);
  value.name = std::move(name);
  values.push_back(std::move(value));
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Graph::add_constant(const std::string& name, Tensor tensor, std::optional<Lens> lens) {
  Value value;
  value.name = name;
  value.dtype = tensor.dtype();
  value.shape = tensor.shape();
  value.constant = std::move(tensor);
  value.lens = std::move(lens);
  return add_value(std::move(value));
}

NodeId Graph::add_node(Node node) {
  nodes.push_back(std::move(node));
  return static_cast<NodeId>(nodes.size() - 1);
}

Uses::Uses(const Graph& graph)
    : producer(graph.values.size(), -1),
      consumers(graph.values.size()),
      is_output(graph.values.size(), false) {
  for (NodeId n = 0; n < static_cast<NodeId>(graph.nodes.size()); ++n) {
    const Node& node = graph.node(n);
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (node.inputs[i] != no_value)
        consumers[static_cast<size_t>(node.inputs[i])].push_back({n, static_cast<int>(i)});
    for (ValueId out : node.outputs)
      if (out != no_value) producer[static_cast<size_t>(out)] = n;
  }
  for (ValueId out : graph.outputs) is_output[static_cast<size_t>(out)] = true;
}

const Graph* body_of(const Graph& graph, const std::string& path) {
  for (const Node& node : graph.nodes)
    for (const auto& [name, body] : node.bodies) {
      for (const Node& inner : body.graph->nodes)
        if (inner.native.graph == path) return body.graph.get();
      if (const Graph* found = body_of(*body.graph, path)) return found;
    }
  return nullptr;
}

size_t own_inputs(const Node& node) {
  size_t count = node.inputs.size();
  for (const auto& [name, body] : node.bodies)
    for (const auto& [value, input] : body.captures) count = std::min(count, input);
  return count;
}

std::vector<ValueId> append(Graph& into, const Graph& from, const std::vector<ValueId>& inputs,
                            const NativeOperator& native, Role role) {
  std::map<ValueId, ValueId> moved{{no_value, no_value}};
  for (size_t i = 0; i < from.inputs.size(); ++i) moved[from.inputs[i]] = inputs[i];
  const auto here = [&](ValueId id) {
    auto [found, added] = moved.try_emplace(id, no_value);
    if (!added) return found->second;
    Value value = from.value(id);
    value.native_tensor = -1;  // a tensor of another list
    value.native_name.clear();
    value.lens.reset();
    return found->second = into.add_value(std::move(value));
  };
  for (Node node : from.nodes) {
    for (ValueId& id : node.inputs) id = here(id);
    for (ValueId& id : node.outputs) id = here(id);
    node.slots.clear();
    node.native = native;
    node.role = role;
    into.add_node(std::move(node));
  }
  std::vector<ValueId> outputs;
  for (ValueId id : from.outputs) outputs.push_back(here(id));
  return outputs;
}

std::vector<bool> live_nodes(const Graph& graph) {
  std::vector<bool> wanted(graph.values.size(), false);
  std::vector<bool> live(graph.nodes.size(), false);
  for (ValueId out : graph.outputs) wanted[static_cast<size_t>(out)] = true;
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    live[n] = std::any_of(node.outputs.begin(), node.outputs.end(),
                          [&](ValueId v) { return v != no_value && wanted[static_cast<size_t>(v)]; });
    if (!live[n]) continue;
    for (ValueId in : node.inputs)
      if (in != no_value) wanted[static_cast<size_t>(in)] = true;
  }
  return live;
}

namespace {

// What `verify` knows about a value while it walks the nodes in order.
class Checker {
 public:
  explicit Checker(const Graph& graph) : graph_(graph), defined_(graph.values.size(), false) {}

  // `given` are values that an enclosing graph computes.
  Status run(const std::map<ValueId, size_t>& given) {
    FETAFIX_CHECK(check_values());
    for (const auto& [id, input] : given) {
      if (!in_range(id)) return malformed("a captured value is out of range");
      defined_[static_cast<size_t>(id)] = true;
    }
    for (ValueId in : graph_.inputs) {
      if (!in_range(in)) return malformed("a graph input is out of range");
      defined_[static_cast<size_t>(in)] = true;
    }
    for (const Node& node : graph_.nodes) FETAFIX_CHECK(check_node(node));
    for (ValueId out : graph_.outputs)
      if (!in_range(out) || !defined_[static_cast<size_t>(out)])
        return malformed("a graph output is never computed");
    return {};
  }

 private:
  bool in_range(ValueId id) const { return id >= 0 && static_cast<size_t>(id) < graph_.values.size(); }

  Status check_values() {
    std::set<std::string> names;
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      const Value& value = graph_.values[i];
      if (value.name.empty()) return malformed("value " + std::to_string(i) + " has no name");
      if (!names.insert(value.name).second) return malformed("two values are named '" + value.name + "'");
      defined_[i] = value.is_constant();
    }
    return {};
  }

  Status check_node(const Node& node) {
    const std::string where = "node '" + node.name + "' (" + node.type + ")";
    if (node.slots.size() > node.inputs.size()) return malformed(where + " has more slots than inputs");
    for (ValueId in : node.inputs) {
      if (in == no_value) continue;
      if (!in_range(in)) return malformed(where + " reads a value out of range");
      if (!defined_[static_cast<size_t>(in)])
        return malformed(where + " reads '" + graph_.value(in).name + "' before it is computed");
    }
    for (const auto& [name, body] : node.bodies) {
      std::string inside = name;
      inside += " of " + where;
      if (!body.graph) return malformed(inside + " is missing");
      for (const auto& [id, input] : body.captures)
        if (input >= node.inputs.size()) return malformed(inside + " captures an input that it doesn't have");
      if (auto status = Checker(*body.graph).run(body.captures); !status.ok())
        return in_context(inside, std::move(status).error());
    }
    for (ValueId out : node.outputs) {
      if (out == no_value) continue;
      if (!in_range(out)) return malformed(where + " writes a value out of range");
      if (defined_[static_cast<size_t>(out)])
        return malformed(where + " writes '" + graph_.value(out).name + "', which exists already");
      defined_[static_cast<size_t>(out)] = true;
    }
    return {};
  }

  const Graph& graph_;
  std::vector<bool> defined_;
};

}  // namespace

Status verify(const Graph& graph) {
  return Checker(graph).run({});
}

}  // namespace fetafix::graph
