// Edits on an unpacked model. Addresses speak of the view of the original file; the Editor finds what they
// mean in the native model, which it changes step by step. Operators keep their original number while others
// come and go.
//
// A fused part (bias, activation function) that an edit needs to get between becomes an operator of its own;
// what the patch created and could be fused is fused again at the end (tidy.cpp), so the order of edits does
// not matter.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "formats/tflite/model.h"
#include "graph/edit.h"

namespace fetafix::formats::tflite {

using graph::ValueId;
using Function = schema::ActivationFunctionType;

// How far into its operator a virtual value lies.
enum class Stage { before_bias, before_activation, whole };

// A value of the view in native terms: view = transpose(tensor, permutation).
struct Edge {
  int tensor = -1;
  std::vector<int> permutation;           // empty: the native order
  schema::OperatorT* producer = nullptr;  // null: a model input
  schema::OperatorT* reader = nullptr;    // set: only this operator's operand `slot` is meant
  int slot = -1;
  int whole = -1;  // the tensor that the view names for this value, where it does
};

class Editor {
 public:
  Editor(schema::ModelT& model, uint32_t subgraph, const graph::Graph& view);

  // Constants of which every use gets the same new content need no copy: call this first.
  void find_common_changes(const graph::Patch& patch);
  Status apply(const graph::Edit& edit);
  // Resolves pads, fuses what was created, drops what was removed, gives changed shapes on.
  Status finish();

  // --- the parts of the native model, for the files that implement edits ---

  schema::OperatorT& add_operator(Builtin builtin, std::vector<int> inputs, std::vector<int> outputs,
                                  size_t position);
  Builtin builtin(const schema::OperatorT& op) const;
  // Another kind; its options are made anew, a fused activation function stays where the new kind has one.
  void set_builtin(schema::OperatorT& op, Builtin builtin);
  schema::TensorT& tensor(int index) { return *graph_.tensors[static_cast<size_t>(index)]; }
  const schema::TensorT& tensor(int index) const { return *graph_.tensors[static_cast<size_t>(index)]; }
  // A computed tensor like `index`.
  int add_like(int index);
  int add_constant(const Tensor& data);
  bool is_constant(int index) const;
  // Whether two tensors hold the same numbers in the same way.
  bool same_constant(int one, int other) const;
  // Tensor of an operand, -1 if absent.
  int operand(const schema::OperatorT& op, int slot) const;
  void set_operand(schema::OperatorT& op, int slot, int tensor);
  size_t position(const schema::OperatorT& op) const;
  schema::OperatorT* producer(int tensor) const;
  std::vector<std::pair<schema::OperatorT*, int>> readers(int tensor) const;
  bool is_output(int tensor) const;
  // Whether anything but operand `slot` of `op` uses the tensor.
  bool is_shared(int tensor, const schema::OperatorT& op, int slot) const;
  // All readers, model outputs and signatures read `to` instead.
  void redirect(int from, int to);
  // Whether the view has the operator's meaning in this one node (besides bias, activation function and
  // bridges).
  Status check_single(const graph::Node& node) const;
  // Splits off a fused activation function that the new kind could not hold.
  Status unfuse_for(schema::OperatorT& op, Builtin kind);
  void remove(schema::OperatorT& op) { removed_.insert(&op); }
  bool quantized(int tensor) const;
  Shape shape(int tensor) const;
  // Sets a new shape; finish() gives it on to what depends on it.
  void set_shape(int tensor, const Shape& shape);
  void touch(schema::OperatorT& op) { touched_.insert(&op); }
  // The numbers of a constant int32 tensor whose bytes are in the flatbuffer.
  std::optional<std::vector<int64_t>> int32s(int index) const;
  bool changed_everywhere(int tensor) const { return changed_everywhere_.contains(tensor); }
  // The constant of an operand, as a tensor of its own where others read it too.
  int own_tensor(schema::OperatorT& op, int slot);
  // Writes a constant into a tensor of its own; the new content may have another shape.
  Status write_constant(schema::OperatorT& op, int slot, const Tensor& data);

