// How one operator becomes nodes. A lift function (one for each kind, in lift_*.cpp, listed in
// lift_table.cpp) gets an Operation and builds nodes through it; it returns an error of kind `unsupported`
// when it does not know this form of the operator, and then the operator becomes one opaque node with that
// reason as a note.
//
// Layout rule: every operator is lifted by itself. Where ONNX wants channels second, a bridge leads in and
// another leads out; everywhere else the native order of dimensions stays.
//
// Quantization rule: a tensor with a scale is dequantized on the way in and quantized on the way out, so that
// the core is float arithmetic. Types without a scale stay what they are.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "formats/tflite/model.h"
#include "formats/tflite/tflite.h"
#include "formats/view_memory.h"
#include "graph/graph.h"

namespace fetafix::formats::tflite {

using graph::Attributes;
using graph::Role;
using graph::ValueId;

// A value as an operand of a view node, with the native slot that it comes from (-1: none).
struct Operand {
  ValueId id = graph::no_value;
  int slot = -1;
  bool absent() const { return id == graph::no_value; }
};

// Scale and zero point of a tensor: one, or one for each index of `axis`.
struct Quantization {
  std::vector<float> scale;
  std::vector<int64_t> zero_point;
  int axis = 0;
  bool per_axis() const { return scale.size() > 1; }
};

// What one tensor of the subgraph is.
struct TensorInfo {
  int index = -1;
  std::string name;         // unique
  std::string native_name;  // as in the file
  DType dtype = DType::unknown;
  std::optional<Shape> shape;  // -1: dynamic
  std::optional<Quantization> quantization;
  bool constant = false;  // its data is in the file and readable
};

// The graph in the making.
class Lifter {
 public:
  // `depth`: in how many WHILEs the subgraph lies.
  explicit Lifter(const File& file, uint32_t subgraph, int depth = 0);
  Result<Lifted> run();

 private:
  friend class Operation;

  Status describe_tensors();
  void describe_tensor(int index);
  Status add_inputs();
  Status add_operator(int index);
  Status add_opaque(int index, const std::string& why);
  std::vector<int> order();
  Status add_outputs();
  // A fresh value that stands for a computed tensor.
  ValueId add_tensor_value(const TensorInfo& info);
  // The value of a tensor as it is stored; error `file` when nothing has computed it yet.
  Result<ValueId> value_of(int tensor);
  // A constant tensor's data seen through a permutation (empty: none) and a shape (empty: its own).
  Result<ValueId> constant_of(int tensor, const std::vector<int>& permutation, const Shape& shape,
                              DType dtype);
  std::string unique(const std::string& base);
  // Counts memory that the view takes; false when it is more than a view may take. Whoever builds in a loop
  // looks at check_memory(), at the latest when an operator is done.
  bool spend(uint64_t bytes);
  Status check_memory() const;
  // What a WHILE runs. Unsupported: whatever keeps it from being evaluated.
  Result<graph::Graph> lift_nested(int32_t subgraph);

  const File& file_;
  const schema::SubGraph& native_;
  uint32_t subgraph_;
  int depth_;
  std::set<uint32_t> read_;  // subgraphs that are part of the view
  bool dynamic_ = false;     // some model input has a dimension that is not known
  std::vector<TensorInfo> tensors_;
  std::vector<ValueId> value_;  // by tensor; no_value: not computed yet
  std::vector<int> stored_as_;  // by tensor: the float16 constant that a DEQUANTIZE only unpacks; else -1
  std::set<std::string> names_;
  std::map<std::string, int> next_;           // by base name
  std::map<std::string, ValueId> constants_;  // by tensor, permutation, shape, type
  ViewMemory memory_;
  Lifted out_;
};

// One operator being lifted.
class Operation {
 public:
  Operation(Lifter& lifter, int index);

  const schema::Operator& wire() const { return wire_; }
  Builtin builtin() const { return builtin_; }
  template <class T>
  auto options() const {
    return options_of<T>(wire_);
  }

  int operands() const { return static_cast<int>(count_of(wire_.inputs())); }
  int outputs() const { return static_cast<int>(count_of(wire_.outputs())); }
  bool has(int slot) const;
  const TensorInfo& info(int slot) const;
  const TensorInfo& out_info(int output = 0) const;
  bool is_constant(int slot) const;

