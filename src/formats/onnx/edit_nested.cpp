#include "formats/onnx/edit_nested.h"

#include <charconv>

#include "formats/onnx/names.h"

namespace fetafix::formats::onnx {
namespace {

Error cannot(const std::string& why) {
  return {ErrorKind::unsupported, why};
}

// How many operands and results of the graph, and of those within it, have the name.
int uses_within(const onnx_wire::Graph& graph, const std::string& name) {
  int out = 0;
  for (const auto& node : graph.node()) out += uses_of(node, name);
  for (const auto& result : graph.output()) out += result.name() == name;
  return out;
}

Status set_initializer(onnx_wire::Graph& graph, const graph::SetTensor& edit) {
  if (edit.at.op.index < 0 || edit.at.op.index >= graph.node_size())
    return cannot("there is no node " + std::to_string(edit.at.op.index) + " in '" + edit.at.op.graph + "'");
  auto& node = *graph.mutable_node(edit.at.op.index);
  if (edit.slot < 0 || edit.slot >= node.input_size())
    return cannot("it has no operand " + std::to_string(edit.slot));
  const std::string name = node.input(edit.slot);
  const Error shared = cannot("others in '" + edit.at.op.graph + "' read that constant");
  const bool alone = uses_within(graph, name) == 1;
  for (auto& wire : *graph.mutable_initializer()) {
    if (wire.name() != name) continue;
    if (!alone) return shared;
    onnx_wire::write_tensor(edit.value, wire);
    return {};
  }
  for (auto& other : *graph.mutable_node()) {
    if (other.op_type() != "Constant" || other.output_size() != 1 || other.output(0) != name) continue;
    if (!alone) return shared;
    other.clear_attribute();
    onnx_wire::write_attribute("value", graph::Attribute(edit.value), *other.add_attribute());
    return {};
  }
  return cannot("operand " + std::to_string(edit.slot) + " is no constant of '" + edit.at.op.graph + "'");
}

}  // namespace

std::optional<NestedStep> first_step(const std::string& path) {
  const size_t colon = path.find(':'), next = path.find('/', 1);
  if (!path.starts_with('/') || colon == std::string::npos || colon > next) return std::nullopt;
  NestedStep out;
  const auto [end, error] = std::from_chars(path.data() + 1, path.data() + colon, out.node);
  if (error != std::errc() || end != path.data() + colon) return std::nullopt;
  out.attribute = path.substr(colon + 1, next == std::string::npos ? next : next - colon - 1);
  if (next != std::string::npos) out.rest = path.substr(next);
  return out;
}

Status set_nested(onnx_wire::Node& node, const NestedStep& step, const graph::SetTensor& edit) {
  for (auto& attribute : *node.mutable_attribute()) {
    if (attribute.name() != step.attribute || !attribute.has_g()) continue;
    auto& graph = *attribute.mutable_g();
    if (step.rest.empty()) return set_initializer(graph, edit);
    const auto next = first_step(step.rest);
    if (next && next->node >= 0 && next->node < graph.node_size())
      return set_nested(*graph.mutable_node(next->node), *next, edit);
  }
  return cannot("there is no graph '" + edit.at.op.graph + "'");
}

}  // namespace fetafix::formats::onnx
