// How each edit changes a view. The formats' patchers must agree with this file: a patched file, lifted
// again, computes what the patched view computes.
#include "graph/edit.h"

#include <algorithm>

#include "graph/edit_stored.h"
#include "graph/file_setting.h"

namespace fetafix::graph {
namespace {

Error not_applicable(const std::string& why) {
  return {ErrorKind::unsupported, why};
}

std::string where(const Address& at) {
  return "operator " + std::to_string(at.op.index) +
         (at.op.graph.empty() ? "" : " of graph '" + at.op.graph + "'") +
         (at.role == Role::core
              ? ""
              : " (" + std::string(role_name(at.role)) + (at.nth ? " " + std::to_string(at.nth) : "") + ")");
}

std::string where(const ValueAddress& value) {
  if (value.graph_input >= 0) return "model input " + std::to_string(value.graph_input);
  return "output " + std::to_string(value.output) + " of " + where(value.node);
}

// Appends a node's outputs' consumers to a new producer: everything that read `from` reads `to`.
void redirect(Graph& graph, ValueId from, ValueId to, NodeId except) {
  for (NodeId n = 0; n < static_cast<NodeId>(graph.nodes.size()); ++n) {
    if (n == except) continue;
    for (ValueId& in : graph.node(n).inputs)
      if (in == from) in = to;
  }
  for (ValueId& out : graph.outputs)
    if (out == from) out = to;
}

// Patched values are named p1, p2, ... in the order in which they are made.
ValueId add_patch_value(Graph& graph, DType dtype) {
  Value value;
  int next = 1;
  for (const Value& v : graph.values)
    next += v.name.starts_with("p") && v.name.find("/new") != std::string::npos;
  value.name = "p" + std::to_string(next) + "/new";
  value.dtype = dtype;
  return graph.add_value(std::move(value));
}

int input_of_slot(const Node& node, int slot) {
  for (size_t i = 0; i < node.slots.size(); ++i)
    if (node.slots[i] == slot) return static_cast<int>(i);
  return -1;
}

// In a canonical form several nodes share an address: the one that has the slot is meant.
Result<NodeId> resolve_slot(const Graph& graph, const Address& at, int slot) {
  for (NodeId n = 0; n < static_cast<NodeId>(graph.nodes.size()); ++n)
    if (address_of(graph, n) == at && input_of_slot(graph.node(n), slot) >= 0) return n;
  return resolve(graph, at);
}

// All nodes of an address: more than one in a canonical form, and of an activation function that is written
// out, where the last makes what the operator makes.
std::vector<NodeId> all_of(const Graph& graph, const Address& at) {
  std::vector<NodeId> out;
  if (at.role != Role::core && at.role != Role::activation) return out;
  for (NodeId n = 0; n < static_cast<NodeId>(graph.nodes.size()); ++n)
    if (graph.node(n).native == at.op && graph.node(n).role == at.role) out.push_back(n);
  return out;
}

// The node and input that an operand of an operator is.
Result<std::pair<NodeId, int>> operand_of(const Graph& graph, const Address& at, int input) {
  if (all_of(graph, at).size() > 1) {
    FETAFIX_TRY(const NodeId id, resolve_slot(graph, at, input));
    return std::pair(id, input_of_slot(graph.node(id), input));
  }
  FETAFIX_TRY(const NodeId id, resolve(graph, at));
  return std::pair(id, input);
}

// A tensor in the type that is stored.
Status set_stored(Graph& graph, const SetTensor& edit) {
  FETAFIX_TRY(NodeId id, resolve_slot(graph, edit.at, edit.slot));
  Node& node = graph.node(id);
  int input = input_of_slot(node, edit.slot);
  if (node.role == Role::quantize && input > 0) return set_quantization(graph, id, input, edit.value);
  const ValueId made = graph.add_constant("p/tensor", edit.value);
  if (input < 0) {  // an absent optional operand: a bias behind the last one
    input = static_cast<int>(node.inputs.size());
    node.slots.resize(node.inputs.size(), -1);
    node.inputs.push_back(no_value);
    node.slots.push_back(edit.slot);
  }
  ValueId& operand = node.inputs[static_cast<size_t>(input)];
  if (operand != no_value && !graph.value(operand).is_constant())
    return not_applicable("operand " + std::to_string(edit.slot) + " of " + where(edit.at) + " is computed");
  Tensor before;
  if (operand != no_value) {
    const Value& held = graph.value(operand);
    before = held.constant;
    graph.value(made).lens = held.lens;
    graph.value(made).stored = held.stored;
    graph.value(made).step = held.step;
  }
  operand = made;
  if (node.type == "DequantizeLinear" && input == 1) follow_scale(graph, id, before);
  return {};
}

bool is_of(const Graph& graph, const std::string& path) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [&](const Node& node) { return node.native.graph == path; });
}

