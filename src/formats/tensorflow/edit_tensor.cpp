// SetTensor: through the inverse of a lens into the constant or variable that an operand has.
#include "formats/tensorflow/editor.h"
#include "graph/lens.h"

namespace fetafix::formats::tensorflow {

namespace {

// A strided slice whose masks stand for part of its indices: writing them all makes the masks needless.
Status set_slice_indices(Editor& editor, int op, int slot, const Tensor& value) {
  wire::Node& node = editor.node(op);
  const auto mask = [&](const char* key) {
    const wire::Attribute* found = wire::find_attribute(node, key);
    return found ? found->i() : 0;
  };
  if (node.op() != "StridedSlice" || mask("ellipsis_mask") || mask("new_axis_mask") ||
      mask("shrink_axis_mask"))
    return Editor::unsupported("the constant follows from several attributes of " + node.op());
  const Source& stored = editor.op(op).inputs[static_cast<size_t>(slot)];
  const DType type = editor.dtype_of(stored) == DType::int64 ? DType::int64 : DType::int32;
  FETAFIX_TRY(const Tensor indices, cast(value, type));
  set_integer(node, slot == 1 ? "begin_mask" : "end_mask", 0);
  return editor.write_constant(op, slot, indices);
}

// Relu6 has no bounds of its own; ClipByValue has.
Status set_bound(Editor& editor, int op, int slot, const Tensor& value) {
  wire::Node& node = editor.node(op);
  if (node.op() == "Relu6") {
    FETAFIX_TRY(const Tensor low, cast(Tensor::scalar(0.f), value.dtype()));
    FETAFIX_TRY(const Tensor high, cast(Tensor::scalar(6.f), value.dtype()));
    node.add_input(editor.add_constant(editor.op(op).scope, node.name(), low));
    node.add_input(editor.add_constant(editor.op(op).scope, node.name(), high));
    node.set_op("ClipByValue");
    FETAFIX_CHECK(editor.rename_output(op));
  }
  return editor.set_operand(op, slot,
                            editor.add_constant(editor.op(op).scope, node.name(), value.reshaped({})), true);
}

// Convolutions have no bias operand there: it is an operator of its own, behind them.
Status add_bias(Editor& editor, int op, const Tensor& value) {
  const Source result{-1, op, 0};
  if (editor.is_frozen_result(op)) return Editor::unsupported("it is a result of a frozen graph");
  const int scope = editor.op(op).scope;
  const std::string name = editor.op(op).node->name();
  FETAFIX_TRY(const std::string input, editor.reference(result, scope));
  FETAFIX_TRY(const Tensor bias, cast(value.reshaped({value.size()}), editor.dtype_of(result)));
  wire::Node& added =
      editor.add_node(scope, "BiasAdd", name, {input, editor.add_constant(scope, name, bias)});
  set_type(added, "T", editor.dtype_of(result));
  if (const wire::Attribute* format = wire::find_attribute(*editor.op(op).node, "data_format"))
    set_text(added, "data_format", format->s());
  return editor.redirect(result, editor.output_of(scope, added), true);
}

bool may_have_bias(const std::string& type) {
  return type == "Conv2D" || type == "DepthwiseConv2dNative" || type == "Conv2DBackpropInput";
}

}  // namespace

Result<Tensor> native_form(const Editor& editor, int op, const graph::SetTensor& edit) {
  const graph::Value* seen = constant_behind(editor.view(), op, edit.slot);
  if (!seen || !seen->lens || seen->lens->native_tensor < 0)
    return Editor::unsupported("operand " + std::to_string(edit.slot) + " is computed");
  FETAFIX_TRY(const Tensor native, graph::to_native(edit.value, *seen->lens, seen->constant.shape()));
  const Source& stored = editor.stored_at(seen->lens->native_tensor);
  return cast(native, edit.retype ? native.dtype() : editor.stored_type(stored));
}

Status apply_edit(Editor& editor, const graph::SetTensor& edit) {
  if (!edit.at.op.graph.empty()) return set_nested(editor, edit);
  FETAFIX_TRY(const int op, editor.op_at(edit.at));
  const std::string& type = editor.op(op).node->op();
  const Slot operand = editor.operand_at(op, edit.slot);
  const bool own = operand.op >= 0 && operand.slot < static_cast<int>(editor.op(operand.op).inputs.size());
  if (type == "Relu6" && (edit.slot == 1 || edit.slot == 2))
    return set_bound(editor, op, edit.slot, edit.value);
  if (may_have_bias(type) && edit.slot == 2 && editor.view_lacks(edit.at, 2))
    return add_bias(editor, op, edit.value);
  if (edit.slot < 0 || !own)
    return Editor::unsupported(type + " has no operand " + std::to_string(edit.slot));
  const graph::Value* seen = constant_behind(editor.view(), op, edit.slot);
  if (!seen) return Editor::unsupported("operand " + std::to_string(edit.slot) + " is computed");
  if (!seen->lens || seen->lens->native_tensor < 0)
    return set_slice_indices(editor, op, edit.slot, edit.value);
  FETAFIX_TRY(const Tensor native, native_form(editor, op, edit));
  return editor.write_constant(operand.op, operand.slot, native);
}

}  // namespace fetafix::formats::tensorflow
