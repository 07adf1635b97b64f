// Edits of the program's shape: operands, kinds, operators put in and taken out.
#include <algorithm>

#include "formats/torch/editor.h"
#include "formats/torch/module_notes.h"

namespace fetafix::formats::torch {
namespace {

Error cant(const std::string& why) {
  return Editor::unsupported(why);
}

// Kinds of one family take each other's place with the same operands.
enum class Family { none, unary, binary, pool, global_pool, reduction, arg, softmax };

struct Kind {
  Family family = Family::none;
  std::string name;  // PyTorch's, without overload
};

Kind kind_of(const std::string& onnx) {
  static const std::map<std::string, Kind> kinds{
      {"Add", {Family::binary, "add"}},
      {"Sub", {Family::binary, "sub"}},
      {"Mul", {Family::binary, "mul"}},
      {"Div", {Family::binary, "div"}},
      {"Max", {Family::binary, "maximum"}},
      {"Min", {Family::binary, "minimum"}},
      {"AveragePool", {Family::pool, "avg_pool"}},
      {"MaxPool", {Family::pool, "max_pool"}},
      {"GlobalAveragePool", {Family::global_pool, "adaptive_avg_pool"}},
      {"GlobalMaxPool", {Family::global_pool, "amax"}},
      {"ReduceMean", {Family::reduction, "mean.dim"}},
      {"ReduceSum", {Family::reduction, "sum.dim_IntList"}},
      {"ReduceMax", {Family::reduction, "amax.default"}},
      {"ReduceMin", {Family::reduction, "amin.default"}},
      {"ArgMax", {Family::arg, "argmax"}},
      {"ArgMin", {Family::arg, "argmin"}},
      {"Softmax", {Family::softmax, "softmax.int"}},
      {"LogSoftmax", {Family::softmax, "log_softmax.int"}},
      {"LeakyRelu", {Family::unary, "leaky_relu.default"}},
      {"Elu", {Family::unary, "elu.default"}},
      {"Gelu", {Family::unary, "gelu.default"}},
      {"Clip", {Family::unary, "clamp.default"}}};
  if (const auto found = kinds.find(onnx); found != kinds.end()) return found->second;
  if (const auto plain = plain_operator(onnx)) return {Family::unary, plain->substr(5)};
  return {};
}

// All arguments but the tensors that it works on.
void keep_arguments(Editor& editor, int op, const std::vector<std::string>& kept) {
  std::vector<std::string> gone;
  for (const Json& input : editor.node(op)["inputs"])
    if (const auto name = input["name"].get<std::string>(); !std::ranges::count(kept, name))
      gone.push_back(name);
  for (const std::string& name : gone) editor.drop_argument(op, name);
}

std::string axes_of(const std::string& target) {
  for (const char* axes : {"1d", "2d", "3d"})
    if (target.find(axes) != std::string::npos) return axes;
  return "";
}

Status change_pool(Editor& editor, int op, const Kind& kind) {
  const std::string& now = editor.op(op).target;
  if (now.find("adaptive") != std::string::npos) return cant("a pool over all can't become one with windows");
  keep_arguments(editor, op, {"self", "kernel_size", "stride", "padding", "ceil_mode"});
  editor.set_target(op, "aten." + kind.name + axes_of(now) + ".default");
  return {};
}

// Two tensors, or a tensor and a number where the kind has such an overload.
Status change_binary(Editor& editor, int op, const Kind& kind) {
  const Argument* other = editor.op(op).argument("other");
  const bool tensors = other && other->kind == "as_tensor";
  const bool extreme = kind.name == "maximum" || kind.name == "minimum";
  if (extreme && !tensors) return cant(kind.name + " takes tensors alone");
  keep_arguments(editor, op, {"self", "other"});
  editor.set_target(op, "aten." + kind.name + (extreme ? ".default" : ".Tensor"));
  return {};
}

Status change_kind(Editor& editor, int op, const Kind& kind) {
  switch (kind.family) {
    case Family::pool:
      return change_pool(editor, op, kind);
    case Family::binary:
      return change_binary(editor, op, kind);
    case Family::reduction:
      keep_arguments(editor, op, {"self", "dim", "keepdim"});
      editor.set_target(op, "aten." + kind.name);
      return {};
    case Family::arg:
      editor.set_target(op, "aten." + kind.name + ".default");
      return {};
    case Family::softmax:
      keep_arguments(editor, op, {"self", "dim"});
      editor.set_target(op, "aten." + kind.name);
      return {};
    case Family::unary:
      keep_arguments(editor, op, {"self"});
      editor.set_target(op, "aten." + kind.name);
      return {};
    default:
      return cant("no operator of that kind");
  }
}

// ONNX's Clip has its bounds as operands; a ChangeType brings none, so it is none of the unary kinds here.
Family family_of(const graph::Node& node) {
  return node.type == "Clip" ? Family::unary : kind_of(node.type).family;
}

}  // namespace

Status apply_edit(Editor& editor, const graph::RemoveNode& edit) {
  FETAFIX_TRY(const int op, editor.op_at(edit.at));
  FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.at));
  if (edit.at.role == Role::bias && editor.op(op).target.starts_with("aten.linear.")) {
    editor.set_argument(op, "bias", Json{{"as_none", true}});
    return {};
  }
  if (edit.at.role != Role::core)
    return cant("a part of role " + std::string(graph::role_name(edit.at.role)) + " can't be removed");
  FETAFIX_CHECK(editor.check_single(editor.view().node(id)));
  if (editor.op(op).outputs.size() != 1) return cant("it has several outputs");
  const auto& inputs = editor.view().node(id).inputs;
  if (edit.through < 0 || static_cast<size_t>(edit.through) >= inputs.size() ||
      inputs[static_cast<size_t>(edit.through)] == graph::no_value)
    return cant("it has no operand " + std::to_string(edit.through));
  FETAFIX_TRY(const std::string through, editor.read_now(id, edit.through));
  editor.redirect(editor.op(op).outputs[0], through);
  editor.remove(op);
  return {};
}

