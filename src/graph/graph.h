// The common view of a model: ONNX operators of opset 21 in one flat, topologically ordered graph.
// A view never replaces the file it was lifted from: every node and constant says which native entity
// it stands for (its lens), and every repair is written through that lens into the native file.
//
// One native operator may be several nodes (TFLite CONV_2D = Transpose bridge, Pad, Conv, Clip,
// Transpose bridge). Nothing is folded, fused or simplified here.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "tensor/tensor.h"

namespace fetafix::graph {

using ValueId = int32_t;
using NodeId = int32_t;
inline constexpr ValueId no_value = -1;  // an absent optional operand

inline constexpr int view_opset = 21;  // the newest that the oldest supported ONNX Runtime (1.20) runs

using Attribute = std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>,
                               std::vector<std::string>, Tensor>;
using Attributes = std::map<std::string, Attribute>;

// What part of its native operator a node is.
enum class Role {
  core,        // the operator itself
  padding,     // explicit pads that the native operator has implicitly
  bias,        // the addition of a bias
  activation,  // a fused activation function
  bridge,      // a layout change with no native entity: never a fault, never editable
  constant,    // computes only from constants (dequantized weights, ...)
  quantize,
  dequantize,
};
std::string_view role_name(Role role);
std::optional<Role> role_from_name(std::string_view name);

// An operator in the native file. `graph` is the path of a nested graph, function or subgraph; "" is the main
// one.
struct NativeOperator {
  std::string graph;
  int index = -1;  // position in the file's own list; -1: no native operator
  auto operator<=>(const NativeOperator&) const = default;
};

struct Graph;

// A nested graph of a Loop, If or Scan: carried and evaluated with its node, never analyzed or edited by
// itself.
struct Body {
  std::shared_ptr<const Graph> graph;
  // Values of `graph` that the enclosing graph computes, and which input of the node each is. So the
  // enclosing graph knows whatever a node reads as its inputs; these come behind the operator's own.
  std::map<ValueId, size_t> captures;
};

struct Node {
  std::string type;                    // ONNX operator; for an opaque node the native type
  std::string domain;                  // "" is ai.onnx
  std::vector<ValueId> inputs;         // no_value where an optional operand is absent
  std::vector<ValueId> outputs;        // no_value where an optional output is not wanted
  Attributes attributes;               // only those that are set; see attribute_or() for defaults
  std::map<std::string, Body> bodies;  // nested graphs by attribute
  bool opaque = false;                 // known inputs and outputs, unknown meaning
  NativeOperator native;
  Role role = Role::core;
  std::vector<int> slots;  // native operand slot of each input; -1 or missing: none
  std::string name;        // what the file calls it, for people; may be empty
};

// How a constant of the view is stored natively:
// view = transpose(native as `native_shape`, permutation) reshaped to the view's shape.
struct Lens {
  int native_tensor = -1;        // index in the file's own list of tensors; -1: not a tensor
  std::string attribute;         // not empty: the constant stands for this native attribute
  std::vector<int> permutation;  // empty: none
  Shape native_shape;            // empty: the view's own shape
};

struct Value {
  std::string name;         // unique within the graph, never empty
  std::string native_name;  // what the file calls it; empty: virtual or unnamed
  DType dtype = DType::unknown;
  std::optional<Shape> shape;     // -1 for a dimension that is not known; nullopt: rank not known
  Tensor constant;                // empty: an input or computed
  std::optional<Lens> lens;       // constants only
  DType stored = DType::unknown;  // the narrower type that the file keeps it in; unknown: its own
  float step = 0;                 // ... and the distance between neighboring stored numbers, if it is one
  int native_tensor = -1;         // computed values: the file's tensor that holds it; -1: virtual
  bool is_constant() const { return !constant.empty(); }
};

struct Graph {
  std::vector<Value> values;
  std::vector<Node> nodes;  // topological order, native order otherwise
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;

  const Value& value(ValueId id) const { return values[static_cast<size_t>(id)]; }
  Value& value(ValueId id) { return values[static_cast<size_t>(id)]; }
  const Node& node(NodeId id) const { return nodes[static_cast<size_t>(id)]; }
  Node& node(NodeId id) { return nodes[static_cast<size_t>(id)]; }

  // Appends a value; a name that is taken or empty is made unique.
  ValueId add_value(Value value);
  ValueId add_constant(const std::string& name, Tensor tensor, std::optional<Lens> lens = std::nullopt);
  NodeId add_node(Node node);

 private:
  std::map<std::string, int> names_;  // how often a base name was asked for
};

// Who makes and who reads each value. Made once per graph; an edit of the graph makes it stale.
struct Uses {
  struct Use {
    NodeId node;
    int input;
  };
  std::vector<NodeId> producer;             // by ValueId; -1 for inputs and constants
  std::vector<std::vector<Use>> consumers;  // by ValueId
  std::vector<bool> is_output;              // by ValueId

  explicit Uses(const Graph& graph);
};

// Nodes from which an output can be reached.
std::vector<bool> live_nodes(const Graph& graph);

// How many of the node's inputs are the operator's own; behind them lies what its bodies capture.
size_t own_inputs(const Node& node);

// The body, at any depth, that stands for nested graph `path` of the file (NativeOperator::graph); null:
// none.
const Graph* body_of(const Graph& graph, const std::string& path);

// Adds all that `from` computes to `into`, with `inputs` in place of its inputs, as parts of the operator
// `native` with the role `role`; returns what its outputs are there.
std::vector<ValueId> append(Graph& into, const Graph& from, const std::vector<ValueId>& inputs,
                            const NativeOperator& native, Role role);

// The attribute in the type T, or `fallback`; a wrong type counts as missing.
template <class T>
T attribute_or(const Attributes& attributes, const std::string& name, T fallback) {
  auto found = attributes.find(name);
  if (found == attributes.end()) return fallback;
  if (const T* value = std::get_if<T>(&found->second)) return *value;
  return fallback;
}
template <class T>
T attribute_or(const Node& node, const std::string& name, T fallback) {
  return attribute_or(node.attributes, name, std::move(fallback));
}

// Well formed: ids in range, one producer per value, topological order, unique names, slots in line.
Status verify(const Graph& graph);

// One node a line, as tests and messages show it:
//   %y = Conv(%x, %w, %b) {pads=[0,0,1,1], strides=[2,2]}
std::string to_text(const Graph& graph);
std::string to_text(const Graph& graph, const Node& node);
std::string to_text(const Attribute& attribute);

}  // namespace fetafix::graph
