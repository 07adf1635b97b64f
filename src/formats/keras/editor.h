// Edits on a Keras file. Addresses speak of the view of the original file; the Editor finds the layer that
// they mean in the configuration, which it changes step by step. A layer that is called in several places is
// one layer: what an edit sets holds for all of them.
#pragma once

#include "formats/keras/document.h"
#include "formats/keras/lift.h"
#include "graph/edit.h"

namespace fetafix::formats::keras {

// A copy of the file with the patch applied.
Result<Bytes> patch_file(const File& given, const graph::Patch& patch);

// A value of the view in the file's terms: view = transpose(tensor, permutation).
struct Edge {
  Way way;  // the model that the tensor belongs to
  Reference tensor;
  std::vector<int> permutation;            // empty: the file's own order
  std::optional<Document::Reader> reader;  // set: only this operand is meant
  bool before_activation = false;          // inside the layer that makes the tensor
  int op = -1;                             // the operator that makes it
};

class Editor {
 public:
  Editor(const File& file, const Tree& tree, const Lift& lift)
      : file_(file), tree_(tree), lift_(lift), uses_(lift.lifted.graph), document_(file) {}

  Status apply(const graph::Edit& edit);
  Result<Bytes> finish() { return document_.finish(); }

  // --- for the files that implement edits ---
  const graph::Graph& view() const { return lift_.lifted.graph; }
  const File& file() const { return file_; }
  Document& document() { return document_; }
  Result<const Place*> place(const graph::NativeOperator& op) const;
  // The entry of an operator's layer as it stands now, and that of the model around it.
  Result<Json*> entry(const Place& place);
  Result<Json*> model(const Place& place);
  Result<Json*> settings(const Place& place);
  // The model around as a functional one.
  Result<Json*> functional(const Way& way);
  Result<Edge> edge(const graph::ValueAddress& address);
  // The operand that input `input` of a view node comes from.
  Result<Edge> operand(graph::NodeId node, int input);
  // Where the activation function of an edge's layer is a part of it: makes it a layer behind.
  Status split_activation(const Edge& edge);
  // Whether the view has the layer's meaning in this one node (besides bias, activation and bridges).
  Status check_single(const graph::Node& node) const;
  Result<Tensor> read(int weight) const {
    return file_.store->read(tree_.weights[static_cast<size_t>(weight)]);
  }
  const std::string& dataset(int weight) const { return tree_.weights[static_cast<size_t>(weight)].path; }

 private:
  Result<Edge> edge_of(ValueId value);

  const File& file_;
  const Tree& tree_;
  const Lift& lift_;
  graph::Uses uses_;
  Document document_;
};

// One function for each kind of edit (edit_*.cpp).
Status apply_edit(Editor& editor, const graph::SetTensor& edit);
Status apply_edit(Editor& editor, const graph::SetAttribute& edit);
Status apply_edit(Editor& editor, const graph::SetOperand& edit);
Status apply_edit(Editor& editor, const graph::ChangeType& edit);
Status apply_edit(Editor& editor, const graph::InsertNode& edit);
Status apply_edit(Editor& editor, const graph::RemoveNode& edit);
Status apply_edit(Editor& editor, const graph::KeepOutputs& edit);
Status apply_edit(Editor& editor, const graph::Redeclare& edit);
Status apply_edit(Editor& editor, const graph::SetOutput& edit);
template <class Other>
Status apply_edit(Editor&, const Other&) {
  return Error{ErrorKind::unsupported, "a Keras file has nothing of that kind"};
}

// The settings of a new layer that computes an ONNX operator; `permutation` is how the view sees the input.
struct NewLayer {
  std::string class_name;
  Json settings = Json::object();
};
Result<NewLayer> lower(const graph::InsertNode& edit, const std::vector<int>& permutation, int generation);
// Keras' classes that put several tensors together, by ONNX operator.
const std::map<std::string, std::string>& merges();
// Whether a layer of the class joins several tensors: one of these, or Concatenate.
bool is_merge(const std::string& class_name);
// Keras' name of an activation function that is an operator; nullopt: none.
std::optional<std::string> activation_of(const std::string& type, const Attributes& attributes,
                                         int generation);

}  // namespace fetafix::formats::keras
