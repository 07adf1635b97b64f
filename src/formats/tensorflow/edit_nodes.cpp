// Edits of the graph's shape: operands, kinds, operators put in and taken out.
#include <algorithm>

#include "formats/tensorflow/editor.h"

namespace fetafix::formats::tensorflow {
namespace {

Error cant(const std::string& why) {
  return Editor::unsupported(why);
}

// Operators whose result has the shape of what they are put on.
bool keeps_shape(const std::string& onnx) {
  static const std::set<std::string> types{"Add",
                                           "Sub",
                                           "Mul",
                                           "Div",
                                           "Max",
                                           "Min",
                                           "Pow",
                                           "Clip",
                                           "LeakyRelu",
                                           "HardSwish",
                                           "Gelu",
                                           "Dropout",
                                           "BatchNormalization",
                                           "Softmax",
                                           "LogSoftmax"};
  return types.contains(onnx) || plain_operator(onnx);
}

// Everything that reads the operator reads `to` instead; a result of a frozen graph becomes an Identity by
// its name.
Status stand_aside(Editor& editor, int op, const std::string& to, bool same_shape) {
  if (!editor.is_frozen_result(op)) {
    FETAFIX_CHECK(editor.redirect({-1, op, 0}, to, same_shape));
    editor.remove(op);
    return {};
  }
  wire::Node& node = editor.node(op);
  const DType dtype = editor.dtype_of({-1, op, 0});
  node.set_op("Identity");
  node.clear_input();
  node.clear_attr();
  node.add_input(to);
  set_type(node, "T", dtype);
  return {};
}

bool only_first_output_read(const Editor& editor, int op) {
  return editor.op(op).outputs <= 1;
}

}  // namespace

Status apply_edit(Editor& editor, const graph::RemoveNode& edit) {
  FETAFIX_TRY(const int op, editor.op_at(edit.at));
  FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.at));
  if (edit.at.role != Role::core && edit.at.role != Role::padding)
    return cant("a part of role " + std::string(graph::role_name(edit.at.role)) + " can't be removed");
  FETAFIX_CHECK(editor.check_single(editor.view().node(id)));
  if (!only_first_output_read(editor, op)) return cant("another output of it is used");
  FETAFIX_TRY(const Edge through, editor.operand_edge(id, edit.through));
  FETAFIX_TRY(const std::string to, editor.operand(through.reader, through.slot));
  const auto before = editor.shape_of({-1, op, 0}), after = editor.shape_of(through.tensor);
  return stand_aside(editor, op, to, keeps_shape(editor.view().node(id).type) && before && before == after);
}

Status apply_edit(Editor& editor, const graph::SetOperand& edit) {
  FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.at));
  FETAFIX_TRY(const Edge operand, editor.operand_edge(id, edit.input));
  FETAFIX_TRY(const Edge value, editor.edge(edit.value));
  if (value.reader >= 0) return cant("the value is inside an operator; name the tensor that it comes from");
  if (value.permutation != operand.permutation) return cant("operand and value have different layouts");
  if (value.tensor.op >= operand.reader && editor.depends(value.tensor.op, operand.reader))
    return cant("the value is computed from the operator's result");
  FETAFIX_TRY(const std::string name, editor.reference(value.tensor, editor.op(operand.reader).scope));
  const auto before = editor.shape_of(operand.tensor), after = editor.shape_of(value.tensor);
  return editor.set_operand(operand.reader, operand.slot, name, before && before == after);
}

namespace {

// Kinds of one family take each other's place with the same operands and attributes.
enum class Family { none, unary, binary, pool, reduction, arg };

struct Kind {
  Family family = Family::none;
  std::string op;  // TensorFlow's
};

Kind kind_of(const std::string& onnx) {
  static const std::map<std::string, Kind> kinds{{"Add", {Family::binary, "AddV2"}},
                                                 {"Sub", {Family::binary, "Sub"}},
                                                 {"Mul", {Family::binary, "Mul"}},
                                                 {"Div", {Family::binary, "RealDiv"}},
                                                 {"Max", {Family::binary, "Maximum"}},
                                                 {"Min", {Family::binary, "Minimum"}},
                                                 {"Pow", {Family::binary, "Pow"}},
                                                 {"AveragePool", {Family::pool, "AvgPool"}},
                                                 {"MaxPool", {Family::pool, "MaxPool"}},
                                                 {"ReduceMean", {Family::reduction, "Mean"}},
                                                 {"ReduceSum", {Family::reduction, "Sum"}},
                                                 {"ReduceMax", {Family::reduction, "Max"}},
                                                 {"ReduceMin", {Family::reduction, "Min"}},
                                                 {"ReduceProd", {Family::reduction, "Prod"}},
                                                 {"ReduceL2", {Family::reduction, "EuclideanNorm"}},
                                                 {"ArgMax", {Family::arg, "ArgMax"}},
                                                 {"ArgMin", {Family::arg, "ArgMin"}},
                                                 {"LeakyRelu", {Family::unary, "LeakyRelu"}}};
  if (const auto found = kinds.find(onnx); found != kinds.end()) return found->second;
  if (const auto plain = plain_operator(onnx)) return {Family::unary, *plain};
  return {};
}

Family family_of(const std::string& op, const std::string& onnx) {
  if (op == "Relu6") return Family::unary;
  return kind_of(onnx).family;
}

}  // namespace