  // The pads that a window will need when everything else is known; `counted`: an average includes them.
  struct Pads {
    std::vector<int64_t> pads;  // befores, then afters, spatial axes only
    bool counted = false;
  };
  std::map<schema::OperatorT*, Pads> pads;
  // Where the value of a tensor is now that inserted operators write the tensor itself.
  std::map<int, int> moved;
  std::map<schema::OperatorT*, std::string> nearest_mode;  // checked at the end against the flags

  const graph::Graph& view() const { return view_; }
  Result<schema::OperatorT*> original(const graph::NativeOperator& op) const;
  // The operand slot that input `input` of a view node comes from, and how the view sees it.
  Result<Edge> operand_edge(graph::NodeId node, int input) const;
  Result<Edge> edge(const graph::ValueAddress& address);

  static Error unsupported(const std::string& why) { return {ErrorKind::unsupported, why}; }

 private:
  Result<Edge> edge_of(ValueId value);
  std::optional<Edge> trace_back(ValueId value, const graph::NativeOperator& within) const;
  // The operator's output at a stage; parts that come later are split off first.
  Result<int> output_at(schema::OperatorT& op, Stage stage);
  Status split_activation(schema::OperatorT& op);
  Status split_bias(schema::OperatorT& op);
  Status resolve_pads();
  Status check_nearest() const;
  void drop_removed();
  // The buffer that takes the place of one that other tensors share; those that get the same share it again.
  uint32_t buffer_in_place_of(uint32_t shared, std::span<const uint8_t> content);

  schema::ModelT& model_;
  schema::SubGraphT& graph_;
  uint32_t subgraph_;
  const graph::Graph& view_;
  graph::Uses uses_;
  std::vector<schema::OperatorT*> original_;
  std::set<schema::OperatorT*> removed_;
  std::set<schema::OperatorT*> touched_;  // their outputs may have another shape now
  std::set<int> changed_everywhere_;
  std::map<uint32_t, uint32_t> rewritten_;  // shared buffers, and those that took their place
  int names_ = 0;

 public:
  // What this patch created: candidates for fusing.
  std::set<schema::OperatorT*> created;
};

// One function for each kind of edit (edit_*.cpp).
Status apply_edit(Editor& editor, const graph::SetTensor& edit);
Status apply_edit(Editor& editor, const graph::SetAttribute& edit);
Status apply_edit(Editor& editor, const graph::SetOperand& edit);
Status apply_edit(Editor& editor, const graph::ChangeType& edit);
Status apply_edit(Editor& editor, const graph::InsertNode& edit);
Status apply_edit(Editor& editor, const graph::RemoveNode& edit);
Status apply_edit(Editor& editor, const graph::KeepOutputs& edit);
// Those that work on the file as it stands are done before there is a view.
template <class Other>
Status apply_edit(Editor&, const Other&) {
  return Error{ErrorKind::unsupported, "it comes before all that need a view"};
}

// The fused activation function among the options; null: this kind has none.
Function* fused_function(schema::OperatorT& op);
// The standalone operator of a fused function.
std::optional<Builtin> standalone(Function function);
std::optional<Function> fusable(Builtin builtin);
int bias_slot(Builtin builtin);  // -1: no bias

// Native operators that are one ONNX operator of the same name and no more options than given (lower.cpp).
std::optional<Builtin> plain_builtin(const std::string& type);
// Writes the operators that compute an inserted node from `input` into `output`, before `position`.
struct Lowering {
  const graph::InsertNode& node;
  std::vector<int> permutation;  // how the view sees input and output
  int input;
  int output;
  size_t position;
  std::map<int, int> others;  // operands that read further tensors, seen in the same way
};
Status lower(Editor& editor, const Lowering& lowering);

// Merges created operators with each other and with those that they follow (tidy.cpp).
void tidy(Editor& editor, schema::SubGraphT& graph, const std::set<schema::OperatorT*>& removed);

// The output shape of an operator from its operands (shapes.cpp); nullopt: this kind is not known there.
std::optional<Shape> infer_shape(const Editor& editor, const schema::OperatorT& op);

// How `permuted` axes of the view are called natively: native axis of view axis k is permutation[k].
std::vector<int> identity_permutation(size_t rank);
bool is_identity(const std::vector<int>& permutation);

}  // namespace fetafix::formats::tflite
