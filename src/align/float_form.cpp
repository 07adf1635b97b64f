#include "align/float_form.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "align/bias_claim.h"

namespace fetafix::align {
namespace {

using graph::Graph;
using graph::Node;
using graph::NodeId;
using graph::Role;
using graph::ValueId;

bool is_quantizer(const Node& node) {
  return node.domain.empty() && !node.opaque && node.type == "QuantizeLinear" && node.inputs.size() >= 2;
}

bool is_dequantizer(const Node& node) {
  return node.domain.empty() && !node.opaque && node.type == "DequantizeLinear" && node.inputs.size() >= 2;
}

struct Range {
  double lowest, highest, step = 1;
};

std::optional<Range> range_of(DType dtype) {
  if (dtype == DType::int8) return Range{-128, 127};
  if (dtype == DType::uint8) return Range{0, 255};
  if (dtype == DType::int16) return Range{-32768, 32767};
  if (dtype == DType::uint16) return Range{0, 65535};
  return std::nullopt;
}

std::optional<double> scalar_of(const Graph& graph, const Node& node, size_t input) {
  if (input >= node.inputs.size() || node.inputs[input] == graph::no_value) return 0.0;
  const graph::Value& value = graph.value(node.inputs[input]);
  if (!value.is_constant() || value.constant.size() != 1) return std::nullopt;
  auto numbers = to_doubles(value.constant);
  if (!numbers.ok()) return std::nullopt;
  return (*numbers)[0];
}

// The bounds of the Clip that a QuantizeLinear saturates to; nullopt: scales per channel, or computed ones.
std::optional<Range> saturation(const Graph& graph, const Node& node) {
  const auto scale = scalar_of(graph, node, 1), zero = scalar_of(graph, node, 2);
  DType dtype = DType::uint8;
  if (node.inputs.size() > 2 && node.inputs[2] != graph::no_value) dtype = graph.value(node.inputs[2]).dtype;
  const auto range = range_of(dtype);
  if (!scale || !zero || !range || !(*scale > 0)) return std::nullopt;
  return Range{(range->lowest - *zero) * *scale, (range->highest - *zero) * *scale, *scale};
}

// Every reader must understand the float value in place of the quantized one.
bool only_dequantized(const Graph& graph, const graph::Uses& uses, const Node& node) {
  const auto& readers = uses.consumers[static_cast<size_t>(node.outputs[0])];
  return std::all_of(readers.begin(), readers.end(), [&](const graph::Uses::Use& use) {
    const Node& reader = graph.node(use.node);
    return is_dequantizer(reader) && use.input == 0 &&
           scalar_of(graph, reader, 1) == scalar_of(graph, node, 1) &&
           scalar_of(graph, reader, 2) == scalar_of(graph, node, 2);
  });
}

void make_identity(Node& node) {
  node.type = "Identity";
  const ValueId input = node.inputs[0];
  const int slot = node.slots.empty() ? -1 : node.slots[0];
  node.inputs = {input};
  node.slots = {slot};
  node.attributes.clear();
}

void make_clip(Graph& graph, Node& node, const Range& range) {
  // Scale and zero point that belong to a tensor stay reachable: an edit of theirs moves the bounds.
  const bool of_tensor = node.role == Role::quantize;
  const auto slot = [&](size_t i) {
    return i < node.slots.size() && (i == 0 || of_tensor) ? node.slots[i] : -1;
  };
  const std::vector<int> slots{slot(0), slot(1), slot(2)};
  node.type = "Clip";
  node.role = Role::quantize;
  node.attributes.clear();
  const auto bound = [&](double v) {
    return graph.add_constant("float_form/bound", Tensor::scalar(static_cast<float>(v)));
  };
  node.inputs = {node.inputs[0], bound(range.lowest), bound(range.highest)};
  node.slots = slots;
  graph::Value& out = graph.value(node.outputs[0]);
  out.stored = out.dtype;
  out.dtype = DType::float32;
  out.step = static_cast<float>(range.step);
}

void free_activations(Graph& graph) {
  const graph::Uses uses(graph);
  std::set<ValueId> freed;
  for (Node& node : graph.nodes) {
    if (is_quantizer(node) && !graph.value(node.inputs[0]).is_constant()) {
      const auto range = saturation(graph, node);
      if (!range || !only_dequantized(graph, uses, node)) continue;
      freed.insert(node.outputs[0]);
      make_clip(graph, node, *range);
    } else if (is_dequantizer(node) && freed.contains(node.inputs[0])) {
      make_identity(node);
    }
  }
}

// Hybrid kernels round their input with steps found at run time; the view does so in several nodes of role
// quantize (Round among them). What leaves them is what went in.
void free_hybrid_inputs(Graph& graph) {
  std::set<graph::NativeOperator> hybrid;
  for (const Node& node : graph.nodes)
    if (node.type == "Round" && node.role == Role::quantize) hybrid.insert(node.native);
  if (hybrid.empty()) return;
  const auto rounds = [&](const Node& node) {
    return node.role == Role::quantize && hybrid.contains(node.native);
  };
  const graph::Uses uses(graph);
  std::vector<Node> kept;
  std::map<graph::NativeOperator, ValueId> entering;
  for (const Node& node : graph.nodes) {
    if (!rounds(node)) {
      kept.push_back(node);
      continue;
    }
    entering.try_emplace(node.native, node.inputs[0]);
    const auto& readers = uses.consumers[static_cast<size_t>(node.outputs[0])];
    const bool inner = std::all_of(readers.begin(), readers.end(), [&](const graph::Uses::Use& use) {
      return rounds(graph.node(use.node)) && graph.node(use.node).native == node.native;
    });
    if (inner) continue;
    Node last = node;
    last.inputs = {entering.at(node.native)};
    last.slots = {-1};
    make_identity(last);
    kept.push_back(std::move(last));
  }
  graph.nodes = std::move(kept);
}

// y = QLinearConv(x, xs, xz, w, ws, wz, ys, yz, b): DequantizeLinear of its operands, Conv, QuantizeLinear.
class Unfused {
 public:
  Unfused(Graph& graph, const Node& from) : graph_(graph), from_(from) {}

