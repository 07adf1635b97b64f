// A copy of a .pt2 file's program and tables in which edits are made, one after the other.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "formats/torch/model.h"
#include "formats/torch/pickled_table.h"

namespace fetafix::formats::torch {

// A place where a tensor is read: an argument of an operator, or an element of a list.
struct ReadPlace {
  int op = -1;
  ArgumentPlace argument;
};

class Editor {
 public:
  Editor(const File& file, const Lift& lift);

  // Constants that all their uses set to the same are changed for all.
  void find_common_changes(const graph::Patch& patch);
  Status apply(const graph::Edit& edit);
  Result<Bytes> finish();

  // --- the parts of the native program, for the files that implement edits ---

  const graph::Graph& view() const { return lift_.lifted.graph; }
  const Program& program() const { return lift_.program; }
  Result<int> op_at(const graph::Address& at) const;
  const Op& op(int index) const { return lift_.program.ops[static_cast<size_t>(index)]; }
  Json& node(int op);
  std::string target_of(int op);  // as edits have left it

  // The file's name of a value of the view. Error `unsupported`: it lies inside of an operator.
  Result<std::string> name_of(ValueId value) const;
  Result<std::string> name_of(const graph::ValueAddress& address) const;
  // Of the operand behind input `input` of a view node.
  Result<ReadPlace> read_place(graph::NodeId node, int input) const;
  // The tensor that the view's node reads as `input`, as edits before this one left it.
  Result<std::string> read_now(graph::NodeId id, int input) const;
  // The number of the program's operator that computes a name; -1: an input.
  int producer_of(const std::string& name) const;
  // Whether the view has the operator's meaning in this one node, besides bridges.
  Status check_single(const graph::Node& node) const;

  // The content of an argument ({"as_int": 3}); null: it is left out.
  Json* argument(int op, const std::string& name);
  void set_argument(int op, const std::string& name, Json value);
  void drop_argument(int op, const std::string& name);
  void set_target(int op, const std::string& target);
  // Makes a place read another tensor.
  Status set_read(const ReadPlace& place, const std::string& name);
  // All that reads a tensor reads another instead: operators behind its producer, and the program's results.
  // Operators that the same edit added go on reading it.
  void redirect(const std::string& from, const std::string& to);
  // Makes a tensor the result number `output` of those that the user gets.
  Status set_output(int output, const std::string& name);
  void remove(int op);
  void drop_unreadable_notes();
  // Operators of kind Resize of which attributes are set, with all attributes that they shall have.
  std::map<int, graph::Attributes>& resizes() { return resizes_; }

  // Puts a call in front of operator `before` and gives the name of its result, a tensor like `like` of that
  // shape. `inputs`: name and content of each argument.
  std::string add_call(int before, const std::string& target,
                       const std::vector<std::pair<std::string, Json>>& inputs, const std::string& like,
                       const std::optional<Shape>& shape);
  // A new stored tensor; gives its name.
  std::string add_weight(const Tensor& value, const std::string& base);
  // Puts a tensor into a place that reads a stored one: there, if nothing else reads it, else into one of its
  // own.
  Status write_weight(const ReadPlace& place, const std::string& name, const Tensor& value);
  std::optional<Shape> shape_of(const std::string& name) const;
  DType dtype_of(const std::string& name) const;

  static Error unsupported(const std::string& why) { return {ErrorKind::unsupported, why}; }

 private:
  Json& graph() { return document_["graph_module"]["graph"]; }
  Json& signature() { return document_["graph_module"]["signature"]; }
  // What a name means where operator `reader` reads it: what an operator wrote into it before.
  std::string meant(const std::string& name, int reader) const;
  size_t uses_of(const std::string& name) const;
  bool lies_alone(const Input& input) const;
  void write_aside(const Input& input, const Tensor& value);
  std::string unique_name(const std::string& base);
  void declare(const std::string& name, const TensorMeta& meta);
  std::vector<Json> calls_before(size_t op) const;
  void put_in_place();
  // Puts a tensor into an entry of its own and says so in the table, under the program's name of it.
  void store(Table table, const std::string& target, const std::string& entry, const Tensor& value,
             bool is_parameter, bool requires_grad);
  bool says_kinds() const;
  Status follow_shapes(Bytes& bytes);
  Result<Bytes> written() const;
  // The archives of torch.save in which something changed; their entries among `replaced` and `added` go in.
  Status add_pickled_tables(std::vector<ZipEntry>& replaced, std::vector<ZipEntry>& added) const;
  Result<Bytes> written_as_script() const;

