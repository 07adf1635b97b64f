#include "align/canonical.h"

#include <cmath>
#include <functional>
#include <map>

#include "align/float_form.h"

namespace fetafix::align {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

// Appends the primitives of one node.
class Expansion {
 public:
  Expansion(Graph& graph, const Node& from) : graph_(graph), from_(from) {}

  // A primitive whose result is a new value, or the node's own first output with `last`.
  ValueId add(const char* type, std::vector<ValueId> inputs, std::vector<int> slots, bool last = false,
              graph::Attributes attributes = {}) {
    Node node = from_;
    node.type = type;
    node.inputs = std::move(inputs);
    node.slots = std::move(slots);
    node.attributes = std::move(attributes);
    graph::Value value;
    value.name = graph_.value(from_.outputs[0]).name + "/" + type;
    value.dtype = graph_.value(from_.outputs[0]).dtype;
    node.outputs = {last ? from_.outputs[0] : graph_.add_value(std::move(value))};
    const ValueId out = node.outputs[0];
    graph_.add_node(std::move(node));
    return out;
  }

  // The native slot of the node's own input.
  int slot(size_t input) const { return input < from_.slots.size() ? from_.slots[input] : -1; }

  ValueId constant(float value) { return graph_.add_constant("canonical/c", Tensor::scalar(value)); }
  // ... that stands for an attribute of the node: an edit of the attribute finds it (graph/edit.h).
  ValueId attribute(const char* name, float otherwise) {
    graph::Lens lens;
    lens.attribute = name;
    return graph_.add_constant("canonical/c", Tensor::scalar(graph::attribute_or(from_, name, otherwise)),
                               lens);
  }
  ValueId constant(std::vector<int64_t> values) {
    return graph_.add_constant("canonical/i", Tensor::vector(values));
  }

 private:
  Graph& graph_;
  const Node& from_;
};

bool gemm(Graph& graph, const Node& node) {
  if (graph::attribute_or(node, "alpha", 1.0f) != 1.0f || graph::attribute_or(node, "beta", 1.0f) != 1.0f ||
      graph::attribute_or(node, "transA", int64_t{0}) != 0)
    return false;
  Expansion to(graph, node);
  ValueId weights = node.inputs[1];
  const bool transposed = graph::attribute_or(node, "transB", int64_t{0}) != 0;
  if (transposed)
    weights = to.add("Transpose", {weights}, {to.slot(1)}, false, {{"perm", std::vector<int64_t>{1, 0}}});
  const bool biased = node.inputs.size() > 2 && node.inputs[2] != graph::no_value;
  const ValueId product =
      to.add("MatMul", {node.inputs[0], weights}, {to.slot(0), transposed ? -1 : to.slot(1)}, !biased);
  if (biased) to.add("Add", {product, node.inputs[2]}, {-1, to.slot(2)}, true);
  return true;
}

bool hard_swish(Graph& graph, const Node& node) {
  Expansion to(graph, node);
  const ValueId x = node.inputs[0];
  const ValueId shifted = to.add("Add", {x, to.constant(3.0f)}, {to.slot(0), -1});
  const ValueId clipped = to.add("Clip", {shifted, to.constant(0.0f), to.constant(6.0f)}, {});
  const ValueId scaled = to.add("Mul", {clipped, to.constant(1.0f / 6.0f)}, {});
  to.add("Mul", {x, scaled}, {to.slot(0), -1}, true);
  return true;
}

bool gelu(Graph& graph, const Node& node) {
  if (graph::attribute_or(node, "approximate", std::string("none")) != "none") return false;
  Expansion to(graph, node);
  const ValueId x = node.inputs[0];
  const ValueId scaled = to.add("Mul", {x, to.constant(std::sqrt(0.5f))}, {to.slot(0), -1});
  const ValueId erf = to.add("Erf", {scaled}, {});
  const ValueId one = to.add("Add", {erf, to.constant(1.0f)}, {});
  const ValueId product = to.add("Mul", {x, one}, {to.slot(0), -1});
  to.add("Mul", {product, to.constant(0.5f)}, {}, true);
  return true;
}

bool layer_normalization(Graph& graph, const Node& node) {
  if (node.outputs.size() > 1 || graph::attribute_or(node, "axis", int64_t{-1}) != -1) return false;
  Expansion to(graph, node);
  const ValueId x = node.inputs[0], axes = to.constant(std::vector<int64_t>{-1});
  const ValueId mean = to.add("ReduceMean", {x, axes}, {to.slot(0), -1});
  const ValueId centered = to.add("Sub", {x, mean}, {to.slot(0), -1});
  const ValueId squared = to.add("Mul", {centered, centered}, {});
  const ValueId variance = to.add("ReduceMean", {squared, axes}, {});
  const ValueId epsilon = to.attribute("epsilon", 1e-5f);
  const ValueId deviation = to.add("Sqrt", {to.add("Add", {variance, epsilon}, {})}, {});
  const ValueId normalized = to.add("Div", {centered, deviation}, {});
  const bool biased = node.inputs.size() > 2 && node.inputs[2] != graph::no_value;
  const ValueId scaled = to.add("Mul", {normalized, node.inputs[1]}, {-1, to.slot(1)}, !biased);
  if (biased) to.add("Add", {scaled, node.inputs[2]}, {-1, to.slot(2)}, true);
  return true;
}

bool is_tensor_input(const Node& node) {
  return !node.inputs.empty() && node.inputs[0] != graph::no_value;
}

}  // namespace

Graph canonical(const Graph& given) {
  static const std::map<std::string, std::function<bool(Graph&, const Node&)>> expansions{
      {"Gemm", gemm}, {"HardSwish", hard_swish}, {"Gelu", gelu}, {"LayerNormalization", layer_normalization}};
  const Graph view = float_form(given);
  Graph out = view;
  out.nodes.clear();
  for (const Node& node : view.nodes) {
    auto found = expansions.find(node.type);
    const bool expandable =
        found != expansions.end() && node.domain.empty() && !node.opaque && is_tensor_input(node);
    if (!expandable || !found->second(out, node)) out.add_node(node);
  }
  return out;
}

}  // namespace fetafix::align