  // The operand in float where it is quantized, otherwise as stored.
  Result<Operand> in(int slot);
  // As stored.
  Result<Operand> raw(int slot);
  // A parameter seen through a permutation, as another shape and type; computed ones get nodes that do it.
  Result<Operand> parameter(int slot, const std::vector<int>& permutation, const Shape& shape = {},
                            DType dtype = DType::unknown);
  // One number, also where the file holds it as a vector of one.
  Result<Operand> scalar(int slot);
  // The bias in `slot`: int32 and int64 ones count in steps of input scale times weight scale.
  Result<Operand> bias(int slot, int input_slot, int weight_slot);
  // Shapes, axes, indices as int64.
  Result<Operand> int64s(int slot, const Shape& shape = {});
  // The numbers of a constant operand, those beyond 32 bits as the largest that TFLite's kernels can count,
  // so that sums and products of them fit in 64. Error `unsupported` when it is computed.
  Result<std::vector<int64_t>> ints(int slot) const;
  // The same of sizes that may be computed: -1 where a size depends on the run. Error `unsupported` when not
  // even their number is known.
  Result<std::vector<int64_t>> sizes(int slot) const;
  Result<Tensor> constant(int slot) const;

  // A new constant. `attribute` names the native option that it stands for.
  Operand number(const std::string& attribute, Tensor tensor);
  Operand number(const std::string& attribute, float value) {
    return number(attribute, Tensor::scalar(value));
  }

  // Adds a node of one output and returns it. Unless given, element type and rank follow the first operand.
  Operand node(const std::string& type, const std::vector<Operand>& inputs, Attributes attributes = {},
               Role role = Role::core, DType dtype = DType::unknown);
  std::vector<Operand> nodes(const std::string& type, const std::vector<Operand>& inputs,
                             Attributes attributes, int count, DType dtype = DType::unknown);
  // A Transpose without a native entity; a constant is permuted through its lens instead.
  Operand bridge(const Operand& value, const std::vector<int>& permutation);
  Operand cast(const Operand& value, DType dtype, Role role = Role::bridge);
  // NHWC to NCHW and back, for any rank.
  Operand to_channels_first(const Operand& value, int rank = 4);
  Operand to_channels_last(const Operand& value, int rank = 4);
  // The fused activation function.
  Result<Operand> activated(const Operand& value, schema::ActivationFunctionType function);

  // A WHILE: the other subgraphs that it runs, and the nodes that do the same (lift_while.cpp).
  Result<graph::Graph> nested(int32_t subgraph) { return lifter_.lift_nested(subgraph); }
  Status loop(graph::Graph condition, graph::Graph body);

  // For a DEQUANTIZE that only unpacks a constant: whoever reads its output reads the constant, in float32.
  Status stores_as_float16();

  // Says what the operator's output is: quantizes if the tensor is, and ties the value to the tensor.
  Status out(int output, const Operand& value);
  Status out(const Operand& value) { return out(0, value); }
  // out(activated(value)).
  Status finish(const Operand& value, schema::ActivationFunctionType function);

  // Something that the view does not say exactly.
  void note(const std::string& what);

  DType dtype_of(const Operand& value) const;
  static Error unsupported(const std::string& why) { return {ErrorKind::unsupported, why}; }

 private:
  friend class Lifter;

  int tensor(int slot) const;
  // Gives a shape to a value of this operator, and to those that it comes from without a change of shape.
  void know_shape(const Operand& value, const std::optional<Shape>& shape);
  Operand dequantized(const Operand& value, const TensorInfo& info, Role role);
  // Scale and zero point operands of a (de)quantization.
  std::vector<Operand> parameters_of(const TensorInfo& info, int scale_slot, int zero_point_slot);
  std::string label() const;

  Lifter& lifter_;
  int index_;
  const schema::Operator& wire_;
  Builtin builtin_;
  std::vector<std::pair<int, ValueId>> results_;  // tensor and value
};

using LiftFunction = Status (*)(Operation&);

struct LiftRule {
  Builtin builtin;
  LiftFunction lift;
  const char* becomes;  // for docs/tflite.md
};

// One entry for every operator that lifts (lift_table.cpp).
std::span<const LiftRule> lift_rules();
const LiftRule* find_lift_rule(Builtin builtin);

}  // namespace fetafix::formats::tflite
