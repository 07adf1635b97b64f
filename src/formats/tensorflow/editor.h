// Edits on a copy of the graph. Addresses speak of the program of the original file; an operator's node keeps
// its place in its list while others are put behind it, and what goes away does so at the end.
//
// An edit of a node in a function is one for every call of that function.
#pragma once

#include <set>

#include "formats/tensorflow/model.h"
#include "graph/edit.h"

namespace fetafix::formats::tensorflow {

// A value of the view in native terms: view = transpose(tensor, permutation).
struct Edge {
  Source tensor;
  std::vector<int> permutation;  // empty: the native order
  int reader = -1;               // set: only this operator's operand `slot` is meant
  int slot = -1;
};

class Editor {
 public:
  Editor(const File& file, const Lift& lift);

  // Variables and constants of which every use gets the same new content need no copy: call this first.
  void find_common_changes(const graph::Patch& patch);
  Status apply(const graph::Edit& edit);
  Result<File> finish();

  // --- the parts of the native graph, for the files that implement edits ---

  const graph::Graph& view() const { return lift_.lifted.graph; }
  const Program& program() const { return lift_.program; }
  Result<int> op_at(const graph::Address& at) const;
  const Op& op(int index) const { return lift_.program.ops[static_cast<size_t>(index)]; }
  wire::Node& node(int op);
  // Of any function (-1: the main graph), by its place in the list.
  wire::Node& node_of(int function, int place) { return *list(function).Mutable(place); }
  const File& file() const { return file_; }
  const wire::Graph& graph() const { return *graph_; }

  // Whether the view's node has no input `input`.
  bool view_lacks(const graph::Address& at, size_t input) const;
  // The operand that a slot of a view node means.
  Slot operand_at(int op, int slot) const { return lift_.operand(op, slot); }
  const Normalizations& normalizations() const { return lift_.normalizations; }
  // How the nodes of a scope name a tensor. Error `unsupported`: it can't be seen from there.
  Result<std::string> reference(const Source& source, int scope) const;
  // What operand `slot` of an operator is named in its node.
  Result<std::string> operand(int op, int slot);
  // `same_shape`: it has the shape that was read there before.
  Status set_operand(int op, int slot, const std::string& reference, bool same_shape = false);
  // All that reads the tensor reads `to` instead: nodes of its list, what a function returns, a signature.
  // Error `unsupported`: it is a result of a frozen graph, which is known by its node.
  // Nodes that the same edit added go on reading it.
  Status redirect(const Source& from, const std::string& to, bool same_shape = false);
  // For an operator that became another, whose output may have another name.
  Status rename_output(int op);
  // A result of a frozen graph: its node gets another name, which is returned; then what computes `result`
  // gets the old name `own`.
  std::string move_aside(int op);
  void take_name(int op, const std::string& own, const std::string& result);
  bool all_readers_cast(int op) const;
  // Whether operator `op` needs what `on` computes.
  bool depends(int op, int on) const;
  // Adds a node to the list of a scope; its name begins with that of the operator that it belongs to.
  wire::Node& add_node(int scope, const std::string& op, const std::string& name,
                       const std::vector<std::string>& inputs);
  std::string add_constant(int scope, const std::string& name, const Tensor& value);
  // The name of an output of an added node, for the nodes of that scope.
  std::string output_of(int scope, const wire::Node& node, int output = 0) const;
  // What follows from the operator may have other shapes now: what the file says of them goes at the end, for
  // TensorFlow's loader refuses what it finds wrong.
  void touch(int op) { touched_.insert({function_of(op), this->op(op).node->name()}); }
  void remove(int op) { removed_.insert({function_of(op), this->op(op).place}); }
  bool is_frozen_result(int op) const;

  // The value behind input `input` of a view node, and the operand that reads it.
  Result<Edge> operand_edge(graph::NodeId node, int input) const;
  Result<Edge> edge(const graph::ValueAddress& address) const;
  Result<Edge> edge_of(graph::ValueId value) const;
  // Whether the view has the operator's meaning in this one node, besides bridges.
  Status check_single(const graph::Node& node) const;
  // Puts a constant into an operand: where it is stored, if nothing else reads it; else into one of its own.
  Status write_constant(int op, int slot, const Tensor& native);
  DType dtype_of(const Source& source) const;
  std::optional<Shape> shape_of(const Source& source) const;
  std::optional<Shape> shape_of_edge(const graph::ValueAddress& edge) const;  // as the view has it
  // Of what is stored there; unknown: it is computed.
  DType stored_type(const Source& source) const;
  Shape stored_shape(const Source& source) const;
  const Source& stored_at(int native_tensor) const {
    return lift_.tensors[static_cast<size_t>(native_tensor)];
  }

