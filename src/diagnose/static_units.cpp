#include "diagnose/static_units.h"
#include "diagnose/static_fold.h"
#include "diagnose/static_order.h"

#include <algorithm>
#include <limits>
#include <set>

namespace fetafix::diagnose {
namespace {

using graph::Graph;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

bool moves_elements(const Node& node) {
  static const std::set<std::string> types{"Transpose", "Reshape",  "Squeeze", "Unsqueeze",
                                           "Flatten",   "Identity", "Cast",    "Dropout"};
  return types.contains(node.type) || node.role == graph::Role::bridge ||
         node.role == graph::Role::quantize || node.role == graph::Role::dequantize;
}

bool is_core(const Node& node) {
  return node.type == "Conv" || node.type == "ConvTranspose" || node.type == "MatMul";
}

// Names that mean one thing.
std::string label_of(const Node& node) {
  if (node.type == "Relu") return "Clip";
  if (node.type == "GlobalAveragePool") return "ReduceMean";
  if (node.type == "GlobalMaxPool") return "ReduceMax";
  return node.type;
}

// The bounds of a Clip; Relu is one, and so are bounds that are left out.
std::vector<Tensor> bounds_of(const Graph& graph, const graph::Uses& uses, const Node& node) {
  std::vector<float> bounds{-std::numeric_limits<float>::max(), std::numeric_limits<float>::max()};
  if (node.type == "Relu") bounds[0] = 0;
  for (size_t i = 1; i < node.inputs.size() && i < 3 && node.type == "Clip"; ++i) {
    if (node.inputs[i] == graph::no_value) continue;
    const auto bound = to_doubles(constant_of(graph, uses, node.inputs[i]));
    if (!bound.ok() || bound->size() != 1) return {Tensor()};
    bounds[i - 1] = static_cast<float>((*bound)[0]);
  }
  return {Tensor::vector(bounds)};
}

class Builder {
 public:
  explicit Builder(const Graph& graph)
      : graph_(graph), uses_(graph), live_(graph::live_nodes(graph)), computed_(graph.values.size()) {}

  Units run() {
    for (size_t i = 0; i < graph_.inputs.size(); ++i) {
      computed_[static_cast<size_t>(graph_.inputs[i])] = true;
      origins_[graph_.inputs[i]] = {-1 - static_cast<int>(i)};
    }
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id)
      if (live_[static_cast<size_t>(id)]) visit(id);
    for (ValueId output : graph_.outputs) out_.outputs.push_back(origin(output));
    out_.readers.resize(out_.units.size());
    for (size_t u = 0; u < out_.units.size(); ++u)
      for (const Operand& operand : out_.units[u].operands)
        if (operand.unit >= 0) out_.readers[static_cast<size_t>(operand.unit)].push_back(static_cast<int>(u));
    return std::move(out_);
  }

 private:
  // Shapes and what is made of constants alone depend on no input.
  bool is_computed(ValueId value) const {
    return value != graph::no_value && computed_[static_cast<size_t>(value)];
  }

  Operand origin(ValueId value) const {
    auto found = origins_.find(value);
    return found == origins_.end() ? Operand{std::numeric_limits<int>::min()} : found->second;
  }