Status apply_edit(Editor& editor, const graph::ChangeType& edit) {
  FETAFIX_TRY(const int op, editor.op_at(edit.at));
  FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.at));
  const graph::Node& node = editor.view().node(id);
  if (edit.at.role != Role::core)
    return cant("a part of role " + std::string(graph::role_name(edit.at.role)) + " has one type");
  FETAFIX_CHECK(editor.check_single(node));
  wire::Node& native = editor.node(op);
  const Kind kind = kind_of(edit.type);
  if (kind.family == Family::none || kind.family != family_of(native.op(), node.type))
    return cant(native.op() + " can't become " + edit.type);
  const bool was_leaky = native.op() == "LeakyRelu";
  const std::string to =
      kind.family == Family::pool && native.op().ends_with("3D") ? kind.op + "3D" : kind.op;
  native.set_op(to);
  // A file may leave out what one kind has a default for and the other not, and must not say what the other
  // has not.
  if (kind.family != Family::arg) set_type(native, "T", editor.dtype_of({-1, op, 0}));
  if (kind.family == Family::binary) drop_attribute(native, "data_format");
  if (was_leaky && to != "LeakyRelu") drop_attribute(native, "alpha");
  if (kind.family == Family::pool && to.starts_with("Avg")) drop_attribute(native, "explicit_paddings");
  FETAFIX_CHECK(editor.rename_output(op));
  for (const auto& [name, value] : edit.attributes) {
    if (name == "count_include_pad" && to.starts_with("Max")) continue;
    FETAFIX_CHECK(apply_edit(editor, graph::SetAttribute{edit.at, name, value}));
  }
  return {};
}

namespace {

int rank_of(const Editor& editor, const Source& source) {
  const auto shape = editor.shape_of(source);
  return shape ? static_cast<int>(shape->size()) : -1;
}

// Further values that the new operator reads, as the nodes of its scope name them.
Status find_others(const Editor& editor, const graph::InsertNode& edit, const Edge& edge, Lowering& out) {
  for (const auto& [operand, address] : edit.other_operands) {
    FETAFIX_TRY(const Edge other, editor.edge(address));
    if (other.reader >= 0 || other.permutation != edge.permutation)
      return cant("the operands have different layouts");
    FETAFIX_TRY(out.others[operand], editor.reference(other.tensor, out.scope));
  }
  return {};
}

// On what one operator reads.
Status insert_for_reader(Editor& editor, const graph::InsertNode& edit, const Edge& edge) {
  FETAFIX_TRY(const std::string input, editor.operand(edge.reader, edge.slot));
  Lowering lowering{edit,
                    editor.op(edge.reader).scope,
                    editor.op(edge.reader).node->name(),
                    input,
                    edge.permutation,
                    editor.dtype_of(edge.tensor),
                    rank_of(editor, edge.tensor),
                    {}};
  FETAFIX_CHECK(find_others(editor, edit, edge, lowering));
  FETAFIX_TRY(const std::string result, lower(editor, lowering));
  return editor.set_operand(edge.reader, edge.slot, result, keeps_shape(edit.type));
}

}  // namespace

Status apply_edit(Editor& editor, const graph::InsertNode& edit) {
  FETAFIX_TRY(Edge edge, editor.edge(edit.edge));
  if (edit.only_consumer) {
    FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.only_consumer->first));
    const auto reader = editor.operand_edge(id, edit.only_consumer->second);
    if (reader.ok() && reader->permutation == edge.permutation)
      edge.reader = reader->reader, edge.slot = reader->slot;
  }
  if (edge.reader >= 0) return insert_for_reader(editor, edit, edge);
  const int scope = edge.tensor.op >= 0 ? editor.op(edge.tensor.op).scope : 0;
  FETAFIX_TRY(const std::string own, editor.reference(edge.tensor, scope));
  // A result of a frozen graph is known by its node: what computes it moves aside, and the new one takes the
  // name.
  const bool takes_name = edge.tensor.op >= 0 && editor.is_frozen_result(edge.tensor.op);
  const std::string input = takes_name ? editor.move_aside(edge.tensor.op) : own;
  Lowering lowering{edit,
                    scope,
                    edge.tensor.op >= 0 ? editor.op(edge.tensor.op).node->name() : parse_reference(own)->node,
                    input,
                    edge.permutation,
                    editor.dtype_of(edge.tensor),
                    rank_of(editor, edge.tensor),
                    {}};
  FETAFIX_CHECK(find_others(editor, edit, edge, lowering));
  FETAFIX_TRY(const std::string result, lower(editor, lowering));
  if (takes_name) {
    editor.take_name(edge.tensor.op, own, result);
    return {};
  }
  return editor.redirect(edge.tensor, result, keeps_shape(edit.type));
}

Status apply_edit(Editor& editor, const graph::KeepOutputs& edit) {
  FETAFIX_TRY(const int op, editor.op_at(edit.at));
  if (editor.op(op).outputs <= edit.keep) return {};
  return cant("an output that would go is read");
}

}  // namespace fetafix::formats::tensorflow
