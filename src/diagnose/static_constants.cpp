#include <algorithm>

#include "diagnose/static_fold.h"
#include "diagnose/static_units.h"

namespace fetafix::diagnose {
namespace {

using graph::Graph;
using graph::Node;

// (stored - zero point) * scale, by tensor or along one axis.
Tensor dequantized(const Node& node, const Tensor& stored, const Tensor& scales, const Tensor& zeros) {
  auto numbers = to_doubles(stored), scale = to_doubles(scales);
  auto out = Tensor::zeros(DType::float32, stored.shape());
  if (!numbers.ok() || !scale.ok() || !out.ok() || scale->empty()) return {};
  std::vector<double> zero(scale->size(), 0);
  if (!zeros.empty())
    if (auto given = to_doubles(zeros); given.ok() && given->size() == zero.size()) zero = *given;
  auto axis = graph::attribute_or(node, "axis", int64_t{1});
  const auto rank = static_cast<int64_t>(stored.rank());
  if (axis < 0) axis += rank;
  if (scale->size() > 1 && (axis < 0 || axis >= rank)) return {};
  axis = std::clamp(axis, int64_t{-1}, rank);
  int64_t inner = 1;
  for (int64_t d = axis + 1; d < rank; ++d) inner *= stored.shape()[static_cast<size_t>(d)];
  auto values = out->mutable_as<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t c = scale->size() == 1 ? 0 : i / static_cast<size_t>(inner) % scale->size();
    values[i] = static_cast<float>(((*numbers)[i] - zero[c]) * (*scale)[c]);
  }
  return std::move(out).value();
}

constexpr int most_steps = 64;  // from a constant to where it is read

Tensor constant_of(const Graph& graph, const graph::Uses& uses, graph::ValueId value, int steps) {
  if (value == graph::no_value || steps > most_steps) return {};
  if (graph.value(value).is_constant()) return graph.value(value).constant;
  const graph::NodeId producer = uses.producer[static_cast<size_t>(value)];
  if (producer < 0) return {};
  const Node& node = graph.node(producer);
  std::vector<Tensor> operands;
  for (graph::ValueId in : node.inputs) {
    operands.push_back(constant_of(graph, uses, in, steps + 1));
    if (operands[0].empty()) return {};
  }
  if (operands.empty()) return {};
  if (node.type == "Identity") return operands[0];
  if (node.type == "DequantizeLinear" && operands.size() > 1 && !operands[1].empty())
    return dequantized(node, operands[0], operands[1], operands.size() > 2 ? operands[2] : Tensor());
  return fold(node, operands);
}

}  // namespace

Tensor constant_of(const Graph& graph, const graph::Uses& uses, graph::ValueId value) {
  return constant_of(graph, uses, value, 0);
}

}  // namespace fetafix::diagnose
