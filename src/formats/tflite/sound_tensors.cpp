// Shapes and types of stored and computed tensors that can't go together.
#include <algorithm>
#include <cmath>

#include "formats/tflite/defect_finder.h"
#include "formats/tflite/tensors.h"

namespace fetafix::formats::tflite {

// The stated shape of weights or of a bias that has no numbers, as far as what is read and computed allow
// it.
Shape DefectFinder::shape_that_goes(size_t index, size_t slot) {
  const Builtin kind = builtin_of(now_, op(index));
  Shape out = shape_of(op(index).inputs[slot]);
  const Shape input = shape_of_operand(op(index).inputs, 0), result = shape_of_operand(op(index).outputs, 0);
  const auto read = element_count(input).value_or(0), made = element_count(result).value_or(0);
  if (!has_weights(kind) || slot > 2 || read <= 0 || made <= 0 || input.empty() || result.empty()) return out;
  const size_t axis = slot == 1 && kind == Builtin::DEPTHWISE_CONV_2D ? 3 : 0;
  if (out.size() > axis) out[axis] = result.back();
  if (slot == 1 && kind == Builtin::FULLY_CONNECTED && out.size() == 2) out[1] = read * result.back() / made;
  if (slot == 1 && kind == Builtin::CONV_2D && out.size() == 4) out[3] = std::min(out[3], input.back());
  return out;
}

Shape DefectFinder::shape_of_operand(const std::vector<int32_t>& operands, size_t slot) {
  return operands.size() > slot && operands[slot] >= 0 ? shape_of(operands[slot]) : Shape();
}

// Weights whose shape does not go with the bias and with what they read: in the order that does.
bool DefectFinder::check_weights() {
  for (size_t i = 0; i < size(); ++i) {
    const auto& each = op(i);
    if (!has_weights(builtin_of(now_, each)) || each.inputs.size() < 2 || each.inputs[0] < 0 ||
        each.inputs[1] < 0 || each.outputs.empty())
      continue;
    if (check_bits(i) || check_shape(i)) return true;
  }
  return false;
}

// Numbers of 4 bytes that are called integers where the operator takes real ones.
bool DefectFinder::check_bits(size_t index) {
  const schema::TensorT& weights = tensor(op(index).inputs[1]);
  if (weights.type != schema::TensorType::INT32 || !is_stored(op(index).inputs[1])) return false;
  const auto& data = now_.buffers[weights.buffer]->data;
  const Shape shape = shape_of(op(index).inputs[1]);
  if (element_count(shape).value_or(0) * 4 != static_cast<int64_t>(data.size())) return false;
  auto numbers = Tensor::from_bytes(DType::float32, shape, std::as_bytes(std::span(data)));
  if (!numbers.ok()) return false;
  for (float number : numbers->as<float>())
    if (!std::isfinite(number) || std::fabs(number) > 1e6f) return false;
  Defect defect{place(index),
                "tensor-structure",
                "tensor-type",
                "its weights are called int32 and are float32",
                "check the converter's options for types",
                {just(graph::SetTensor{operator_at(index), 1, std::move(numbers).value(), true})}};
  defect.though_it_loads = true;
  return add(std::move(defect));
}

bool DefectFinder::check_shape(size_t index) {
  const Builtin kind = builtin_of(now_, op(index));
  const schema::TensorT& weights = tensor(op(index).inputs[1]);
  const size_t rank = kind == Builtin::FULLY_CONNECTED ? 2 : 4;
  const Shape input = shape_of(op(index).inputs[0]), output = shape_of(op(index).outputs[0]);
  const Shape now = shape_of(op(index).inputs[1]);
  if (input.empty() || output.empty() || weights.type != schema::TensorType::FLOAT32) return false;
  const size_t out_axis = kind == Builtin::DEPTHWISE_CONV_2D ? 3 : 0;
  const auto goes = [&](const Shape& shape) {
    if (shape.size() != rank || shape[out_axis] != output.back()) return false;
    if (kind == Builtin::DEPTHWISE_CONV_2D) return shape[0] == 1;
    return kind == Builtin::FULLY_CONNECTED || (shape[3] > 0 && input.back() % shape[3] == 0);
  };
  // A bias of as many channels: the weights are right, and the output's stated shape is that of something
  // else.
  const auto& operands = op(index).inputs;
  const bool has_bias = operands.size() > 2 && operands[2] >= 0 && now.size() == rank;
  if (goes(now) || (has_bias && shape_of(operands[2]) == Shape{now[out_axis]})) return false;
  Shape order = now;
  std::sort(order.begin(), order.end());
  std::vector<Shape> good;
  do
    if (goes(order) && (rank != 4 || kind == Builtin::DEPTHWISE_CONV_2D || order[3] == input.back()))
      good.push_back(order);
  while (std::next_permutation(order.begin(), order.end()));
  if (good.empty()) return false;
  const auto& data = now_.buffers[weights.buffer]->data;
  Defect defect{place(index),
                "tensor-structure",
                "tensor-shape",
                "its weights have the shape " + to_string(now) + ", which does not go with what it reads",
                "check the converter's layout options",
                {}};
  defect.though_it_loads = true;
  for (const Shape& shape : good) {
    auto numbers = Tensor::from_bytes(DType::float32, shape, std::as_bytes(std::span(data)));
    if (!numbers.ok()) return false;
    defect.ways.push_back(just(graph::SetTensor{operator_at(index), 1, std::move(numbers).value(), true}));
  }
  return add(std::move(defect));
}

// In a file without a quantized tensor the values between such operators are real numbers.
bool DefectFinder::check_types() {
  for (const auto& each : graph().tensors)
    if (each->quantization && !each->quantization->scale.empty()) return false;
  for (size_t i = 0; i < size(); ++i)
    if (check_bias_type(i)) return true;
  for (size_t i = 0; i < size(); ++i) {
    const auto& each = op(i);
    if (!has_weights(builtin_of(now_, each)) || each.inputs.size() < 2 || each.inputs[1] < 0 ||
        tensor(each.inputs[1]).type != schema::TensorType::FLOAT32)
      continue;
    if (each.inputs[0] >= 0 && check_type(each.inputs[0])) return true;
    if (!each.outputs.empty() && check_type(each.outputs[0])) return true;
  }
  for (size_t i = 0; i < size(); ++i) {
    if (!keeps_type(builtin_of(now_, op(i))) || op(i).inputs.empty() || op(i).outputs.empty()) continue;
    const int32_t in = op(i).inputs[0], out = op(i).outputs[0];
    if (in < 0 || out < 0) continue;
    if (tensor(in).type == schema::TensorType::FLOAT32 && check_type(out)) return true;
    if (tensor(out).type == schema::TensorType::FLOAT32 && check_type(in)) return true;
  }
  return false;
}

// Counted as in a quantized model, beside weights that are not.
bool DefectFinder::check_bias_type(size_t index) {
  const Builtin kind = builtin_of(now_, op(index));
  const auto& inputs = op(index).inputs;
  const size_t slot = kind == Builtin::TRANSPOSE_CONV ? 3 : 2;
  if (!(has_weights(kind) || kind == Builtin::TRANSPOSE_CONV) || inputs.size() <= slot || inputs[1] < 0 ||
      tensor(inputs[1]).type != schema::TensorType::FLOAT32 || inputs[slot] < 0 || !is_stored(inputs[slot]))
    return false;
  const schema::TensorT& bias = tensor(inputs[slot]);
  const DType stored = dtype_of_wire(bias.type);
  if (stored == DType::float32 || element_size(stored) == 0) return false;
  const auto& data = now_.buffers[bias.buffer]->data;
  auto numbers = Tensor::from_bytes(stored, shape_of(inputs[slot]), std::as_bytes(std::span(data)));
  auto typed = numbers.ok() ? cast(*numbers, DType::float32) : Result<Tensor>(numbers.error());
  if (!typed.ok()) return false;
  Defect defect{
      place(index),
      "tensor-structure",
      "tensor-type",
      std::string("its bias is stored as ") + schema::EnumNameTensorType(bias.type) +
          ", its weights as FLOAT32",
      "check the converter's options for types",
      {just(graph::SetTensor{operator_at(index), static_cast<int>(slot), std::move(typed).value(), true})}};
  defect.stopgap = true;  // what lies behind the point is lost
  return add(std::move(defect));
}

bool DefectFinder::check_type(int32_t index) {
  const schema::TensorT& declared = tensor(index);
  if (declared.type == schema::TensorType::FLOAT32 || is_stored(index)) return false;
  graph::Redeclare edit;
  edit.dtype = DType::float32;
  std::string where;
  const auto& inputs = graph().inputs;
  if (const auto input = std::find(inputs.begin(), inputs.end(), index); input != inputs.end()) {
    edit.value.graph_input = static_cast<int>(input - inputs.begin());
  } else if (const auto by = writers(index); !by.empty()) {
    edit.value.node = operator_at(by[0]);
    const auto& outputs = op(by[0]).outputs;
    edit.value.output = static_cast<int>(std::find(outputs.begin(), outputs.end(), index) - outputs.begin());
    where = place(by[0]);
  } else {
    return false;
  }
  const bool input = edit.value.graph_input >= 0;
  return add({where,
              input ? "input" : "tensor-structure",
              input ? "input-type" : "tensor-type",
              "'" + declared.name + "' is declared as " + schema::EnumNameTensorType(declared.type) +
                  ", and is FLOAT32 by what computes with it",
              "check the example input and the types that the converter was given",
              {just(std::move(edit))}});
}

}  // namespace fetafix::formats::tflite
