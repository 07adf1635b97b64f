#include "align/half_steps.h"

#include <algorithm>
#include <cmath>

#include "evaluate/tolerance.h"

namespace fetafix::align {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

namespace {

double half_unit(DType stored, double value) {
  const double size = std::fabs(value);
  if (stored == DType::float16) return std::max(size * 0x1p-11, 0x1p-25);
  if (stored == DType::bfloat16) return size * 0x1p-8;
  return 0;
}

bool saturates(const Node& node) {
  return node.role == graph::Role::quantize && node.type == "Clip";
}

bool moves(const Node& node) {
  return node.type == "Reshape" || node.type == "Identity" || node.type == "Cast" || node.type == "Squeeze" ||
         node.type == "Unsqueeze" || node.type == "Flatten";
}

}  // namespace

HalfSteps::HalfSteps(const graph::Graph& graph) : graph_(graph), uses_(graph) {
  any_ = std::any_of(graph.values.begin(), graph.values.end(),
                     [](const graph::Value& v) { return v.stored != DType::unknown; }) ||
         std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [](const Node& n) { return n.type == "DequantizeLinear"; });
}

Tensor HalfSteps::dequantized(const Node& node, const Shape& shape) const {
  const graph::Value& scale = graph_.value(node.inputs[1]);
  if (!scale.is_constant() || scale.dtype != DType::float32) return {};
  if (graph::attribute_or(node, "block_size", int64_t{0}) != 0) return {};
  auto out = Tensor::zeros(DType::float32, shape);
  if (!out.ok()) return {};
  const auto steps = scale.constant.as<float>();
  int64_t axis = graph::attribute_or(node, "axis", int64_t{1});
  if (axis < 0) axis += static_cast<int64_t>(shape.size());
  size_t inner = 1;
  for (size_t d = static_cast<size_t>(axis) + 1; d < shape.size(); ++d)
    inner *= static_cast<size_t>(shape[d]);
  auto values = out->mutable_as<float>();
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = steps[steps.size() == 1 ? 0 : i / inner % steps.size()] / 2;
  return std::move(out).value();
}

Tensor HalfSteps::compute(ValueId id, const Shape& shape) {
  const graph::Value& value = graph_.value(id);
  if (value.is_constant()) {
    if (value.stored == DType::unknown || value.constant.dtype() != DType::float32) return {};
    Tensor out = value.constant;
    for (float& v : out.mutable_as<float>()) v = static_cast<float>(half_unit(value.stored, v));
    return out;
  }
  const NodeId producer = uses_.producer[static_cast<size_t>(id)];
  if (producer < 0) return {};
  const Node& node = graph_.node(producer);
  if (node.type == "DequantizeLinear")
    return graph_.value(node.inputs[0]).is_constant() ? dequantized(node, shape) : Tensor();
  if (node.type == "Transpose" && !node.inputs.empty()) {
    std::vector<int> order(shape.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(order.size() - 1 - i);
    const auto given = graph::attribute_or(node, "perm", std::vector<int64_t>{});
    if (!given.empty()) order.assign(given.begin(), given.end());
    if (order.size() != shape.size()) return {};
    Shape before(shape.size());
    for (size_t i = 0; i < shape.size(); ++i) before[static_cast<size_t>(order[i])] = shape[i];
    const Tensor inner = of(node.inputs[0], before);
    return inner.empty() || inner.shape() != before ? Tensor() : transpose(inner, order);
  }
  if (!moves(node) || node.inputs.empty()) return {};
  const graph::Value& from = graph_.value(node.inputs[0]);
  const Tensor inner = of(node.inputs[0], from.is_constant() ? from.constant.shape() : shape);
  return inner.empty() || inner.size() != element_count(shape) ? Tensor() : inner.reshaped(shape);
}

Tensor HalfSteps::of(ValueId value, const Shape& shape) {
  if (!any_) return {};
  auto found = known_.find(value);
  if (found == known_.end()) found = known_.emplace(value, compute(value, shape)).first;
  return found->second;
}

Tensor HalfSteps::of_output(const Node& node, const Shape& shape) const {
  if (node.type == "DequantizeLinear")
    return graph_.value(node.inputs[0]).is_constant() ? Tensor() : dequantized(node, shape);
  if (!saturates(node)) return {};
  auto out = Tensor::zeros(DType::float32, shape);
  if (!out.ok()) return {};
  auto values = out->mutable_as<float>();
  std::fill(values.begin(), values.end(), graph_.value(node.outputs[0]).step / 2);
  return std::move(out).value();
}

evaluate::Feeds rounded_operands(const graph::Graph& graph, HalfSteps& steps, const Node& node,
                                 const evaluate::Feeds& values) {
  evaluate::Feeds out;
  if (!steps.any()) return out;
  for (ValueId in : node.inputs) {
    if (in == graph::no_value) continue;
    auto found = values.find(in);
    if (found == values.end() && !graph.value(in).is_constant()) continue;
    const Tensor& tensor = found != values.end() ? found->second : graph.value(in).constant;
    if (Tensor half = steps.of(in, tensor.shape()); !half.empty()) out.emplace(in, std::move(half));
  }
  return out;
}

Result<Tensor> rounding_allowance(evaluate::Evaluator& evaluator, const graph::Graph& graph, HalfSteps& steps,
                                  NodeId id, const evaluate::Feeds& feeds, const Shape& output) {
  if (!steps.any()) return Tensor();
  const Node& node = graph.node(id);
  if (Tensor half = steps.of_output(node, output); !half.empty()) return half;
  const evaluate::Feeds rounded = rounded_operands(graph, steps, node, feeds);
  if (rounded.empty()) return Tensor();
  return evaluate::rounding_of(evaluator, graph, id, feeds, rounded);
}

}  // namespace fetafix::align
