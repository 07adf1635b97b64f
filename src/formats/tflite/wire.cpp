#include "formats/tflite/wire.h"

#include <algorithm>
#include <array>

namespace fetafix::formats::tflite {
namespace {

using schema::TensorType;

struct Type {
  TensorType wire;
  DType dtype;
  int bits;  // of one element; 0: no fixed size
};

// In wire order. Types without a DType are known by size only; 4-bit integers lift as int8 (tensors.cpp).
constexpr std::array types{
    Type{TensorType::FLOAT32, DType::float32, 32},   Type{TensorType::FLOAT16, DType::float16, 16},
    Type{TensorType::INT32, DType::int32, 32},       Type{TensorType::UINT8, DType::uint8, 8},
    Type{TensorType::INT64, DType::int64, 64},       Type{TensorType::STRING, DType::string, 0},
    Type{TensorType::BOOL, DType::boolean, 8},       Type{TensorType::INT16, DType::int16, 16},
    Type{TensorType::COMPLEX64, DType::unknown, 64}, Type{TensorType::INT8, DType::int8, 8},
    Type{TensorType::FLOAT64, DType::float64, 64},   Type{TensorType::COMPLEX128, DType::unknown, 128},
    Type{TensorType::UINT64, DType::uint64, 64},     Type{TensorType::RESOURCE, DType::unknown, 0},
    Type{TensorType::VARIANT, DType::unknown, 0},    Type{TensorType::UINT32, DType::uint32, 32},
    Type{TensorType::UINT16, DType::uint16, 16},     Type{TensorType::INT4, DType::unknown, 4},
    Type{TensorType::BFLOAT16, DType::bfloat16, 16}, Type{TensorType::INT2, DType::unknown, 2},
    Type{TensorType::UINT4, DType::unknown, 4},      Type{TensorType::FLOAT8_E4M3FN, DType::unknown, 8},
    Type{TensorType::FLOAT8_E5M2, DType::unknown, 8}};

const Type* find(TensorType wire) {
  const auto index = static_cast<size_t>(wire);
  return index < types.size() ? &types[index] : nullptr;
}

}  // namespace

Builtin builtin_of(const schema::OperatorCode& code) {
  return static_cast<Builtin>(std::max(static_cast<int32_t>(code.builtin_code()),
                                       static_cast<int32_t>(code.deprecated_builtin_code())));
}

std::string builtin_name(Builtin builtin) {
  const std::string name = schema::EnumNameBuiltinOperator(builtin);
  return name.empty() ? "OPERATOR_" + std::to_string(static_cast<int32_t>(builtin)) : name;
}

std::string operator_name(const schema::Model& model, const schema::Operator& op) {
  const auto& code = *model.operator_codes()->Get(op.opcode_index());
  const Builtin builtin = builtin_of(code);
  return builtin == Builtin::CUSTOM ? "CUSTOM:" + text_of(code.custom_code()) : builtin_name(builtin);
}

DType dtype_of_wire(TensorType type) {
  const Type* found = find(type);
  return found ? found->dtype : DType::unknown;
}

std::optional<TensorType> wire_of_dtype(DType dtype) {
  for (const Type& type : types)
    if (type.dtype == dtype && dtype != DType::unknown) return type.wire;
  return std::nullopt;
}

std::optional<uint64_t> wire_bytes(TensorType type, int64_t count) {
  const Type* found = find(type);
  if (!found || found->bits == 0 || count < 0) return std::nullopt;
  return (static_cast<uint64_t>(count) * static_cast<uint64_t>(found->bits) + 7) / 8;
}

bool fills(schema::TensorType type, const Shape& shape, uint64_t bytes) {
  const auto count = element_count(shape);
  const auto expected = count ? wire_bytes(type, *count) : std::nullopt;
  return !expected || *expected == bytes;
}

bool leads_to_tensor(int32_t index, int32_t lowest, size_t tensors) {
  return index >= lowest && (index < 0 || static_cast<size_t>(index) < tensors);
}

BytesView buffer_bytes(const File& file, uint32_t index) {
  const auto* buffer = file.model->buffers()->Get(index);
  if (buffer->data() && buffer->data()->size() > 0)
    return {reinterpret_cast<const std::byte*>(buffer->data()->data()), buffer->data()->size()};
  if (buffer->offset() > 1) return BytesView(*file.bytes).subspan(buffer->offset(), buffer->size());
  return {};
}

Shape shape_of(const schema::Tensor& tensor) {
  const auto dims = copy_of(tensor.shape());
  return {dims.begin(), dims.end()};
}

}  // namespace fetafix::formats::tflite