Status set_nested(Graph& graph, const SetTensor& edit);

Status apply_one(Graph& graph, const SetTensor& edit) {
  if (!is_of(graph, edit.at.op.graph) && body_of(graph, edit.at.op.graph)) return set_nested(graph, edit);
  FETAFIX_TRY(const std::vector<SetTensor> stored, stored_form(graph, edit));
  for (const SetTensor& one : stored) FETAFIX_CHECK(set_stored(graph, one));
  return {};
}

// A constant of a nested graph, in all that run it.
Status set_nested(Graph& graph, const SetTensor& edit) {
  const std::string& path = edit.at.op.graph;
  for (Node& node : graph.nodes)
    for (auto& [name, body] : node.bodies) {
      if (!is_of(*body.graph, path) && !body_of(*body.graph, path)) continue;
      Graph inner = *body.graph;
      FETAFIX_CHECK(apply_one(inner, edit));
      body.graph = std::make_shared<const Graph>(std::move(inner));
    }
  return {};
}

// Constants by which a canonical form spells out the attribute (the epsilon of a LayerNormalization).
void set_spelled_out(Graph& graph, const SetAttribute& edit) {
  const float* number = edit.value ? std::get_if<float>(&*edit.value) : nullptr;
  if (!number) return;
  for (Node& node : graph.nodes) {
    if (node.native != edit.at.op) continue;
    for (ValueId& in : node.inputs)
      if (in != no_value && graph.value(in).lens && graph.value(in).lens->attribute == edit.name &&
          graph.value(in).lens->native_tensor < 0 && graph.value(in).constant.dtype() == DType::float32)
        in = graph.add_constant("p/" + edit.name, Tensor::scalar(*number), graph.value(in).lens);
  }
}

// A layer of two directions is two recurrent nodes, with the same functions.
std::vector<NodeId> both_directions(const Graph& graph, NodeId id, const SetAttribute& edit) {
  if (!edit.name.starts_with("activation")) return {id};
  std::vector<NodeId> out;
  for (const NodeId other : all_of(graph, edit.at))
    if (graph.node(other).type == graph.node(id).type) out.push_back(other);
  return out;
}

Status apply_one(Graph& graph, const SetAttribute& edit) {
  if (file_setting(edit)) return {};  // the view is made behind it
  FETAFIX_TRY(const NodeId id, resolve(graph, edit.at));
  for (const NodeId each : both_directions(graph, id, edit)) {
    auto& attributes = graph.node(each).attributes;
    if (edit.name == "pads" && edit.value) attributes.erase("auto_pad");  // explicit pads replace it
    if (edit.value)
      attributes[edit.name] = *edit.value;
    else
      attributes.erase(edit.name);
  }
  set_spelled_out(graph, edit);
  return {};
}

// Makes one operand of a native operator read `to`: of all nodes that a canonical form makes of it.
void rewire(Graph& graph, NodeId id, size_t input, ValueId to) {
  const Node changed = graph.node(id);
  const int slot = input < changed.slots.size() ? changed.slots[input] : -1;
  graph.node(id).inputs[input] = to;
  if (slot < 0) return;
  for (Node& node : graph.nodes)
    if (node.native == changed.native && node.role == changed.role)
      for (size_t i = 0; i < node.inputs.size() && i < node.slots.size(); ++i)
        if (node.inputs[i] == changed.inputs[input] && node.slots[i] == slot) node.inputs[i] = to;
}

