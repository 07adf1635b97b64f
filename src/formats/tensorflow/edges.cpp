// Between values of the view and what the file has: its tensors, and what reads them.
#include "formats/tensorflow/editor.h"

namespace fetafix::formats::tensorflow {

using graph::ValueId;

const graph::Value* Editor::value_of(const Source& source) const {
  for (const auto& value : view().values)
    if (value.native_tensor >= 0 && stored_at(value.native_tensor) == source) return &value;
  return nullptr;
}

DType Editor::dtype_of(const Source& source) const {
  const graph::Value* value = value_of(source);
  return value ? value->dtype : DType::unknown;
}

std::optional<Shape> Editor::shape_of(const Source& source) const {
  const graph::Value* value = value_of(source);
  return value ? value->shape : std::nullopt;
}

std::optional<Shape> Editor::shape_of_edge(const graph::ValueAddress& edge) const {
  const auto value = graph::resolve(view(), edge);
  return value.ok() ? view().value(*value).shape : std::nullopt;
}

// A value that no tensor of the file is lies inside of its operator, between bridges.
Result<Edge> Editor::edge_of(ValueId id) const {
  const graph::Value& value = view().value(id);
  if (value.native_tensor >= 0)
    return Edge{lift_.tensors[static_cast<size_t>(value.native_tensor)], {}, -1, -1};
  for (const graph::Node& node : view().nodes) {
    if (node.role != Role::bridge || node.type != "Transpose") continue;
    const auto perm = graph::attribute_or(node, "perm", std::vector<int64_t>{});
    const std::vector<int> order(perm.begin(), perm.end());
    if (node.inputs[0] == id && view().value(node.outputs[0]).native_tensor >= 0) {
      const auto tensor = static_cast<size_t>(view().value(node.outputs[0]).native_tensor);
      return Edge{lift_.tensors[tensor], inverse_permutation(order), -1, -1};
    }
    if (node.outputs[0] == id && view().value(node.inputs[0]).native_tensor >= 0) {
      const auto tensor = static_cast<size_t>(view().value(node.inputs[0]).native_tensor);
      const Slot read = lift_.operand(node.native.index, node.slots[0]);
      return Edge{lift_.tensors[tensor], order, read.op, read.slot};
    }
  }
  return unsupported("the value lies inside of an operator");
}

Result<Edge> Editor::edge(const graph::ValueAddress& address) const {
  FETAFIX_TRY(const ValueId value, graph::resolve(view(), address));
  return edge_of(value);
}

Result<Edge> Editor::operand_edge(graph::NodeId id, int input) const {
  const graph::Node& node = view().node(id);
  if (input < 0 || static_cast<size_t>(input) >= node.inputs.size() ||
      node.inputs[static_cast<size_t>(input)] < 0)
    return unsupported("it has no operand " + std::to_string(input));
  FETAFIX_TRY(Edge out, edge_of(node.inputs[static_cast<size_t>(input)]));
  if (out.reader >= 0) return out;
  const int slot =
      static_cast<size_t>(input) < node.slots.size() ? node.slots[static_cast<size_t>(input)] : -1;
  const Slot read = lift_.operand(node.native.index, slot);
  out.reader = read.op;
  out.slot = read.slot;
  if (out.slot < 0) return unsupported("operand " + std::to_string(input) + " is no operand of the file");
  return out;
}

Status Editor::check_single(const graph::Node& node) const {
  for (const graph::Node& other : view().nodes)
    if (other.native == node.native && other.role != Role::bridge && other.role != Role::constant &&
        &other != &node)
      return unsupported(op(node.native.index).node->op() + " is several operators in one");
  return {};
}

}  // namespace fetafix::formats::tensorflow
