// The text form of graphs: what tests are written in and messages show.
#include <cstdio>

#include "graph/graph.h"

namespace fetafix::graph {
namespace {

std::string number(float value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", static_cast<double>(value));
  const std::string out = text;  // 1.0, so that it reads back as a float
  return out.find_first_not_of("-0123456789") == std::string::npos ? out + ".0" : out;
}

template <class T, class F>
std::string list(const std::vector<T>& items, F&& one, const char* separator = ",") {
  std::string out = "[";
  for (size_t i = 0; i < items.size(); ++i) out += (i ? separator : "") + one(items[i]);
  return out + "]";
}

struct AttributeText {
  std::string operator()(int64_t v) const { return std::to_string(v); }
  std::string operator()(float v) const { return number(v); }
  std::string operator()(const std::string& v) const { return "'" + v + "'"; }
  std::string operator()(const std::vector<int64_t>& v) const {
    return list(v, [](int64_t x) { return std::to_string(x); });
  }
  std::string operator()(const std::vector<float>& v) const { return list(v, number); }
  std::string operator()(const std::vector<std::string>& v) const {
    return list(v, [](const std::string& x) { return "'" + x + "'"; });
  }
  std::string operator()(const Tensor& v) const { return to_text(v); }
};

std::string operand(const Graph& graph, ValueId id) {
  return id == no_value ? "_" : "%" + graph.value(id).name;
}

}  // namespace

std::string to_text(const Attribute& attribute) {
  return std::visit(AttributeText{}, attribute);
}

std::string to_text(const Graph& graph, const Node& node) {
  std::string out = list(
      node.outputs, [&](ValueId v) { return operand(graph, v); }, ", ");
  out = out.substr(1, out.size() - 2) + " = " + (node.opaque ? "opaque " : "") +
        (node.domain.empty() ? "" : node.domain + "::") + node.type;
  std::string in = list(
      node.inputs, [&](ValueId v) { return operand(graph, v); }, ", ");
  out += "(" + in.substr(1, in.size() - 2) + ")";
  std::vector<std::string> settings;
  for (const auto& [name, value] : node.attributes) settings.push_back(name + "=" + to_text(value));
  for (const auto& [name, body] : node.bodies)  // shown by size only
    settings.push_back(name + "=graph of " + std::to_string(body.graph->nodes.size()));
  for (size_t i = 0; i < settings.size(); ++i) out += (i ? ", " : " {") + settings[i];
  if (!settings.empty()) out += "}";
  if (node.role != Role::core) out += " : " + std::string(role_name(node.role));
  return out;
}

std::string to_text(const Graph& graph) {
  std::string out;
  for (ValueId in : graph.inputs) {
    const Value& value = graph.value(in);
    out += "input %" + value.name + " " + std::string(dtype_name(value.dtype)) +
           (value.shape ? to_string(*value.shape) : "[...]") + "\n";
  }
  for (const Value& value : graph.values)
    if (value.is_constant()) out += "const %" + value.name + " " + to_text(value.constant, 4) + "\n";
  for (const Node& node : graph.nodes) out += to_text(graph, node) + "\n";
  for (ValueId id : graph.outputs) out += "output %" + graph.value(id).name + "\n";
  return out;
}

}  // namespace fetafix::graph