Status apply_one(Graph& graph, const SetOperand& edit) {
  FETAFIX_TRY(const auto operand, operand_of(graph, edit.at, edit.input));
  const auto [id, input] = operand;
  FETAFIX_TRY(ValueId value, resolve(graph, edit.value));
  if (input < 0 || static_cast<size_t>(input) >= graph.node(id).inputs.size())
    return not_applicable(where(edit.at) + " has no operand " + std::to_string(edit.input));
  FETAFIX_TRY(const bool quantized, reread_quantized(graph, id, input, value));
  if (!quantized) rewire(graph, id, static_cast<size_t>(input), value);
  return {};
}

Status apply_one(Graph& graph, const ChangeType& edit) {
  FETAFIX_TRY(NodeId id, resolve(graph, edit.at));
  graph.node(id).type = edit.type;
  graph.node(id).domain.clear();
  graph.node(id).attributes = edit.attributes;
  return {};
}

// The operand by which a node reads an edge, or by which its operator does.
Result<std::pair<NodeId, size_t>> operand_reading(const Graph& graph, NodeId reader, int input,
                                                  ValueId edge) {
  const Uses uses(graph);
  const NativeOperator within = graph.node(reader).native;
  NodeId node = reader;
  while (input >= 0 && static_cast<size_t>(input) < graph.node(node).inputs.size()) {
    const ValueId operand = graph.node(node).inputs[static_cast<size_t>(input)];
    if (operand == edge) return std::pair(node, static_cast<size_t>(input));
    node = operand == no_value ? -1 : uses.producer[static_cast<size_t>(operand)];
    if (node < 0 || graph.node(node).native != within ||
        (graph.node(node).role != Role::bridge && graph.node(node).role != Role::dequantize))
      break;
    input = 0;
  }
  return not_applicable(where(address_of(graph, reader)) + " does not read that edge");
}

Status apply_one(Graph& graph, const InsertNode& edit) {
  if (counts_output(edit)) return insert_counted(graph, edit);
  FETAFIX_TRY(ValueId edge, resolve(graph, edit.edge));
  std::pair<NodeId, int> only{-1, -1};
  if (edit.only_consumer) {
    FETAFIX_TRY(only, operand_of(graph, edit.only_consumer->first, edit.only_consumer->second));
  }
  Uses uses(graph);
  const NodeId producer = uses.producer[static_cast<size_t>(edge)];
  Node node;
  node.type = edit.type;
  node.attributes = edit.attributes;
  for (const auto& operand : edit.operands)
    node.inputs.push_back(!operand           ? edge
                          : operand->empty() ? no_value
                                             : graph.add_constant("p/operand", *operand));
  NodeId position = producer + 1;
  for (const auto& [operand, address] : edit.other_operands) {
    FETAFIX_TRY(const ValueId other, resolve(graph, address));
    if (operand < 0 || static_cast<size_t>(operand) >= node.inputs.size())
      return not_applicable("the inserted node has no operand " + std::to_string(operand));
    node.inputs[static_cast<size_t>(operand)] = other;
    position = std::max(position, uses.producer[static_cast<size_t>(other)] + 1);
  }
  const ValueId out = add_patch_value(graph, graph.value(edge).dtype);
  node.outputs = {out};
  node.name = graph.value(out).name;
  if (edit.only_consumer) {
    FETAFIX_TRY(const auto operand, operand_reading(graph, only.first, only.second, edge));
    rewire(graph, operand.first, operand.second, out);
  } else {
    redirect(graph, edge, out, -1);
  }
  graph.nodes.insert(graph.nodes.begin() + position, std::move(node));
  return {};
}

// All that a canonical form makes of an operator.
Status remove_expansion(Graph& graph, const std::vector<NodeId>& nodes, const RemoveNode& edit) {
  FETAFIX_TRY(const auto operand, operand_of(graph, edit.at, edit.through));
  if (operand.second < 0)
    return not_applicable(where(edit.at) + " has no operand " + std::to_string(edit.through) +
                          " to pass through");
  const ValueId through = graph.node(operand.first).inputs[static_cast<size_t>(operand.second)];
  redirect(graph, graph.node(nodes.back()).outputs[0], through, -1);
  for (auto id = nodes.rbegin(); id != nodes.rend(); ++id) graph.nodes.erase(graph.nodes.begin() + *id);
  return {};
}

