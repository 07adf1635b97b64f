// SetTensor: through the inverse of a lens into the buffer that an operand has.
#include <cmath>

#include "formats/tflite/editor.h"
#include "formats/tflite/tensors.h"
#include "formats/tflite/tflite.h"

namespace fetafix::formats::tflite {
namespace {

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

int input_slot(Builtin builtin) {
  return builtin == Builtin::TRANSPOSE_CONV ? 2 : 0;
}

// Kernels insist that a bias counts in steps of input scale times weight scale.
void follow_weights(Editor& editor, schema::OperatorT& op, int weight_slot) {
  const int slot = weight_slot == 1 ? bias_slot(editor.builtin(op)) : -1;
  const int input = editor.operand(op, input_slot(editor.builtin(op)));
  if (slot < 0 || input < 0 || editor.operand(op, slot) < 0 || !editor.quantized(input) ||
      !editor.quantized(editor.operand(op, slot)))
    return;
  const auto& weights = *editor.tensor(editor.operand(op, weight_slot)).quantization;
  const float step = editor.tensor(input).quantization->scale[0];
  auto& bias = *editor.tensor(editor.own_tensor(op, slot)).quantization;
  bias.scale.clear();
  for (float scale : weights.scale) bias.scale.push_back(scale * step);
  bias.zero_point.resize(bias.scale.size(), 0);
}

// Slots above 1000 (tflite.h). The scale of a computed tensor belongs to all who read or write it; a constant
// that others read too is copied first.
Status set_parameter(Editor& editor, schema::OperatorT& op, int slot, const Tensor& value) {
  const bool of_output = slot >= output_scale_slot;
  const bool scale = slot < zero_point_slot || (of_output && slot < output_zero_point_slot);
  const int index = slot % 1000;
  const auto& tensors = of_output ? op.outputs : op.inputs;
  if (static_cast<size_t>(index) >= tensors.size() || tensors[static_cast<size_t>(index)] < 0)
    return Editor::unsupported("there is no such tensor");
  int tensor = tensors[static_cast<size_t>(index)];
  const bool constant = !of_output && editor.is_constant(tensor);
  if (constant) tensor = editor.own_tensor(op, index);
  if (!scale) return set_zero_point(editor, tensor, value);
  FETAFIX_CHECK(set_scale(editor, tensor, value));
  if (constant) follow_weights(editor, op, index);
  return {};
}

// In steps of input scale times weight scale.
Result<Tensor> bias_in_steps(const Tensor& value, const std::vector<float>& steps) {
  FETAFIX_TRY(const auto values, to_doubles(value));
  std::vector<int32_t> stored(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const double count = std::round(values[i] / static_cast<double>(steps[i % steps.size()]));
    if (!(std::fabs(count) < 0x1p31))
      return Editor::unsupported("the bias does not fit int32 in steps of input scale times weight scale");
    stored[i] = static_cast<int32_t>(count);
  }
  return Tensor::vector(stored);
}

Status add_bias(Editor& editor, schema::OperatorT& op, int slot, const Tensor& value) {
  const int input = editor.operand(op, input_slot(editor.builtin(op)));
  const int weights = editor.operand(op, 1);
  if (!editor.quantized(input)) {
    FETAFIX_TRY(Tensor bias, convert_exactly(value, DType::float32));
    editor.set_operand(op, slot, editor.add_constant(bias.reshaped({bias.size()})));
    return {};
  }
  if (!editor.quantized(weights) || editor.tensor(input).type == schema::TensorType::INT16)
    return Editor::unsupported("a bias for quantized operators of this kind");
  auto parameters = std::make_unique<schema::QuantizationParametersT>();
  for (float s : editor.tensor(weights).quantization->scale) {
    parameters->scale.push_back(s * editor.tensor(input).quantization->scale[0]);
    parameters->zero_point.push_back(0);
  }
  Tensor stored = value.reshaped({value.size()});
  if (is_floating(value.dtype())) {
    FETAFIX_TRY(stored, bias_in_steps(value, parameters->scale));
  } else if (value.dtype() != DType::int32) {
    return Editor::unsupported("the operator is quantized: give its bias as float32 or int32");
  }
  const int bias = editor.add_constant(stored);
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
  const bool alone = !editor.is_shared(unpacked, op, slot) || editor.changed_everywhere(unpacked);
  if (unpack && alone && editor.is_constant(editor.operand(*unpack, 0))) {
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
  const graph::Value* seen = constant_behind(editor.view(), edit.at.op.index, edit.slot);
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
