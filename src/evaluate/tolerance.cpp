#include "evaluate/tolerance.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

namespace fetafix::evaluate {
namespace {

using graph::Graph;
using graph::Node;

// Sums of products: their error grows with the absolute values that go in, not with what comes out.
bool is_linear(const Node& node) {
  static const std::set<std::string> types{"Conv",        "ConvTranspose",
                                           "MatMul",      "FusedMatMul",
                                           "Gemm",        "BatchNormalization",
                                           "AveragePool", "GlobalAveragePool",
                                           "ReduceMean",  "ReduceSum",
                                           "Sum",         "Mean",
                                           "Add",         "Sub",
                                           "Einsum",      "LpPool",
                                           "CumSum"};
  return types.contains(node.type);
}

// Moves or selects elements and computes nothing.
bool is_exact(const Node& node) {
  static const std::set<std::string> types{
      "Identity", "Reshape", "Transpose",     "Flatten",        "Squeeze",   "Unsqueeze", "Concat",
      "Split",    "Slice",   "Gather",        "Expand",         "Pad",       "Tile",      "Relu",
      "Clip",     "MaxPool", "GlobalMaxPool", "ReduceMax",      "ReduceMin", "Max",       "Min",
      "Abs",      "Neg",     "DepthToSpace",  "SpaceToDepth",   "Where",     "Dropout",   "Sign",
      "Floor",    "Ceil",    "Cast",          "GatherElements", "GatherND",  "Add",       "Sub",
      "Mul",      "Div",     "Sqrt",          "LeakyRelu",      "PRelu"};
  return types.contains(node.type);
}

Tensor absolute(const Tensor& tensor) {
  if (tensor.dtype() != DType::float32) return tensor;
  Tensor out = tensor;
  for (float& v : out.mutable_as<float>()) v = std::fabs(v);
  return out;
}

Tensor map(const Tensor& y, const std::function<float(float)>& f) {
  Tensor out = y;
  for (float& v : out.mutable_as<float>()) v = f(v);
  return out;
}

Tensor combined(const Tensor& a, const Tensor& b, const std::function<float(float, float)>& f) {
  Tensor out = a;
  auto values = out.mutable_as<float>();
  const auto other = b.as<float>();
  for (size_t i = 0; i < values.size(); ++i) values[i] = f(values[i], other[i]);
  return out;
}

// The graph with one node, its constants replaced by their absolute values.
struct AbsoluteNode {
  Graph graph;
  Feeds feeds;
};

AbsoluteNode absolute_node(const Graph& graph, const Node& node, const Feeds& feeds) {
  AbsoluteNode out;
  Node copy = node;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const graph::ValueId id = node.inputs[i];
    if (id == graph::no_value) continue;
    const graph::Value& value = graph.value(id);
    auto fed = feeds.find(id);
    const Tensor& tensor = fed != feeds.end() ? fed->second : value.constant;
    copy.inputs[i] = out.graph.add_value(
        {.name = "", .native_name = "", .dtype = tensor.dtype(), .shape = {}, .constant = {}, .lens = {}});
    const bool keeps_sign = node.type == "BatchNormalization" && i == 4;
    out.feeds[copy.inputs[i]] = keeps_sign ? tensor : absolute(tensor);
  }
  // |mean| adds to the error: with a negated mean the node computes |scale| (|x| + |mean|) / deviation +
  // |bias|.
  if (node.type == "BatchNormalization")
    out.feeds[copy.inputs[3]] = map(out.feeds[copy.inputs[3]], [](float v) { return -v; });
  if (node.type == "Sub") copy.type = "Add";
  for (graph::ValueId& id : copy.outputs)
    if (id != graph::no_value) id = out.graph.add_value(graph.value(id));
  out.graph.add_node(std::move(copy));
  return out;
}

// The largest bias: where BatchNormalization may have been folded, two right converters differ by
// rounding of the folded bias, which may be large where the result is small.
float largest_bias(const Graph& graph, const Node& node, const Feeds& feeds) {
  size_t operand = node.type == "Conv" || node.type == "ConvTranspose" || node.type == "Gemm" ? 2
                   : node.type == "BatchNormalization"                                        ? 3
                   : node.type == "Add"                                                       ? 1
                                                                                              : 99;
  if (operand >= node.inputs.size() || node.inputs[operand] == graph::no_value) return 0;
  const auto id = node.inputs[operand];
  const Tensor& tensor = graph.value(id).constant;
  if (feeds.contains(id) || tensor.dtype() != DType::float32) return 0;
  float largest = 0;
  for (float v : tensor.as<float>()) largest = std::max(largest, std::fabs(v));
  return largest;
}

constexpr float u = static_cast<float>(unit_roundoff);

bool is_mean(const Node& node) {
  return node.type == "GlobalAveragePool" || node.type == "ReduceMean" || node.type == "AveragePool";
}

// How many numbers of the input each number of the output is made of.
float share_of(const Feeds& feeds, const Tensor& out) {
  return static_cast<float>(feeds.begin()->second.size()) /
         static_cast<float>(std::max<int64_t>(out.size(), 1));
}

// How many products each sum has.
float terms_of(const Graph& graph, const Node& node, const Feeds& feeds) {
  if ((node.type != "Conv" && node.type != "MatMul" && node.type != "Gemm") || node.inputs.size() < 2)
    return 1;
  auto fed = feeds.find(node.inputs[1]);
  const Tensor& weights = fed != feeds.end() ? fed->second : graph.value(node.inputs[1]).constant;
  if (weights.rank() < 2) return 1;
  const auto outputs = node.type == "Conv" ? weights.shape()[0] : weights.shape().back();
  const auto batch =
      node.type == "MatMul" && weights.rank() > 2
          ? weights.size() / (weights.shape().back() * weights.shape()[weights.shape().size() - 2])
          : 1;
  return static_cast<float>(weights.size()) / static_cast<float>(std::max<int64_t>(outputs * batch, 1));
}

Result<std::vector<Tensor>> linear(Evaluator& evaluator, const Graph& graph, const Node& node,
                                   const Feeds& feeds, std::span<const Tensor> outputs) {
  AbsoluteNode piece = absolute_node(graph, node, feeds);
  const std::vector<graph::NodeId> nodes{0};
  std::vector<graph::ValueId> wanted;
  for (graph::ValueId id : piece.graph.node(0).outputs)
    if (id != graph::no_value) wanted.push_back(id);
  FETAFIX_TRY(auto sums, evaluator.run(piece.graph, nodes, piece.feeds, wanted));
  const bool mean = is_mean(node) && !sums.empty();
  const float terms = mean ? share_of(piece.feeds, sums[0]) : terms_of(graph, node, feeds);
  const float factor = mean ? std::max(4.0f, 1.5f * std::sqrt(terms)) : 10;
  const float bias = 3 * u * largest_bias(graph, node, feeds);
  // Where the numbers of a sum have one sign and nothing cancels, their rounding adds up in one direction.
  const float drift = std::max(terms / 2 - factor, 0.0f) * u;
  std::vector<Tensor> out;
  for (size_t i = 0; i < sums.size(); ++i) {
    if (outputs[i].dtype() != DType::float32)
      out.emplace_back();
    else
      out.push_back(combined(sums[i], outputs[i], [&](float sum, float y) {
        return factor * u * std::fabs(sum) + bias + drift * std::max(2 * std::fabs(y) - std::fabs(sum), 0.0f);
      }));
  }
  return out;
}

// Recurrent layers, as one node or as a loop, are known only as a whole: 6 u of the largest number, at least
// of 1 (a cell state may exceed it). Gates forget, so it does not grow with the steps; clean conversions of
// Keras' LSTM and GRU reach 2.4 u as loops.
Tensor recurrent_tolerance(const Tensor& y) {
  float largest = 1;
  for (float v : y.as<float>()) largest = std::max(largest, std::fabs(v));
  return map(y, [&](float) { return 6 * u * largest; });
}

// Softmax: 8 u y (1 + max - x); the exponent is known from y itself up to the largest y.
Tensor softmax_tolerance(const Tensor& y) {
  return map(y, [](float v) { return 8 * u * v * (1 - std::log(std::max(v, 1e-30f))) + 1e-30f; });
}

// a (exp(x) - 1) below zero; none: another function. What the exponential rounds does not shrink with the
// result: a few units of a, as in Tanh and Sigmoid.
std::optional<float> exponential_below_zero(const Node& node) {
  if (node.type == "Elu" || node.type == "Celu") return std::fabs(graph::attribute_or(node, "alpha", 1.0f));
  if (node.type != "Selu") return std::nullopt;
  constexpr float alpha = 1.67326319f, gamma = 1.05070102f;
  return std::fabs(graph::attribute_or(node, "alpha", alpha) * graph::attribute_or(node, "gamma", gamma));
}

Tensor elementwise_tolerance(const Node& node, const Tensor& y) {
  if (node.type == "Sigmoid") return map(y, [](float) { return 4 * u; });
  if (node.type == "HardSigmoid") return map(y, [](float) { return 4 * u; });
  if (node.type == "Tanh" || node.type == "Erf") return map(y, [](float) { return 3 * u; });
  if (node.type == "LSTM" || node.type == "GRU" || node.type == "RNN" || !node.bodies.empty())
    return recurrent_tolerance(y);
  if (node.type == "Softmax") return softmax_tolerance(y);
  // What is subtracted and divided rounds by units of 1, however small the result is.
  if (node.type == "LayerNormalization" || node.type == "InstanceNormalization" ||
      node.type == "GroupNormalization")
    return map(y, [](float v) { return 4 * u * (std::fabs(v) + 1); });
  if (const auto a = exponential_below_zero(node))
    return map(y, [a](float v) { return v < 0 ? 3 * u * *a : 4 * u * v; });
  return map(y, [](float v) { return 4 * u * std::fabs(v); });
}

}  // namespace

