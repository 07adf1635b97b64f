#include "formats/tflite/tensors.h"

#include <algorithm>

namespace fetafix::formats::tflite {
namespace {

using schema::TensorType;

bool is_packed(TensorType type) {
  return type == TensorType::INT4 || type == TensorType::UINT4;
}

// Two elements a byte, the low half first.
Tensor unpack_nibbles(TensorType type, const Shape& shape, BytesView packed) {
  const auto count = static_cast<size_t>(*element_count(shape));
  std::vector<int8_t> out(count);
  for (size_t i = 0; i < count; ++i) {
    const int nibble = (std::to_integer<int>(packed[i / 2]) >> (i % 2 ? 4 : 0)) & 15;
    out[i] = static_cast<int8_t>(type == TensorType::INT4 && nibble > 7 ? nibble - 16 : nibble);
  }
  return Tensor::of(out, shape);
}

}  // namespace

DType view_dtype(TensorType type) {
  return is_packed(type) ? DType::int8 : dtype_of_wire(type);
}

std::optional<Quantization> quantization_of(const schema::Tensor& tensor) {
  const auto* parameters = tensor.quantization();
  if (!parameters || count_of(parameters->scale()) == 0) return std::nullopt;
  switch (tensor.type()) {
    case TensorType::INT8:
    case TensorType::UINT8:
    case TensorType::INT16:
    case TensorType::INT4:
    case TensorType::UINT4:
      break;
    default:
      return std::nullopt;  // int32 biases: their kernels take input scale times weight scale
  }
  Quantization out{copy_of(parameters->scale()), copy_of(parameters->zero_point()),
                   parameters->quantized_dimension()};
  out.zero_point.resize(out.scale.size(), out.zero_point.size() == 1 ? out.zero_point[0] : 0);
  return out;
}

std::string unreadable(const schema::Tensor& tensor) {
  if (tensor.sparsity()) return "sparse";
  if (tensor.external_buffer() != 0) return "in an external file";
  if (view_dtype(tensor.type()) == DType::unknown || tensor.type() == TensorType::STRING)
    return std::string("of type ") + schema::EnumNameTensorType(tensor.type());
  if (const auto* q = tensor.quantization()) {
    if (q->details_type() != schema::QuantizationDetails::NONE)
      return "quantized in blocks or in its own way";
    const auto scales = count_of(q->scale());
    const auto axis = static_cast<size_t>(static_cast<uint32_t>(q->quantized_dimension()));
    if (scales > 1 && (axis >= count_of(tensor.shape()) ||
                       tensor.shape()->Get(static_cast<uint32_t>(axis)) != static_cast<int32_t>(scales)))
      return "quantized with " + std::to_string(scales) + " scales for another number of channels";
  }
  return "";
}

Result<Tensor> read_constant(const File& file, const schema::Tensor& tensor) {
  const BytesView bytes = buffer_bytes(file, tensor.buffer());
  const Shape shape = shape_of(tensor);
  if (is_packed(tensor.type())) return unpack_nibbles(tensor.type(), shape, bytes);
  return Tensor::view(dtype_of_wire(tensor.type()), shape, bytes, file.bytes);
}

Result<Tensor> convert_exactly(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() == dtype) return tensor;
  FETAFIX_TRY(Tensor converted, cast(tensor, dtype));
  if (is_floating(dtype) && is_floating(tensor.dtype())) return converted;
  FETAFIX_TRY(auto before, to_doubles(tensor));
  FETAFIX_TRY(auto after, to_doubles(converted));
  for (size_t i = 0; i < before.size(); ++i)
    if (before[i] != after[i])
      return Error{ErrorKind::unsupported, "value " + std::to_string(before[i]) + " can't be stored as " +
                                               std::string(dtype_name(dtype)) +
                                               "; give the tensor in that type"};
  return converted;
}

}  // namespace fetafix::formats::tflite