Status apply_one(Graph& graph, const RemoveNode& edit) {
  if (const auto nodes = all_of(graph, edit.at); nodes.size() > 1)
    return remove_expansion(graph, nodes, edit);
  FETAFIX_TRY(NodeId id, resolve(graph, edit.at));
  const Node node = graph.node(id);
  if (edit.through < 0 || static_cast<size_t>(edit.through) >= node.inputs.size() ||
      node.inputs[static_cast<size_t>(edit.through)] == no_value || node.outputs.empty() ||
      node.outputs[0] == no_value)
    return not_applicable(where(edit.at) + " has no operand " + std::to_string(edit.through) +
                          " to pass through");
  redirect(graph, node.outputs[0], node.inputs[static_cast<size_t>(edit.through)], id);
  graph.nodes.erase(graph.nodes.begin() + id);
  return {};
}

Status apply_one(Graph& graph, const KeepOutputs& edit) {
  FETAFIX_TRY(NodeId id, resolve(graph, edit.at));
  Node& node = graph.node(id);
  Uses uses(graph);
  for (size_t i = static_cast<size_t>(std::max(edit.keep, 0)); i < node.outputs.size(); ++i) {
    const ValueId out = node.outputs[i];
    if (out == no_value) continue;
    if (uses.is_output[static_cast<size_t>(out)] || !uses.consumers[static_cast<size_t>(out)].empty())
      return not_applicable("output " + std::to_string(i) + " of " + where(edit.at) + " is used");
  }
  node.outputs.resize(std::min(node.outputs.size(), static_cast<size_t>(std::max(edit.keep, 0))));
  return {};
}

// What the view has no word for.
Status apply_one(Graph&, const SetMetadata&) {
  return {};
}
Status apply_one(Graph&, const SortOperators&) {
  return {};
}
Status apply_one(Graph&, const SeparateOutput&) {
  return {};
}

Status apply_one(Graph& graph, const Redeclare& edit) {
  FETAFIX_TRY(const ValueId id, resolve(graph, edit.value));
  graph.value(id).dtype = edit.dtype;
  if (edit.shape) graph.value(id).shape = edit.shape;
  return {};
}

Status apply_one(Graph& graph, const SetOutput& edit) {
  FETAFIX_TRY(const ValueId id, resolve(graph, edit.value));
  if (edit.output < 0 || static_cast<size_t>(edit.output) >= graph.outputs.size())
    return not_applicable("there is no model output " + std::to_string(edit.output));
  graph.outputs[static_cast<size_t>(edit.output)] = id;
  return {};
}

}  // namespace

Result<NodeId> resolve(const Graph& graph, const Address& address) {
  int left = address.nth;
  for (NodeId n = 0; n < static_cast<NodeId>(graph.nodes.size()); ++n)
    if (graph.node(n).native == address.op && graph.node(n).role == address.role && left-- == 0) return n;
  return not_applicable("there is no " + where(address));
}

Result<ValueId> resolve(const Graph& graph, const ValueAddress& address) {
  if (address.graph_input >= 0) {
    if (static_cast<size_t>(address.graph_input) >= graph.inputs.size())
      return not_applicable("there is no model input " + std::to_string(address.graph_input));
    return graph.inputs[static_cast<size_t>(address.graph_input)];
  }
  FETAFIX_TRY(NodeId node, resolve(graph, address.node));
  if (const auto nodes = all_of(graph, address.node); !nodes.empty()) node = nodes.back();
  const auto& outputs = graph.node(node).outputs;
  if (address.output < 0 || static_cast<size_t>(address.output) >= outputs.size() ||
      outputs[static_cast<size_t>(address.output)] == no_value)
    return not_applicable(where(address.node) + " has no output " + std::to_string(address.output));
  return outputs[static_cast<size_t>(address.output)];
}

Address address_of(const Graph& graph, NodeId node) {
  Address out{graph.node(node).native, graph.node(node).role};
  for (NodeId n = 0; n < node && out.role == Role::bridge; ++n)
    out.nth += graph.node(n).native == out.op && graph.node(n).role == Role::bridge;
  return out;
}

