#include "evaluate/clipped_lstm.h"

#include <memory>

namespace fetafix::evaluate {
namespace {

using graph::Graph;
using graph::no_value;
using graph::ValueId;

// One step, in the words of ONNX's LSTM: gates in the order input, output, forget, cell.
class Step {
 public:
  Step(float clip, int64_t hidden, bool peepholes) {
    graph_.inputs = {value("h"), value("c"), value("x")};
    w_ = value("W"), r_ = value("R"), b_ = value("B");
    if (peepholes) p_ = value("P");
    const ValueId h = graph_.inputs[0], c = graph_.inputs[1], x = graph_.inputs[2];
    const auto biases = split(b_, 2, 4 * hidden);
    const ValueId sums = add(add(product(x, w_), biases[0]), add(product(h, r_), biases[1]));
    const auto gates = split(sums, 4, hidden);
    const auto peeps = peepholes ? split(p_, 3, hidden) : std::vector<ValueId>(3, no_value);
    const ValueId input = node("Sigmoid", {seen(gates[0], peeps[0], c)});
    const ValueId forget = node("Sigmoid", {seen(gates[2], peeps[2], c)});
    const ValueId cell = node("Mul", {input, node("Tanh", {gates[3]})});
    const ValueId low = constant(-clip), high = constant(clip);
    const ValueId next = node("Clip", {add(node("Mul", {forget, c}), cell), low, high});
    const ValueId output = node("Sigmoid", {seen(gates[1], peeps[1], next)});
    const ValueId y = node("Mul", {output, node("Tanh", {next})});
    graph_.outputs = {y, next, y};
    for (ValueId made : {y, next}) graph_.value(made).shape = Shape{1, -1, hidden};
  }

  graph::Body body() && {
    graph::Body out;
    out.captures = {{w_, 3}, {r_, 4}, {b_, 5}};
    if (p_ != no_value) out.captures[p_] = 6;
    out.graph = std::make_shared<const Graph>(std::move(graph_));
    return out;
  }

 private:
  ValueId value(const std::string& name) {
    graph::Value out;
    out.name = name;
    out.dtype = DType::float32;
    return graph_.add_value(std::move(out));
  }
  ValueId constant(float number) { return graph_.add_constant("", Tensor::scalar(number)); }

  std::vector<ValueId> nodes(const std::string& type, std::vector<ValueId> inputs,
                             graph::Attributes attributes, size_t count) {
    graph::Node out;
    out.type = type;
    out.inputs = std::move(inputs);
    out.attributes = std::move(attributes);
    for (size_t i = 0; i < count; ++i) out.outputs.push_back(value(type));
    const auto made = out.outputs;
    graph_.add_node(std::move(out));
    return made;
  }
  ValueId node(const std::string& type, std::vector<ValueId> inputs, graph::Attributes attributes = {}) {
    return nodes(type, std::move(inputs), std::move(attributes), 1)[0];
  }

  std::vector<ValueId> split(ValueId of, size_t parts, int64_t size) {
    const ValueId sizes = graph_.add_constant("", Tensor::vector<int64_t>(std::vector<int64_t>(parts, size)));
    return nodes("Split", {of, sizes}, {{"axis", int64_t{-1}}}, parts);
  }
  ValueId add(ValueId a, ValueId b) { return node("Add", {a, b}); }
  // Weights lie [1, outputs, inputs].
  ValueId product(ValueId x, ValueId weights) {
    return node("MatMul", {x, node("Transpose", {weights}, {{"perm", std::vector<int64_t>{0, 2, 1}}})});
  }
  ValueId seen(ValueId gate, ValueId peephole, ValueId cell) {
    return peephole == no_value ? gate : add(gate, node("Mul", {peephole, cell}));
  }

  Graph graph_;
  ValueId w_ = no_value, r_ = no_value, b_ = no_value, p_ = no_value;
};

}  // namespace

std::optional<graph::Node> without_cell_clip(const graph::Node& node) {
  const float clip = graph::attribute_or(node, "cell_clip", 0.0f);
  if (node.type != "LSTM" || clip <= 0 || node.inputs.size() < 7) return std::nullopt;
  const bool peepholes = node.inputs.size() > 7 && node.inputs[7] != no_value;
  graph::Node out;
  out.type = "Scan";
  out.name = node.name;
  out.native = node.native;
  out.attributes["num_scan_inputs"] = int64_t{1};
  out.inputs = {node.inputs[5], node.inputs[6], node.inputs[0],
                node.inputs[1], node.inputs[2], node.inputs[3]};
  if (peepholes) out.inputs.push_back(node.inputs[7]);
  const auto output = [&](size_t i) { return i < node.outputs.size() ? node.outputs[i] : no_value; };
  out.outputs = {output(1), output(2), output(0)};  // the last states, then all
  out.bodies["body"] = Step(clip, graph::attribute_or(node, "hidden_size", int64_t{0}), peepholes).body();
  return out;
}

}  // namespace fetafix::evaluate