  // The pads that a window will need when everything else is known: befores, then afters, by operator.
  std::map<int, std::vector<int64_t>> pads;

  static Error unsupported(const std::string& why) { return {ErrorKind::unsupported, why}; }

 private:
  int function_of(int op) const { return scope(this->op(op).scope).function; }
  const Scope& scope(int index) const { return lift_.program.scopes[static_cast<size_t>(index)]; }
  google::protobuf::RepeatedPtrField<wire::Node>& list(int function);
  Source origin(const Source& source) const { return stored_origin(program(), source); }
  Result<Tensor> stored(const Source& source) const;
  // Uses of what is stored there, as operator and operand.
  std::vector<std::pair<int, int>> uses_of(const Source& stored) const;
  std::string unique_name(int scope, const std::string& base);
  const graph::Value* value_of(const Source& source) const;
  void drop_removed();
  void forget_shapes();
  void put_in_place();
  Status drop_unread();

  const File& file_;
  const Lift& lift_;
  std::shared_ptr<wire::SavedModel> saved_;
  std::shared_ptr<wire::Graph> frozen_;
  wire::Graph* graph_ = nullptr;
  wire::MetaGraph* meta_ = nullptr;  // null: a frozen graph
  std::map<std::string, Tensor> replaced_;
  std::set<std::pair<int, int>> removed_;           // function and place
  std::map<Source, Tensor> common_;                 // stored tensors that are changed for all that read them
  std::map<int, std::set<std::string>> names_;      // by function
  std::vector<std::pair<std::string, int>> moved_;  // nodes that took a name, and where the one before stood
  std::set<std::pair<int, std::string>> touched_;   // function and node
  std::set<const wire::Node*> fresh_;               // added by the edit at hand
  bool edited_ = false;
};

// One function for each kind of edit (edit_*.cpp).
Status apply_edit(Editor& editor, const graph::SetTensor& edit);
Status apply_edit(Editor& editor, const graph::SetAttribute& edit);
Status apply_edit(Editor& editor, const graph::SetOperand& edit);
Status apply_edit(Editor& editor, const graph::ChangeType& edit);
Status apply_edit(Editor& editor, const graph::InsertNode& edit);
Status apply_edit(Editor& editor, const graph::RemoveNode& edit);
Status apply_edit(Editor& editor, const graph::KeepOutputs& edit);
template <class Other>
Status apply_edit(Editor&, const Other&) {
  return Error{ErrorKind::unsupported, "TensorFlow files have no such edit yet"};
}

// Writes the pads that edits asked for (edit_attribute.cpp).
Status resolve_pads(Editor& editor);

// SetTensor on an operator of a function that a loop runs (edit_nested.cpp).
Status set_nested(Editor& editor, const graph::SetTensor& edit);

// The tensor of an edit as the file stores it (edit_tensor.cpp).
Result<Tensor> native_form(const Editor& editor, int op, const graph::SetTensor& edit);

// Adds what computes an inserted node from `input` (lower.cpp); gives the name of its result.
struct Lowering {
  const graph::InsertNode& edit;
  int scope;
  std::string name;  // of the operator that it stands behind
  std::string input;
  std::vector<int> permutation;  // how the view sees input and result
  DType dtype;
  int rank;                           // of the value; -1: not known
  std::map<int, std::string> others;  // operands that read further tensors, seen in the same way
};
Result<std::string> lower(Editor& editor, const Lowering& lowering);

// TensorFlow's operator of the same name and no more attributes than "T", where ONNX's has no more than
// given.
std::optional<std::string> plain_operator(const std::string& onnx);

// Attributes of nodes.
void set_type(wire::Node& node, const std::string& key, DType dtype);
void set_integers(wire::Node& node, const std::string& key, const std::vector<int64_t>& values);
void set_text(wire::Node& node, const std::string& key, const std::string& value);
void set_flag(wire::Node& node, const std::string& key, bool value);
void set_number(wire::Node& node, const std::string& key, float value);
void set_integer(wire::Node& node, const std::string& key, int64_t value);
void drop_attribute(wire::Node& node, const std::string& key);

}  // namespace fetafix::formats::tensorflow