  void conv() {
    std::vector<ValueId> inputs{dequantized(0), dequantized(3)};
    if (from_.inputs.size() > 8 && from_.inputs[8] != graph::no_value) inputs.push_back(bias());
    finish("Conv", std::move(inputs), from_.attributes, {0, 3, 8});
  }

  void matmul() { finish("MatMul", {dequantized(0), dequantized(3)}, {}, {0, 3}); }

 private:
  ValueId add(const std::string& type, std::vector<ValueId> inputs, DType dtype, Role role,
              graph::Attributes attributes = {}, std::vector<int> slots = {}) {
    Node node = from_;
    node.type = type;
    node.role = role;
    node.attributes = std::move(attributes);
    node.slots = std::move(slots);
    node.inputs = std::move(inputs);
    graph::Value value;
    value.name = graph_.value(from_.outputs[0]).name + "/" + type;
    value.dtype = dtype;
    node.outputs = {graph_.add_value(std::move(value))};
    const ValueId out = node.outputs[0];
    graph_.add_node(std::move(node));
    return out;
  }

  ValueId dequantized(size_t input) {
    graph::Attributes attributes;
    if (graph_.value(from_.inputs[input + 1]).constant.size() > 1) attributes["axis"] = int64_t{0};
    const bool constant = graph_.value(from_.inputs[input]).is_constant();
    return add("DequantizeLinear", {from_.inputs[input], from_.inputs[input + 1], from_.inputs[input + 2]},
               DType::float32, constant ? Role::constant : Role::dequantize, std::move(attributes),
               {static_cast<int>(input), static_cast<int>(input) + 1, static_cast<int>(input) + 2});
  }

  ValueId bias() {
    const Tensor& x = graph_.value(from_.inputs[1]).constant;
    Tensor scale = graph_.value(from_.inputs[4]).constant;
    for (float& s : scale.mutable_as<float>()) s *= x.as<float>()[0];
    const bool many = scale.size() > 1;
    const ValueId step = graph_.add_constant("float_form/bias_scale", std::move(scale));
    return add("DequantizeLinear", {from_.inputs[8], step}, DType::float32, Role::bias,
               many ? graph::Attributes{{"axis", int64_t{0}}} : graph::Attributes{}, {8, -1});
  }