Result<std::vector<Tensor>> node_tolerance(Evaluator& evaluator, const Graph& graph, graph::NodeId id,
                                           const Feeds& feeds, std::span<const Tensor> outputs) {
  const Node& node = graph.node(id);
  if (is_linear(node)) return linear(evaluator, graph, node, feeds, outputs);
  std::vector<Tensor> out;
  for (const Tensor& y : outputs) {
    if (y.dtype() != DType::float32)
      out.emplace_back();
    else if (is_exact(node))
      out.push_back(map(y, [](float v) { return 2 * u * std::fabs(v); }));
    else
      out.push_back(elementwise_tolerance(node, y));
  }
  return out;
}

namespace {

Tensor squared(const Tensor& tensor) {
  return map(tensor, [](float v) { return v * v; });
}

}  // namespace

bool is_sum_of_products(const Node& node) {
  return node.type == "Conv" || node.type == "ConvTranspose" || node.type == "MatMul" || node.type == "Gemm";
}

void widen(Tensor& tolerance, const Tensor& more, float factor) {
  auto sum = tolerance.mutable_as<float>();
  const auto added = more.as<float>();
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += factor * added[i];
}

Result<Tensor> rounding_of(Evaluator& evaluator, const Graph& graph, graph::NodeId id, const Feeds& feeds,
                           const Feeds& half_steps) {
  const Node& node = graph.node(id);
  if (!is_sum_of_products(node) || node.outputs.size() != 1) return Tensor();
  const auto operand = [&](graph::ValueId value) {
    auto fed = feeds.find(value);
    return fed != feeds.end() ? fed->second : graph.value(value).constant;
  };
  const auto half_step = [&](graph::ValueId value) {
    auto known = half_steps.find(value);
    if (known != half_steps.end()) return squared(known->second);
    return map(operand(value), [](float) { return 0.0f; });
  };
  // The node on squares: sum x^2 h_w^2 + h_b^2, and sum h_x^2 w^2.
  std::optional<Tensor> sum;
  for (const bool first : {true, false}) {
    if (!first && !half_steps.contains(node.inputs[0])) continue;
    Graph piece;
    Node copy = node;
    Feeds fed;
    const size_t count = first ? node.inputs.size() : 2;
    copy.inputs.resize(count);
    for (size_t i = 0; i < count; ++i) {
      if (node.inputs[i] == graph::no_value) continue;
      if (operand(node.inputs[i]).dtype() != DType::float32) return Tensor();
      copy.inputs[i] = piece.add_value(
          {.name = "", .native_name = "", .dtype = DType::float32, .shape = {}, .constant = {}, .lens = {}});
      // First x as it is and the parameters' half steps, then the other way round.
      fed[copy.inputs[i]] = (i == 0) == first ? squared(operand(node.inputs[i])) : half_step(node.inputs[i]);
    }
    copy.outputs = {piece.add_value(graph.value(node.outputs[0]))};
    const std::vector<graph::ValueId> wanted = copy.outputs;
    piece.add_node(std::move(copy));
    const std::vector<graph::NodeId> nodes{0};
    FETAFIX_TRY(auto run, evaluator.run(piece, nodes, fed, wanted));
    if (!sum) {
      sum = run[0];
      continue;
    }
    widen(*sum, run[0], 1);
  }
  return map(*sum, [](float v) { return 3 * std::sqrt(std::max(v, 0.0f)); });
}

}  // namespace fetafix::evaluate
