#include "formats/onnx/upgrade.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <optional>

#include "formats/onnx/contrib.h"
#include "graph/onnx_types.h"
#include "onnx_wire/convert.h"

namespace fetafix::formats::onnx {
namespace {

using graph::Attribute;
using graph::Graph;
using graph::Node;
using graph::ValueId;
using Ints = std::vector<int64_t>;

// One rule: applies to nodes of operator sets below `before`.
struct Rule {
  int before;
  std::function<bool(Graph&, Node&)> change;
};

std::string base_name(const Graph& graph, const Node& node) {
  return node.outputs.empty() || node.outputs[0] == graph::no_value ? node.type
                                                                    : graph.value(node.outputs[0]).name;
}

// Makes attribute `name` operand `input`; the attribute's value goes through `tensor`.
void to_operand(Graph& graph, Node& node, const std::string& name, size_t input, Tensor tensor) {
  graph::Lens lens;
  lens.attribute = name;
  while (node.inputs.size() <= input) {
    node.slots.push_back(-1);
    node.inputs.push_back(graph::no_value);
  }
  node.inputs[input] = graph.add_constant(base_name(graph, node) + "/" + name, std::move(tensor), lens);
  node.slots[input] = static_cast<int>(input);
  node.attributes.erase(name);
}

bool ints_to_operand(Graph& graph, Node& node, const std::string& name, size_t input) {
  auto found = node.attributes.find(name);
  if (found == node.attributes.end()) return true;
  const Ints values = graph::attribute_or(node, name, Ints{});
  to_operand(graph, node, name, input, Tensor::vector(values));
  return true;
}

// The type of a floating value; what the file does not say follows from how it is computed.
DType float_type_of(const Graph& graph, ValueId value) {
  for (size_t n = graph.nodes.size(); n > 0 && graph.value(value).dtype == DType::unknown; --n) {
    const Node& node = graph.nodes[n - 1];
    if (std::find(node.outputs.begin(), node.outputs.end(), value) == node.outputs.end()) continue;
    if (node.type == "Cast") return graph::dtype_of_onnx_type(attribute_or(node, "to", int64_t{1}));
    if (node.inputs.empty() || node.inputs[0] == graph::no_value) break;
    value = node.inputs[0];
  }
  return graph.value(value).dtype;
}

// A number that was an attribute, in the type that the operand must have.
void to_number(Graph& graph, Node& node, const std::string& name, size_t input, float value) {
  const bool known = !node.inputs.empty() && node.inputs[0] != graph::no_value;
  const DType type = known ? float_type_of(graph, node.inputs[0]) : DType::unknown;
  auto typed = cast(Tensor::scalar(value), is_floating(type) ? type : DType::float32);
  to_operand(graph, node, name, input, typed.ok() ? std::move(typed).value() : Tensor::scalar(value));
}

bool clip(Graph& graph, Node& node) {
  for (size_t i = 0; i < 2; ++i) {
    const std::string name = i ? "max" : "min";
    const float limit = std::numeric_limits<float>::max() * (i ? 1.0f : -1.0f);
    to_number(graph, node, name, i + 1, graph::attribute_or(node, name, limit));
  }
  return true;
}

bool pad(Graph& graph, Node& node) {
  const float value = graph::attribute_or(node, "value", 0.0f);
  to_operand(graph, node, "pads", 1, Tensor::vector(graph::attribute_or(node, "pads", Ints{})));
  to_number(graph, node, "value", 2, value);
  return true;
}

bool slice(Graph& graph, Node& node) {
  const Ints starts = graph::attribute_or(node, "starts", Ints{});
  to_operand(graph, node, "starts", 1, Tensor::vector(starts));
  to_operand(graph, node, "ends", 2, Tensor::vector(graph::attribute_or(node, "ends", Ints{})));
  Ints axes = graph::attribute_or(node, "axes", Ints{});
  if (axes.empty())
    for (size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  to_operand(graph, node, "axes", 3, Tensor::vector(axes));
  return true;
}

bool axes_operand(Graph& graph, Node& node) {
  return ints_to_operand(graph, node, "axes", 1);
}
bool split(Graph& graph, Node& node) {
  return ints_to_operand(graph, node, "split", 1);
}

// Opset 18 wants to be told the number of equal parts.
bool equal_split(Graph&, Node& node) {
  if (node.inputs.size() < 2 || node.inputs[1] == graph::no_value)
    node.attributes["num_outputs"] = static_cast<int64_t>(node.outputs.size());
  return true;
}

bool top_k(Graph& graph, Node& node) {
  to_operand(graph, node, "k", 1, Tensor::vector(Ints{graph::attribute_or(node, "k", int64_t{1})}));
  return true;
}

bool dropout(Graph&, Node& node) {  // inference is the identity whatever the ratio
  node.attributes.erase("ratio");
  return true;
}

// Before opset 14 asking for the statistics *is* training mode, with two more outputs that opset 21 lacks.
bool batch_normalization(Graph&, Node& node) {
  if (graph::attribute_or(node, "spatial", int64_t{1}) != 1) return false;
  node.attributes.erase("spatial");
  size_t wanted = 0;
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (node.outputs[i] != graph::no_value) wanted = i + 1;
  if (wanted > 1) {
    node.attributes["training_mode"] = int64_t{1};
    if (node.outputs.size() > 3) node.outputs.resize(3);
  }
  return true;
}

bool has_operand(const Node& node, size_t input) {
  return node.inputs.size() > input && node.inputs[input] != graph::no_value;
}

bool has_output(const Node& node) {
  return !node.outputs.empty() && node.outputs[0] != graph::no_value;
}

// Opset 10 left open how Resize picks the nearest element; ONNX Runtime rounds up in dimensions that shrink
// and down in those that grow. One attribute can't say both, nor what scales that are computed will be.
std::optional<std::string> nearest_rounding(const Graph& graph, const Node& node) {
  if (node.type == "Upsample" || graph::attribute_or(node, "mode", std::string("nearest")) != "nearest")
    return "floor";
  const Tensor& scales = graph.value(node.inputs[1]).constant;
  if (scales.dtype() != DType::float32) return std::nullopt;
  const auto all = scales.as<float>();
  if (std::all_of(all.begin(), all.end(), [](float s) { return s >= 1; })) return "floor";
  if (std::all_of(all.begin(), all.end(), [](float s) { return s <= 1; })) return "ceil";
  return std::nullopt;
}

bool upsample(Graph& graph, Node& node) {
  if (node.attributes.contains("scales")) {
    const auto scales = graph::attribute_or(node, "scales", std::vector<float>{});
    to_operand(graph, node, "scales", 1, Tensor::vector(scales));
  }
  if (node.inputs.size() != 2 || !has_operand(node, 1)) return false;
  const auto rounding = nearest_rounding(graph, node);
  if (!rounding) return false;
  node.type = "Resize";
  node.inputs.insert(node.inputs.begin() + 1, graph::no_value);
  node.slots = {0, -1, 1};
  if (graph::attribute_or(node, "mode", std::string("nearest")) == "bilinear")
    node.attributes["mode"] = std::string("linear");
  node.attributes["coordinate_transformation_mode"] = std::string("asymmetric");
  if (graph::attribute_or(node, "mode", std::string("nearest")) == "nearest")
    node.attributes["nearest_mode"] = *rounding;
  return true;
}

bool scatter(Graph&, Node& node) {
  node.type = "ScatterElements";
  return true;
}

const std::multimap<std::string, Rule>& rules() {
  static const std::multimap<std::string, Rule> table{
      {"Clip", {11, clip}},
      {"Pad", {11, pad}},
      {"Slice", {10, slice}},
      {"Squeeze", {13, axes_operand}},
      {"Unsqueeze", {13, axes_operand}},
      {"ReduceSum", {13, axes_operand}},
      {"ReduceMean", {18, axes_operand}},
      {"ReduceMax", {18, axes_operand}},
      {"ReduceMin", {18, axes_operand}},
      {"ReduceProd", {18, axes_operand}},
      {"ReduceL1", {18, axes_operand}},
      {"ReduceL2", {18, axes_operand}},
      {"ReduceLogSum", {18, axes_operand}},
      {"ReduceLogSumExp", {18, axes_operand}},
      {"ReduceSumSquare", {18, axes_operand}},
      {"Split", {13, split}},
      {"Split", {18, equal_split}},
      {"TopK", {10, top_k}},
      {"Dropout", {12, dropout}},
      {"BatchNormalization", {14, batch_normalization}},
      {"Upsample", {10, upsample}},
      {"Resize", {11, upsample}},
      {"Scatter", {11, scatter}},
  };
  return table;
}

bool is_softmax(const std::string& type) {
  return type == "Softmax" || type == "LogSoftmax" || type == "Hardmax";
}

// Softmax below opset 13 works on the input flattened to two dimensions at `axis`.
bool add_flattened_softmax(Graph& graph, Node node) {
  const int64_t axis = graph::attribute_or(node, "axis", int64_t{1});
  if (!has_operand(node, 0) || !has_output(node)) return false;
  if (axis == -1) {
    graph.add_node(std::move(node));
    return true;
  }
  const auto inner = [&](const char* type, std::vector<ValueId> inputs, const char* what) {
    Node helper;
    helper.type = type;
    helper.inputs = std::move(inputs);
    if (helper.inputs[0] == node.inputs[0]) helper.slots = {0};  // the file's operand
    helper.native = node.native;
    helper.name = node.name;
    helper.role = graph::Role::bridge;
    graph::Value value;
    value.name = base_name(graph, node) + what;
    value.dtype = std::string(what) == "/shape" ? DType::int64 : graph.value(node.outputs[0]).dtype;
    helper.outputs = {graph.add_value(std::move(value))};
    return helper;
  };
  Node flatten = inner("Flatten", {node.inputs[0]}, "/flat");
  flatten.attributes["axis"] = axis;
  Node shape = inner("Shape", {node.inputs[0]}, "/shape");
  Node soft = node;
  soft.inputs[0] = flatten.outputs[0];
  soft.slots[0] = -1;
  soft.attributes["axis"] = int64_t{1};
  graph::Value raw;
  raw.name = base_name(graph, node) + "/soft";
  raw.dtype = graph.value(node.outputs[0]).dtype;
  soft.outputs = {graph.add_value(std::move(raw))};
  Node back = inner("Reshape", {soft.outputs[0], shape.outputs[0]}, "/back");
  back.outputs = node.outputs;
  for (Node* n : {&flatten, &shape, &soft, &back}) graph.add_node(std::move(*n));
  return true;
}

// ONNX Runtime's own optimizer writes FusedConv: a convolution with its activation function.
bool add_fused_convolution(Graph& graph, Node node) {
  const std::string activation = graph::attribute_or(node, "activation", std::string());
  const auto parameters = graph::attribute_or(node, "activation_params", std::vector<float>{});
  if (has_operand(node, 3) || !has_output(node)) return false;  // the fourth is a further summand
  Node after = node;
  after.role = graph::Role::activation;
  after.domain.clear();
  after.type = activation;
  after.attributes.clear();
  graph::Value raw;
  raw.name = base_name(graph, node) + "/conv";
  raw.dtype = graph.value(node.outputs[0]).dtype;
  const ValueId between = graph.add_value(std::move(raw));
  after.inputs = {between};
  after.slots = {-1};
  if (activation == "Clip" && parameters.size() == 2) {
    for (float bound : parameters)
      after.inputs.push_back(graph.add_constant(base_name(graph, node) + "/bound", Tensor::scalar(bound)));
  } else if (activation == "LeakyRelu" && parameters.size() == 1) {
    after.attributes["alpha"] = parameters[0];
  } else if (activation != "Relu" && activation != "Sigmoid" && activation != "Tanh") {
    return false;
  }
  node.type = "Conv";
  node.domain.clear();
  node.attributes.erase("activation");
  node.attributes.erase("activation_params");
  node.outputs = {between};
  graph.add_node(std::move(node));
  graph.add_node(std::move(after));
  return true;
}

// Operators whose meaning opset 21 no longer has, or that came after it.
bool no_equivalent(const Node& node, int opset) {
  if (node.type == "GroupNormalization" && opset < 21) return true;
  if (node.type == "If" || node.type == "Loop" || node.type == "Scan") return true;
  static const std::map<std::string, int> later{
      {"RMSNormalization", 23}, {"Attention", 23}, {"RotaryEmbedding", 23}, {"Swish", 24},
      {"TensorScatter", 24},    {"BitCast", 25},   {"CumProd", 25}};
  return later.contains(node.type);
}

}  // namespace

int form_since(const std::string& type) {
  int since = is_softmax(type) ? 13 : 0;
  const auto [first, last] = rules().equal_range(type);
  for (auto rule = first; rule != last; ++rule) since = std::max(since, rule->second.before);
  return since;
}

bool add_upgraded(Graph& graph, Node node, int opset) {
  if (node.domain == "com.microsoft") {
    if (node.type == "FusedConv") return add_fused_convolution(graph, std::move(node));
    return add_contributed(graph, node);
  }
  if (no_equivalent(node, opset)) return false;
  const auto [first, last] = rules().equal_range(node.type);
  for (auto rule = first; rule != last; ++rule)
    if (opset < rule->second.before && !rule->second.change(graph, node)) return false;
  if (is_softmax(node.type) && opset < 13) return add_flattened_softmax(graph, std::move(node));
  graph.add_node(std::move(node));
  return true;
}

}  // namespace fetafix::formats::onnx