Status apply_edit(Editor& editor, const graph::SetOperand& edit) {
  FETAFIX_TRY(const int op, editor.op_at(edit.at));
  FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.at));
  FETAFIX_TRY(const ReadPlace place, editor.read_place(id, edit.input));
  FETAFIX_TRY(const std::string name, editor.name_of(edit.value));
  if (editor.producer_of(name) >= op) return cant("the value is computed behind the operator");
  return editor.set_read(place, name);
}

Status apply_edit(Editor& editor, const graph::SetOutput& edit) {
  FETAFIX_TRY(const std::string name, editor.name_of(edit.value));
  return editor.set_output(edit.output, name);
}

Status apply_edit(Editor& editor, const graph::SetMetadata& edit) {
  if (edit.field != unreadable_notes_field || edit.value != 0 || edit.at.op.index != -1)
    return cant("PyTorch files have no number '" + edit.field + "'");
  editor.drop_unreadable_notes();
  return {};
}

Status apply_edit(Editor& editor, const graph::ChangeType& edit) {
  FETAFIX_TRY(const int op, editor.op_at(edit.at));
  FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.at));
  const graph::Node& node = editor.view().node(id);
  if (edit.at.role != Role::core)
    return cant("a part of role " + std::string(graph::role_name(edit.at.role)) + " has one type");
  FETAFIX_CHECK(editor.check_single(node));
  const Kind kind = kind_of(edit.type);
  if (kind.family == Family::none || kind.family != family_of(node) || edit.type == "Clip")
    return cant(editor.op(op).target + " can't become " + edit.type);
  FETAFIX_CHECK(change_kind(editor, op, kind));
  graph::Node changed = node;
  changed.type = edit.type;
  for (const auto& [name, value] : edit.attributes) {
    if (kind.family == Family::pool && name == "dilations") continue;  // average pools of PyTorch have none
    const auto now = node.attributes.find(name);
    const bool kept = kind.family != Family::unary && now != node.attributes.end() &&
                      graph::to_text(now->second) == graph::to_text(value);
    if (!kept) FETAFIX_CHECK(set_attribute(editor, op, changed, name, value));
  }
  if (edit.type == "HardSigmoid" && !edit.attributes.contains("alpha"))
    return cant("a HardSigmoid whose slope is not 1/6");
  if (edit.type == "AveragePool" && !edit.attributes.contains("count_include_pad"))
    editor.set_argument(op, "count_include_pad", as_bool(false));
  return {};
}

Status apply_edit(Editor& editor, const graph::InsertNode& edit) {
  FETAFIX_TRY(const std::string input, editor.name_of(edit.edge));
  const int behind = editor.producer_of(input);
  int before = behind + 1;
  std::optional<ReadPlace> reader;
  if (edit.only_consumer) {
    FETAFIX_TRY(const graph::NodeId id, graph::resolve(editor.view(), edit.only_consumer->first));
    FETAFIX_TRY(reader, editor.read_place(id, edit.only_consumer->second));
    before = std::max(before, reader->op);
  }
  Lowering lowering{edit, before, input, {}};
  for (const auto& [operand, address] : edit.other_operands) {
    FETAFIX_TRY(lowering.others[operand], editor.name_of(address));
    lowering.before = std::max(lowering.before, editor.producer_of(lowering.others[operand]) + 1);
  }
  FETAFIX_TRY(const std::string result, lower(editor, lowering));
  if (reader) return editor.set_read(*reader, result);
  editor.redirect(input, result);
  return {};
}

}  // namespace fetafix::formats::torch
