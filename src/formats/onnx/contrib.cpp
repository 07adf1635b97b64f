#include "formats/onnx/contrib.h"

#include <functional>
#include <map>

namespace fetafix::formats::onnx {
namespace {

using graph::Attributes;
using graph::Graph;
using graph::Node;
using graph::Role;
using graph::ValueId;

bool has(const Node& node, size_t input) {
  return node.inputs.size() > input && node.inputs[input] != graph::no_value;
}

bool wants(const Node& node, size_t output) {
  return node.outputs.size() > output && node.outputs[output] != graph::no_value;
}

// Builds the parts of one fused operator.
class Parts {
 public:
  Parts(Graph& graph, const Node& from) : graph_(graph), from_(from) {}

  struct Operand {
    ValueId value;
    int slot = -1;
  };
  Operand in(size_t input) const { return {from_.inputs[input], static_cast<int>(input)}; }
  Operand number(const char* name, float value) {
    return {graph_.add_constant(graph_.value(from_.outputs[0]).name + "/" + name, Tensor::scalar(value))};
  }

  // `output`: which output of the fused operator the part's result is; -1: none of them.
  Operand add(const char* type, const std::vector<Operand>& inputs, int output = -1, Role role = Role::core,
              Attributes attributes = {}) {
    Node node = from_;
    node.type = type;
    node.domain.clear();
    node.role = role;
    node.attributes = std::move(attributes);
    node.inputs.clear();
    node.slots.clear();
    for (const Operand& operand : inputs) {
      node.inputs.push_back(operand.value);
      node.slots.push_back(operand.slot);
    }
    if (output >= 0) {
      node.outputs = {from_.outputs[static_cast<size_t>(output)]};
    } else {
      graph::Value value;
      value.name = graph_.value(from_.outputs[0]).name + "/" + type;
      value.dtype = graph_.value(from_.inputs[0]).dtype;
      node.outputs = {graph_.add_value(std::move(value))};
    }
    const ValueId out = node.outputs[0];
    graph_.add_node(std::move(node));
    return {out};
  }

 private:
  Graph& graph_;
  const Node& from_;
};

// alpha * A' * B', where the last two dimensions of either may be swapped.
bool fused_matmul(Graph& graph, const Node& node) {
  if (!has(node, 0) || !has(node, 1) || !wants(node, 0)) return false;
  if (graph::attribute_or(node, "transBatchA", int64_t{0}) ||
      graph::attribute_or(node, "transBatchB", int64_t{0}))
    return false;
  const auto rank_of = [&](size_t input) -> size_t {
    const graph::Value& value = graph.value(node.inputs[input]);
    if (value.is_constant()) return value.constant.shape().size();
    return value.shape ? value.shape->size() : 0;
  };
  const bool swaps[] = {graph::attribute_or(node, "transA", int64_t{0}) != 0,
                        graph::attribute_or(node, "transB", int64_t{0}) != 0};
  for (size_t i = 0; i < 2; ++i)
    if (swaps[i] && rank_of(i) < 2) return graph.add_node(node), true;  // ONNX Runtime runs it as it is
  Parts parts(graph, node);
  std::vector<Parts::Operand> operands{parts.in(0), parts.in(1)};
  for (size_t i = 0; i < 2; ++i) {
    if (!swaps[i]) continue;
    std::vector<int64_t> order(rank_of(i));
    for (size_t d = 0; d < order.size(); ++d) order[d] = static_cast<int64_t>(d);
    std::swap(order[order.size() - 1], order[order.size() - 2]);
    operands[i] = parts.add("Transpose", {operands[i]}, -1, Role::bridge, {{"perm", order}});
  }
  const float alpha = graph::attribute_or(node, "alpha", 1.0f);
  if (alpha == 1.0f) return parts.add("MatMul", operands, 0), true;
  const auto product = parts.add("MatMul", operands);
  parts.add("Mul", {product, parts.number("alpha", alpha)}, 0, Role::activation);
  return true;
}

// Adds two values (and a bias), then normalizes over the last dimension.
bool skip_layer_normalization(Graph& graph, const Node& node) {
  if (!has(node, 0) || !has(node, 1) || !has(node, 2) || !wants(node, 0) || wants(node, 1) || wants(node, 2))
    return false;
  Parts parts(graph, node);
  const bool biased = has(node, 4);
  const int sum_output = wants(node, 3) ? 3 : -1;
  auto sum = parts.add("Add", {parts.in(0), parts.in(1)}, biased ? -1 : sum_output);
  if (biased) sum = parts.add("Add", {sum, parts.in(4)}, sum_output, Role::bias);
  std::vector<Parts::Operand> operands{sum, parts.in(2)};
  if (has(node, 3)) operands.push_back(parts.in(3));
  parts.add("LayerNormalization", operands, 0, Role::activation,
            {{"epsilon", graph::attribute_or(node, "epsilon", 1e-12f)}, {"axis", int64_t{-1}}});
  return true;
}

bool gelu(Graph& graph, const Node& node) {
  if (!has(node, 0) || !wants(node, 0)) return false;
  Parts parts(graph, node);
  parts.add("Gelu", {parts.in(0)}, 0);
  return true;
}

bool biased_gelu(Graph& graph, const Node& node, const char* approximate) {
  if (!has(node, 0) || !wants(node, 0)) return false;
  Parts parts(graph, node);
  auto x = parts.in(0);
  if (has(node, 1)) x = parts.add("Add", {x, parts.in(1)}, -1, Role::bias);
  parts.add("Gelu", {x}, 0, Role::core, {{"approximate", std::string(approximate)}});
  return true;
}

bool quick_gelu(Graph& graph, const Node& node) {
  if (!has(node, 0) || !wants(node, 0)) return false;
  Parts parts(graph, node);
  const float alpha = graph::attribute_or(node, "alpha", 1.702f);
  const auto scaled = parts.add("Mul", {parts.in(0), parts.number("alpha", alpha)});
  parts.add("Mul", {parts.in(0), parts.add("Sigmoid", {scaled})}, 0);
  return true;
}

}  // namespace

bool add_contributed(Graph& graph, const Node& node) {
  static const std::map<std::string, std::function<bool(Graph&, const Node&)>> table{
      {"FusedMatMul", fused_matmul},
      {"SkipLayerNormalization", skip_layer_normalization},
      {"Gelu", gelu},
      {"BiasGelu", [](Graph& g, const Node& n) { return biased_gelu(g, n, "none"); }},
      {"FastGelu", [](Graph& g, const Node& n) { return biased_gelu(g, n, "tanh"); }},
      {"QuickGelu", quick_gelu},
  };
  auto found = table.find(node.type);
  return found != table.end() && found->second(graph, node);
}

}  // namespace fetafix::formats::onnx
