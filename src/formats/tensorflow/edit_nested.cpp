// SetTensor on an operator of a loop's body. What the body is given from outside is written there; its own
// constants are written in its function, which changes all loops that run it.
#include "formats/tensorflow/editor.h"
#include "graph/lens.h"

namespace fetafix::formats::tensorflow {
namespace {

Result<Tensor> nested_form(const Editor& editor, const graph::SetTensor& edit) {
  const graph::Graph* body = graph::body_of(editor.view(), edit.at.op.graph);
  const graph::Value* seen = body ? constant_behind(*body, edit.at.op.index, edit.slot) : nullptr;
  if (!seen || !seen->lens || seen->lens->native_tensor < 0)
    return Editor::unsupported("operand " + std::to_string(edit.slot) + " of what the loop runs is computed");
  return graph::to_native(edit.value, *seen->lens, seen->constant.shape());
}

// How many operands in the function read what is stored there.
size_t readers_of(const Program& steps, const Source& stored) {
  size_t out = 0;
  for (const Op& op : steps.ops)
    for (const Source& input : op.inputs)
      out += !hands_on(op.node->op()) && !reshapes(op.node->op()) && stored_origin(steps, input) == stored;
  return out;
}

Status write_outside(Editor& editor, int function, int slot, const Tensor& native) {
  bool found = false;
  for (size_t i = 0; i < editor.program().ops.size(); ++i) {
    if (function_at(editor.graph(), *editor.program().ops[i].node, "body") != function) continue;
    FETAFIX_CHECK(editor.write_constant(static_cast<int>(i), slot, native));
    found = true;
  }
  return found ? Status() : Editor::unsupported("nothing runs that function");
}

}  // namespace

Status set_nested(Editor& editor, const graph::SetTensor& edit) {
  const int function = function_named(editor.graph(), edit.at.op.graph);
  if (function < 0) return Editor::unsupported("there is no function '" + edit.at.op.graph + "'");
  FETAFIX_TRY(const Program steps, program_of(editor.file(), function));
  const bool known = edit.at.op.index >= 0 && static_cast<size_t>(edit.at.op.index) < steps.ops.size();
  if (!known) return Editor::unsupported("there is no operator " + std::to_string(edit.at.op.index));
  const auto& inputs = steps.ops[static_cast<size_t>(edit.at.op.index)].inputs;
  if (edit.slot < 0 || static_cast<size_t>(edit.slot) >= inputs.size())
    return Editor::unsupported("it has no operand " + std::to_string(edit.slot));
  FETAFIX_TRY(const Tensor native, nested_form(editor, edit));
  const Source stored = stored_origin(steps, inputs[static_cast<size_t>(edit.slot)]);
  if (stored.input >= 0) return write_outside(editor, function, stored.input, native);
  const Op& held = steps.ops[static_cast<size_t>(stored.op)];
  if (held.node->op() != "Const") return Editor::unsupported("the operand is computed");
  if (readers_of(steps, stored) > 1) return Editor::unsupported("others in the function read that constant");
  wire::Node& node = editor.node_of(steps.scopes[static_cast<size_t>(held.scope)].function, held.place);
  wire::Tensor& tensor = *wire::attribute_of(node, "value").mutable_tensor();
  FETAFIX_TRY(const Tensor now, wire::read_tensor(tensor));
  FETAFIX_TRY(const Tensor typed, cast(native, now.dtype()));
  wire::write_tensor(typed.size() == now.size() ? typed.reshaped(now.shape()) : typed, tensor);
  return {};
}

}  // namespace fetafix::formats::tensorflow