  void finish(const std::string& type, std::vector<ValueId> inputs, graph::Attributes attributes,
              std::vector<int> slots) {
    slots.resize(inputs.size());
    const ValueId y =
        add(type, std::move(inputs), DType::float32, Role::core, std::move(attributes), std::move(slots));
    Node node = from_;
    node.type = "QuantizeLinear";
    node.role = Role::quantize;
    node.inputs = {y, from_.inputs[6], from_.inputs[7]};
    node.slots = {};
    node.attributes.clear();
    graph_.add_node(std::move(node));
  }

  Graph& graph_;
  const Node from_;
};

bool has_constants(const Graph& graph, const Node& node, std::initializer_list<size_t> inputs) {
  return std::all_of(inputs.begin(), inputs.end(), [&](size_t i) {
    return i < node.inputs.size() && node.inputs[i] != graph::no_value &&
           graph.value(node.inputs[i]).is_constant() && graph.value(node.inputs[i]).constant.size() > 0;
  });
}

Graph unfuse(const Graph& view) {
  Graph out = view;
  out.nodes.clear();
  for (const Node& node : view.nodes) {
    const bool known = !node.opaque && node.domain.empty() && has_constants(view, node, {1, 4, 6}) &&
                       node.inputs.size() >= 8 && view.value(node.inputs[1]).dtype == DType::float32 &&
                       view.value(node.inputs[4]).dtype == DType::float32;
    if (known && node.type == "QLinearConv")
      Unfused(out, node).conv();
    else if (known && node.type == "QLinearMatMul")
      Unfused(out, node).matmul();
    else
      out.add_node(node);
  }
  return out;
}

// A bias means what it was counted as. Where the operator takes other steps, all channels by the same factor,
// the edge is wrong that it reads and not the bias: the claim and what the operator derives change places.
void take_claimed_steps(Graph& graph) {
  for (const Node& node : graph.nodes) {
    const BiasClaim claim = bias_claim(graph, node);
    if (claim.factor != 1)
      std::swap(graph.value(claim.claimed).constant, graph.value(claim.derived).constant);
  }
}

bool is_other_float(DType dtype) {
  return dtype == DType::float16 || dtype == DType::bfloat16 || dtype == DType::float64;
}

constexpr int64_t onnx_float = 1, onnx_float16 = 10, onnx_double = 11, onnx_bfloat16 = 16;

// `to` and `dtype` name the type of what Cast, ConstantOfShape and random operators make.
void widen_attributes(Node& node) {
  for (const char* name : {"to", "dtype", "stash_type"}) {
    const int64_t code = graph::attribute_or(node, name, int64_t{0});
    if (code == onnx_float16 || code == onnx_double || code == onnx_bfloat16)
      node.attributes[name] = onnx_float;
  }
  for (auto& [name, value] : node.attributes)
    if (auto* tensor = std::get_if<Tensor>(&value); tensor && is_other_float(tensor->dtype()))
      if (auto wide = cast(*tensor, DType::float32); wide.ok()) *tensor = std::move(wide).value();
}

void widen(Graph& graph) {
  const bool any = std::any_of(graph.values.begin(), graph.values.end(),
                               [](const graph::Value& v) { return is_other_float(v.dtype); });
  if (!any) return;
  for (graph::Value& value : graph.values) {
    if (!is_other_float(value.dtype)) continue;
    if (value.is_constant()) {
      auto wide = cast(value.constant, DType::float32);
      if (!wide.ok()) continue;
      if (value.dtype != DType::float64) value.stored = value.dtype;
      value.constant = std::move(wide).value();
    }
    value.dtype = DType::float32;
  }
  for (Node& node : graph.nodes)
    if (!node.opaque) widen_attributes(node);
}

}  // namespace

Graph float_form(const Graph& view) {
  Graph out = unfuse(view);
  free_activations(out);
  free_hybrid_inputs(out);
  take_claimed_steps(out);
  widen(out);
  return out;
}

}  // namespace fetafix::align