  const File& file_;
  const Lift& lift_;
  Json document_;
  std::map<Table, Json> tables_;
  std::map<std::string, Bytes> replaced_, added_entries_;
  std::map<std::string, Tensor> common_;      // stored tensors that are changed for all that read them
  std::map<std::string, std::string> moved_;  // names whose tensors went into entries of their own
  std::vector<std::pair<int, Json>> added_;   // nodes, and the operator that each stands in front of
  size_t settled_ = 0;                        // of these: from earlier edits
  std::set<int> removed_;
  std::map<int, graph::Attributes> resizes_;
  std::set<std::string> names_;
  std::set<Table> changed_;
  std::map<Table, std::map<std::string, PickledItem>> pickled_items_;
  std::vector<std::pair<std::string, Tensor>> constants_;  // of a TorchScript file: new ones, by name
  struct Written {
    int op;
    std::string name, result;
  };
  std::vector<Written> written_;  // operators that write into an operand, in order
};

// One function for each kind of edit (edit_*.cpp).
Status apply_edit(Editor& editor, const graph::SetTensor& edit);
Status apply_edit(Editor& editor, const graph::SetAttribute& edit);
Status apply_edit(Editor& editor, const graph::SetOperand& edit);
Status apply_edit(Editor& editor, const graph::ChangeType& edit);
Status apply_edit(Editor& editor, const graph::InsertNode& edit);
Status apply_edit(Editor& editor, const graph::RemoveNode& edit);
Status apply_edit(Editor& editor, const graph::KeepOutputs& edit);
Status apply_edit(Editor& editor, const graph::SetOutput& edit);
Status apply_edit(Editor& editor, const graph::SetMetadata& edit);
template <class Other>
Status apply_edit(Editor&, const Other&) {
  return Error{ErrorKind::unsupported, "PyTorch files have no such edit yet"};
}

// One attribute of an operator that the view has as `node` (edit_attribute.cpp); nullopt: ONNX's default.
Status set_attribute(Editor& editor, int op, const graph::Node& node, const std::string& name,
                     const std::optional<graph::Attribute>& value);

// Attributes of a Resize that are one operator in PyTorch, and the operator that says them (edit_resize.cpp).
bool is_of_resize(const graph::Node& node, const std::string& attribute);
Status write_resize(Editor& editor, int op, const graph::Attributes& attributes);

// The tensor of an edit as the file stores it (edit_tensor.cpp).
Result<Tensor> native_form(const Editor& editor, int op, const graph::SetTensor& edit);

// Adds calls that compute an inserted node in front of operator `before` (lower.cpp); gives the name of its
// result.
struct Lowering {
  const graph::InsertNode& edit;
  int before;
  std::string input;                  // the edge's value
  std::map<int, std::string> others;  // operands that read further tensors
};
Result<std::string> lower(Editor& editor, const Lowering& lowering);

// Operators of one tensor and no more arguments: PyTorch's name of an ONNX operator ("aten.relu.default").
std::optional<std::string> plain_operator(const std::string& onnx);

// ONNX's pads as PyTorch lists them: from the last axis on, before and behind.
std::vector<int64_t> pads_from_last(const std::vector<int64_t>& pads);

// Contents of arguments.
Json as_int(int64_t value);
Json as_ints(const std::vector<int64_t>& values);
Json as_float(double value);
Json as_float(float value);  // no more digits than it has
Json as_bool(bool value);
Json as_string(const std::string& value);
Json as_tensor(const std::string& name);

}  // namespace fetafix::formats::torch
