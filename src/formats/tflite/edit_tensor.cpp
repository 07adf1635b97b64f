// SetTensor: through the inverse of a lens into the buffer that an operand has.
#include "formats/tflite/editor.h"
#include "formats/tflite/tensors.h"
#include "formats/tflite/tflite.h"

namespace fetafix::formats::tflite {
namespace {

// The view's constant behind a slot.
const graph::Value* constant_behind(const graph::Graph& view, const graph::NativeOperator& op, int slot) {
  for (const graph::Node& node : view.nodes)
    for (size_t i = 0; node.native == op && i < node.slots.size(); ++i)
      if (node.slots[i] == slot && node.inputs[i] != graph::no_value &&
          view.value(node.inputs[i]).is_constant())
        return &view.value(node.inputs[i]);
  return nullptr;
}

Status set_scale(Editor& editor, int tensor, const Tensor& value) {
  auto* q = editor.tensor(tensor).quantization.get();
  if (!q || static_cast<int64_t>(q->scale.size()) != value.size())
    return Editor::unsupported("the tensor has " + std::to_string(q ? q->scale.size() : 0) +
                               " scales, the edit " + std::to_string(value.size()));
  FETAFIX_TRY(Tensor scales, cast(value, DType::float32));
  q->scale.assign(scales.as<float>().begin(), scales.as<float>().end());
  return {};
}

Status set_zero_point(Editor& editor, int tensor, const Tensor& value) {
  auto* q = editor.tensor(tensor).quantization.get();
  if (!q || static_cast<int64_t>(q->scale.size()) != value.size())
    return Editor::unsupported("the tensor has another number of zero points");
  FETAFIX_TRY(auto points, to_int64s(value));
  q->zero_point = points;
  return {};
}

// Slots above 1000 (tflite.h). Scales belong to the tensor: all who read or write it see the change.
Status set_parameter(Editor& editor, schema::OperatorT& op, int slot, const Tensor& value) {
  const bool of_output = slot >= output_scale_slot;
  const bool scale = slot < zero_point_slot || (of_output && slot < output_zero_point_slot);
  const int index = slot % 1000;
  const auto& tensors = of_output ? op.outputs : op.inputs;
  if (static_cast<size_t>(index) >= tensors.size() || tensors[static_cast<size_t>(index)] < 0)
    return Editor::unsupported("there is no such tensor");
  const int tensor = tensors[static_cast<size_t>(index)];
  return scale ? set_scale(editor, tensor, value) : set_zero_point(editor, tensor, value);
}

Status add_bias(Editor& editor, schema::OperatorT& op, int slot, const Tensor& value) {
  const int input = editor.operand(op, slot - 2);
  const int weights = editor.operand(op, slot - 1);
  if (!editor.quantized(input)) {
    FETAFIX_TRY(Tensor bias, convert_exactly(value, DType::float32));
    editor.set_operand(op, slot, editor.add_constant(bias.reshaped({bias.size()})));
    return {};
  }
  if (value.dtype() != DType::int32)
    return Editor::unsupported(
        "the operator is quantized: give its bias as int32, in steps of input scale times weight scale");
  const int bias = editor.add_constant(value.reshaped({value.size()}));
  auto parameters = std::make_unique<schema::QuantizationParametersT>();
  for (float s : editor.tensor(weights).quantization->scale) {
    parameters->scale.push_back(s * editor.tensor(input).quantization->scale[0]);
    parameters->zero_point.push_back(0);
  }
  editor.tensor(bias).quantization = std::move(parameters);
  editor.set_operand(op, slot, bias);
  return {};
}

// A strided slice whose masks stand for part of its indices: writing them all makes the masks needless.
Status set_slice_indices(Editor& editor, schema::OperatorT& op, int slot, const Tensor& value) {
  auto* options = op.builtin_options.AsStridedSliceOptions();
  if (!options || options->ellipsis_mask || options->new_axis_mask || options->shrink_axis_mask)
    return Editor::unsupported("the slice has masks that the edit does not speak of");
  FETAFIX_TRY(Tensor indices, convert_exactly(value, DType::int32));
  (slot == 1 ? options->begin_mask : options->end_mask) = 0;
  return editor.write_constant(op, slot, indices);
}

// A float16 constant behind a DEQUANTIZE: written in place when nobody else reads it, else replaced by
// float32.
Status set_unpacked(Editor& editor, schema::OperatorT& op, int slot, const Tensor& native) {
  const int unpacked = editor.operand(op, slot);
  schema::OperatorT* unpack = editor.producer(unpacked);
  if (unpack && !editor.is_shared(unpacked, op, slot) && editor.is_constant(editor.operand(*unpack, 0))) {
    FETAFIX_TRY(Tensor half, convert_exactly(native, DType::float16));
    return editor.write_constant(*unpack, 0, half);
  }
  FETAFIX_TRY(Tensor full, convert_exactly(native, DType::float32));
  editor.set_operand(op, slot, editor.add_constant(full));
  return {};
}

}  // namespace

Status apply_edit(Editor& editor, const graph::SetTensor& edit) {
  FETAFIX_TRY(schema::OperatorT * op, editor.original(edit.at.op));
  if (edit.slot >= scale_slot) return set_parameter(editor, *op, edit.slot, edit.value);
  const int index = editor.operand(*op, edit.slot);
  if (index < 0) {
    if (edit.slot >= 0 && edit.slot == bias_slot(editor.builtin(*op)))
      return add_bias(editor, *op, edit.slot, edit.value);
    return Editor::unsupported("operand " + std::to_string(edit.slot) +
                               " is absent, and only a bias can be added");
  }
  const graph::Value* seen = constant_behind(editor.view(), edit.at.op, edit.slot);
  if (!seen || !seen->lens)
    return Editor::unsupported("operand " + std::to_string(edit.slot) + " is computed");
  if (seen->lens->native_tensor < 0) return set_slice_indices(editor, *op, edit.slot, edit.value);
  FETAFIX_TRY(Tensor native, to_native(edit.value, *seen->lens, seen->constant.shape()));
  const auto type = editor.tensor(index).type;
  if (!editor.is_constant(index)) return set_unpacked(editor, *op, edit.slot, native);
  if (editor.tensor(index).sparsity || dtype_of_wire(type) == DType::unknown)
    return Editor::unsupported(std::string("tensors of type ") + schema::EnumNameTensorType(type) +
                               " are read, not written");
  if (dtype_of_wire(type) != edit.value.dtype() && editor.quantized(index))
    return Editor::unsupported("the tensor is quantized: give it as " +
                               std::string(dtype_name(dtype_of_wire(type))));
  FETAFIX_TRY(Tensor typed, convert_exactly(native, dtype_of_wire(type)));
  return editor.write_constant(*op, edit.slot, typed);
}

}  // namespace fetafix::formats::tflite
