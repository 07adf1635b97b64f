// A node between quantized tensors: it computes on the numbers that they stand for, and what it makes counts
// in steps of its own.
#include <algorithm>

#include "graph/edit_stored.h"

namespace fetafix::graph {
namespace {

Error unsupported(const std::string& why) {
  return {ErrorKind::unsupported, why};
}

bool dequantizes(const Node& node) {
  return node.role == Role::dequantize && node.type == "DequantizeLinear";
}

// The operands of a node that dequantizes the value.
Result<std::vector<ValueId>> counting_of(const Graph& graph, const Uses& uses, ValueId value) {
  const NodeId producer = uses.producer[static_cast<size_t>(value)];
  if (producer >= 0 && graph.node(producer).type == "QuantizeLinear") {
    std::vector<ValueId> operands = graph.node(producer).inputs;
    operands[0] = value;
    return operands;
  }
  for (const Node& node : graph.nodes)
    if (dequantizes(node) && node.inputs[0] == value) return node.inputs;
  return unsupported("it is not known how an operand counts");
}

class Insertion {
 public:
  // `readers` dequantize the tensor, each for its operator; in the order of nodes.
  Insertion(Graph& graph, const InsertNode& edit, std::vector<NodeId> readers, float scale,
            int64_t zero_point)
      : graph_(graph),
        edit_(edit),
        uses_(graph),
        before_(readers[0]),
        readers_(std::move(readers)),
        scale_(scale),
        zero_point_(zero_point) {}

  Status run() {
    Node made;
    made.type = edit_.type;
    made.attributes = edit_.attributes;
    const ValueId edge = dequantized(graph_.node(readers_[0]).inputs);
    for (const auto& operand : edit_.operands)
      made.inputs.push_back(operand ? graph_.add_constant("p/operand", *operand) : edge);
    for (const auto& [operand, address] : edit_.other_operands) {
      FETAFIX_TRY(const ValueId other, other_operand(address));
      if (operand < 0 || static_cast<size_t>(operand) >= made.inputs.size())
        return unsupported("the inserted node has no operand " + std::to_string(operand));
      made.inputs[static_cast<size_t>(operand)] = other;
    }
    const ValueId result = add(std::move(made), DType::float32);
    return quantize(result);
  }

 private:
  ValueId add(Node node, DType dtype) {
    Value value;
    value.name = "p/counted";
    value.dtype = dtype;
    node.outputs = {graph_.add_value(std::move(value))};
    const ValueId out = node.outputs[0];
    graph_.nodes.insert(graph_.nodes.begin() + readers_[0], std::move(node));
    for (NodeId& reader : readers_) ++reader;
    return out;
  }

  ValueId dequantized(std::vector<ValueId> operands) {
    Node node;
    node.type = "DequantizeLinear";
    node.role = Role::dequantize;
    node.inputs = std::move(operands);
    return add(std::move(node), DType::float32);
  }

  Result<ValueId> other_operand(const ValueAddress& address) {
    FETAFIX_TRY(const ValueId value, resolve(graph_, address));
    const NodeId producer = uses_.producer[static_cast<size_t>(value)];
    if (producer >= before_)
      return unsupported("an operand is computed after the place where the result is read");
    if (is_floating(graph_.value(value).dtype)) return value;
    FETAFIX_TRY(std::vector<ValueId> operands, counting_of(graph_, uses_, value));
    return dequantized(std::move(operands));
  }

  Status quantize(ValueId result) {
    const DType dtype = graph_.value(graph_.node(readers_[0]).inputs[0]).dtype;
    FETAFIX_TRY(const Tensor zero, cast(Tensor::scalar(zero_point_), dtype));
    const ValueId step = graph_.add_constant("p/scale", Tensor::scalar(scale_));
    const ValueId point = graph_.add_constant("p/zero_point", zero);
    Node node;
    node.type = "QuantizeLinear";
    node.role = Role::quantize;
    node.inputs = {result, step, point};
    const ValueId stored = add(std::move(node), dtype);
    for (NodeId reader : readers_) {
      auto& inputs = graph_.node(reader).inputs;
      const Tensor before = graph_.value(inputs[1]).constant;
      inputs = {stored, step, point};
      follow_scale(graph_, reader, before);
    }
    return {};
  }

  Graph& graph_;
  const InsertNode& edit_;
  Uses uses_;
  NodeId before_;  // what comes later is not known there
  std::vector<NodeId> readers_;
  float scale_;
  int64_t zero_point_;
};

// What reads the tensor: the one dequantization that makes the edge, or those of the tensor that it is.
std::vector<NodeId> readers_of(const Graph& graph, ValueId edge, NodeId only) {
  const Uses uses(graph);
  const NodeId producer = uses.producer[static_cast<size_t>(edge)];
  if (producer >= 0 && dequantizes(graph.node(producer))) return {producer};
  std::vector<NodeId> out;
  for (const Uses::Use& use : uses.consumers[static_cast<size_t>(edge)]) {
    if (!dequantizes(graph.node(use.node)) || use.input != 0) return {};
    if (only < 0 || graph.node(use.node).native == graph.node(only).native) out.push_back(use.node);
  }
  std::sort(out.begin(), out.end());
  return only < 0 && uses.is_output[static_cast<size_t>(edge)] ? std::vector<NodeId>() : out;
}

}  // namespace

Result<bool> reread_quantized(Graph& graph, NodeId node, int input, ValueId value) {
  const Uses uses(graph);
  const ValueId now = graph.node(node).inputs[static_cast<size_t>(input)];
  const NodeId reader = now == no_value ? -1 : uses.producer[static_cast<size_t>(now)];
  const bool through = reader >= 0 && dequantizes(graph.node(reader)) &&
                       graph.node(reader).native == graph.node(node).native &&
                       graph.node(reader).inputs.size() > 1;
  if (!through || is_floating(graph.value(value).dtype)) return false;
  FETAFIX_TRY(std::vector<ValueId> operands, counting_of(graph, uses, value));
  const Tensor before = graph.value(graph.node(reader).inputs[1]).constant;
  graph.node(reader).inputs = std::move(operands);
  follow_scale(graph, reader, before);
  return true;
}

bool counts_output(const InsertNode& edit) {
  return edit.attributes.contains(std::string(output_scale));
}

Status insert_counted(Graph& graph, const InsertNode& edit) {
  InsertNode plain = edit;
  plain.attributes.erase(std::string(output_scale));
  plain.attributes.erase(std::string(output_zero_point));
  FETAFIX_TRY(const ValueId edge, resolve(graph, edit.edge));
  const bool quantized = !is_floating(graph.value(edge).dtype);
  NodeId only = -1;
  if (edit.only_consumer) {
    FETAFIX_TRY(only, resolve(graph, edit.only_consumer->first));
  }
  const auto readers = readers_of(graph, edge, only);
  // In float form nothing counts.
  if (readers.empty() && !quantized) return graph::apply(graph, Edit(std::move(plain)));
  if (readers.empty()) return unsupported("not all who read the quantized tensor dequantize it");
  Node attributes;
  attributes.attributes = edit.attributes;
  const float scale = attribute_or(attributes, std::string(output_scale), 0.0f);
  const int64_t zero_point = attribute_or(attributes, std::string(output_zero_point), int64_t{0});
  if (!(scale > 0)) return unsupported("a scale has to be positive");
  return Insertion(graph, plain, readers, scale, zero_point).run();
}

}  // namespace fetafix::graph