  void visit(NodeId id) {
    const Node& node = graph_.node(id);
    const bool reads =
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) { return is_computed(in); });
    if (!reads || node.type == "Shape" || node.type == "Size") return;
    for (ValueId made : node.outputs)
      if (made != graph::no_value) computed_[static_cast<size_t>(made)] = true;
    if (swallowed_.contains(id)) return;
    if (moves_elements(node))
      pass_on(node);
    else if (!is_core(node) || !add_linear(id))
      add_plain(id);
  }

  void pass_on(const Node& node) {
    Operand from = origin(node.inputs[0]);
    if (node.type == "Transpose") {
      const auto own = order_of(node);
      const auto order = own ? composed(from.moved, *own) : std::nullopt;
      from.scrambled = from.scrambled || from.flattened || !order;
      from.moved = order.value_or(Order());
    }
    from.flattened = from.flattened || node.type == "Reshape" || node.type == "Flatten" ||
                     node.type == "Squeeze" || node.type == "Unsqueeze";
    for (ValueId made : node.outputs)
      if (made != graph::no_value) origins_[made] = from;
  }

  // nullopt: no permutation, or that of the whole rank backwards, which is not known here.
  static std::optional<Order> order_of(const Node& transpose) {
    const auto perm = graph::attribute_or(transpose, "perm", std::vector<int64_t>{});
    if (perm.empty() || !is_permutation(perm)) return std::nullopt;
    return Order(perm.begin(), perm.end());
  }

  // Of all in a row; nullopt: can't be told.
  std::optional<Order> order_of(std::span<const NodeId> nodes) const {
    std::optional<Order> out = Order();
    for (NodeId id : nodes) {
      if (graph_.node(id).type != "Transpose") continue;
      const auto next = order_of(graph_.node(id));
      out = out && next ? composed(*out, *next) : std::nullopt;
    }
    return out;
  }

  void add_plain(NodeId id) {
    const Node& node = graph_.node(id);
    Unit unit;
    unit.label = node.opaque ? "opaque " + node.type : label_of(node);
    unit.node = id;
    unit.nodes = {id};
    unit.commutes = node.type == "Add" || node.type == "Mul" || node.type == "Max" || node.type == "Min";
    for (ValueId in : node.inputs) {
      if (is_computed(in))
        unit.operands.push_back(origin(in));
      else if (in != graph::no_value && unit.label != "Clip")
        unit.constants.push_back(constant_of(graph_, uses_, in));
    }
    if (unit.label == "Clip") unit.constants = bounds_of(graph_, uses_, node);
    add(std::move(unit));
  }

  bool add_linear(NodeId id) {
    const auto lookup = [&](ValueId value) { return constant_of(graph_, uses_, value); };
    std::vector<NodeId> nodes = with_padding_before(id);
    auto linear = faults::effective(graph_, nodes, lookup);
    if (!linear) return false;
    std::vector<NodeId> longer = nodes;
    for (NodeId next = only_reader(nodes.back()); next >= 0; next = only_reader(longer.back())) {
      longer.push_back(next);
      auto grown = faults::effective(graph_, longer, lookup);
      if (!grown) break;
      if (moves_elements(graph_.node(next))) continue;  // a part of it only if more follows
      linear = std::move(grown);
      nodes = longer;
    }
    Unit unit;
    unit.label = "linear " + std::to_string(linear->weights.size());
    unit.node = id;
    unit.nodes = nodes;
    const auto core = std::find(nodes.begin(), nodes.end(), id);
    const auto before = order_of({nodes.begin(), core}), behind = order_of({core, nodes.end()});
    unit.before = before.value_or(Order());
    unit.behind = behind.value_or(Order());
    unit.operands = {origin(graph_.node(nodes[0]).inputs[0])};
    unit.operands[0].scrambled = unit.operands[0].scrambled || !before || !behind;
    const int from = unit.operands[0].unit;
    unit.padded_apart = from >= 0 && out_.units[static_cast<size_t>(from)].label == "Pad";
    unit.linear = std::move(linear);
    swallowed_.insert(nodes.begin(), nodes.end());
    add(std::move(unit));
    return true;
  }

  // A Pad that nothing else reads, and what moves elements between.
  std::vector<NodeId> with_padding_before(NodeId core) {
    std::vector<NodeId> path{core};
    for (ValueId at = graph_.node(core).inputs[0];;) {
      const NodeId before = at == graph::no_value ? -1 : uses_.producer[static_cast<size_t>(at)];
      if (before < 0 || only_reader(before) < 0) return {core};
      const Node& node = graph_.node(before);
      path.insert(path.begin(), before);
      if (!order_of(path)) return {core};
      const bool pad = node.type == "Pad" && !out_.units.empty() && out_.units.back().node == before;
      const auto lookup = [&](ValueId value) { return constant_of(graph_, uses_, value); };
      if (pad && faults::effective(graph_, path, lookup)) {
        out_.units.pop_back();
        return path;
      }
      if (pad || !moves_elements(node)) return {core};
      at = node.inputs[0];
    }
  }

  // -1: several read it, or it is an output of the model.
  NodeId only_reader(NodeId id) const {
    const auto& outputs = graph_.node(id).outputs;
    if (outputs.empty() || outputs[0] == graph::no_value) return -1;
    const auto value = static_cast<size_t>(outputs[0]);
    if (uses_.is_output[value]) return -1;
    NodeId only = -1;
    for (const auto& use : uses_.consumers[value]) {
      if (!live_[static_cast<size_t>(use.node)]) continue;
      if (only >= 0) return -1;
      only = use.node;
    }
    return only;
  }

  void add(Unit unit) {
    const int index = static_cast<int>(out_.units.size());
    const std::vector<NodeId> ends = unit.linear ? unit.nodes : std::vector<NodeId>{unit.node};
    for (NodeId id : ends)
      for (ValueId made : graph_.node(id).outputs)
        if (made != graph::no_value) origins_[made] = {index, {}, drops_dimensions(graph_.node(id))};
    out_.units.push_back(std::move(unit));
  }

  static bool drops_dimensions(const Node& node) {
    return node.type.starts_with("Reduce") && graph::attribute_or(node, "keepdims", int64_t{1}) == 0;
  }

  const Graph& graph_;
  graph::Uses uses_;
  std::vector<bool> live_;
  std::vector<bool> computed_;
  std::map<ValueId, Operand> origins_;
  std::set<NodeId> swallowed_;
  Units out_;
};

}  // namespace

Units units_of(const Graph& graph) {
  return Builder(graph).run();
}

}  // namespace fetafix::diagnose