Result<ValueAddress> address_of(const Graph& graph, const Uses& uses, ValueId value) {
  ValueAddress address;
  for (size_t i = 0; i < graph.inputs.size(); ++i)
    if (graph.inputs[i] == value) {
      address.graph_input = static_cast<int>(i);
      return address;
    }
  const NodeId producer = uses.producer[static_cast<size_t>(value)];
  if (producer < 0) return not_applicable("'" + graph.value(value).name + "' is a constant");
  if (graph.node(producer).native.index < 0)
    return not_applicable("'" + graph.value(value).name + "' is not in the file");
  address.node = address_of(graph, producer);
  if (const auto nodes = all_of(graph, address.node); !nodes.empty() && nodes.back() != producer)
    return not_applicable("'" + graph.value(value).name + "' lies inside " + where(address.node));
  const auto& outputs = graph.node(producer).outputs;
  address.output = static_cast<int>(std::find(outputs.begin(), outputs.end(), value) - outputs.begin());
  return address;
}

const Address& address_of(const Edit& edit) {
  static const Address none;
  if (auto* insert = std::get_if<InsertNode>(&edit)) return insert->edge.node;
  if (auto* redeclare = std::get_if<Redeclare>(&edit)) return redeclare->value.node;
  if (auto* output = std::get_if<SetOutput>(&edit)) return output->value.node;
  return std::visit(
      [](const auto& e) -> const Address& {
        if constexpr (requires { e.at; })
          return e.at;
        else
          return none;
      },
      edit);
}

Status apply(Graph& graph, const Edit& edit) {
  return std::visit([&](const auto& one) { return apply_one(graph, one); }, edit);
}

Status apply(Graph& graph, const Patch& patch) {
  for (const EditGroup& group : patch.groups)
    for (const Edit& edit : group.edits) FETAFIX_CHECK(apply(graph, edit));
  return verify(graph);
}

namespace {

struct Describe {
  std::string operator()(const SetTensor& e) const {
    return "set operand " + std::to_string(e.slot) + " of " + where(e.at) + " to " +
           std::string(dtype_name(e.value.dtype())) + to_string(e.value.shape());
  }
  std::string operator()(const SetAttribute& e) const {
    if (const auto own = file_setting(e))
      return own->value.empty() ? "remove " + own->place : "set " + own->place + " = " + own->value;
    return (e.value ? "set " + e.name + " = " + to_text(*e.value) : "remove " + e.name) + " of " +
           where(e.at);
  }
  std::string operator()(const SetOperand& e) const {
    return "rewire operand " + std::to_string(e.input) + " of " + where(e.at);
  }
  std::string operator()(const ChangeType& e) const { return "make " + where(e.at) + " a " + e.type; }
  std::string operator()(const InsertNode& e) const {
    return "insert " + e.type + " after " +
           (e.edge.graph_input >= 0 ? "model input " + std::to_string(e.edge.graph_input)
                                    : where(e.edge.node)) +
           (e.only_consumer ? " for operand " + std::to_string(e.only_consumer->second) + " of " +
                                  where(e.only_consumer->first)
                            : "");
  }
  std::string operator()(const RemoveNode& e) const { return "remove " + where(e.at); }
  std::string operator()(const KeepOutputs& e) const {
    return "keep " + std::to_string(e.keep) + " output(s) of " + where(e.at);
  }
  std::string operator()(const SetMetadata& e) const {
    return "set " + e.field + " = " + std::to_string(e.value) +
           (e.at.op.index < 0 ? "" : " of " + where(e.at));
  }
  std::string operator()(const Redeclare& e) const {
    return "declare " + where(e.value) + " as " + std::string(dtype_name(e.dtype)) +
           (e.shape ? to_string(*e.shape) : "");
  }
  std::string operator()(const SetOutput& e) const {
    return "make " + where(e.value) + " model output " + std::to_string(e.output);
  }
  std::string operator()(const SeparateOutput& e) const {
    return "give output " + std::to_string(e.output) + " of " + where(e.at) + " a value of its own";
  }
  std::string operator()(const SortOperators&) const { return "put the operators in order"; }
};

}  // namespace

std::string describe(const Edit& edit) {
  return std::visit(Describe{}, edit);
}

}  // namespace fetafix::graph
