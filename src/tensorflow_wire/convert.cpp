#include "tensorflow_wire/convert.h"

#include <algorithm>
#include <array>

#include "base/files.h"

namespace fetafix::tensorflow_wire {
namespace {

constexpr std::array<std::pair<DType, int>, 14> codes{{{DType::float32, 1},
                                                       {DType::float64, 2},
                                                       {DType::int32, 3},
                                                       {DType::uint8, 4},
                                                       {DType::int16, 5},
                                                       {DType::int8, 6},
                                                       {DType::string, 7},
                                                       {DType::int64, 9},
                                                       {DType::boolean, 10},
                                                       {DType::bfloat16, 14},
                                                       {DType::uint16, 17},
                                                       {DType::float16, 19},
                                                       {DType::uint32, 22},
                                                       {DType::uint64, 23}}};
constexpr int reference = 100;
constexpr int64_t most_implied_elements = int64_t{1}
                                          << 26;  // of a constant whose elements are not in the file

Error broken(const std::string& what) {
  return {ErrorKind::file, "a constant: " + what};
}

template <class To, class Field>
Result<fetafix::Tensor> from_field(DType dtype, const fetafix::Shape& shape, const Field& field) {
  const auto count = element_count(shape);
  if (!count || field.empty() || field.size() > *count ||
      (field.size() < *count && *count > most_implied_elements))
    return broken("shape " + to_string(shape) + " does not hold the " + std::to_string(field.size()) +
                  " elements that were found");
  FETAFIX_TRY(auto tensor, fetafix::Tensor::zeros(dtype, shape));
  auto* out = reinterpret_cast<To*>(tensor.mutable_bytes().data());
  for (int64_t i = 0; i < *count; ++i)
    out[i] = static_cast<To>(field.Get(static_cast<int>(std::min<int64_t>(i, field.size() - 1))));
  return tensor;
}

Result<fetafix::Tensor> from_typed(const Tensor& wire, DType dtype, const fetafix::Shape& shape) {
  switch (dtype) {
    case DType::float32:
      return from_field<float>(dtype, shape, wire.float_val());
    case DType::float64:
      return from_field<double>(dtype, shape, wire.double_val());
    case DType::int64:
      return from_field<int64_t>(dtype, shape, wire.int64_val());
    case DType::uint64:
      return from_field<uint64_t>(dtype, shape, wire.uint64_val());
    case DType::uint32:
      return from_field<uint32_t>(dtype, shape, wire.uint32_val());
    case DType::boolean:
      return from_field<uint8_t>(dtype, shape, wire.bool_val());
    case DType::float16:
    case DType::bfloat16:
      return from_field<uint16_t>(dtype, shape, wire.half_val());
    case DType::int32:
      return from_field<int32_t>(dtype, shape, wire.int_val());
    case DType::int16:
    case DType::uint16:
      return from_field<uint16_t>(dtype, shape, wire.int_val());
    case DType::int8:
    case DType::uint8:
      return from_field<uint8_t>(dtype, shape, wire.int_val());
    default:
      return Error{ErrorKind::unsupported,
                   "element type " + std::to_string(wire.dtype()) + " is not supported"};
  }
}

bool has_typed(const Tensor& wire) {
  return wire.float_val_size() + wire.double_val_size() + wire.int_val_size() + wire.int64_val_size() +
             wire.bool_val_size() + wire.half_val_size() + wire.uint32_val_size() + wire.uint64_val_size() >
         0;
}

}  // namespace

DType dtype_from_code(int code) {
  const int wanted = code > reference ? code - reference : code;
  const auto* found =
      std::find_if(codes.begin(), codes.end(), [&](const auto& c) { return c.second == wanted; });
  return found == codes.end() ? DType::unknown : found->first;
}

int code_from_dtype(DType dtype) {
  const auto* found =
      std::find_if(codes.begin(), codes.end(), [&](const auto& c) { return c.first == dtype; });
  return found == codes.end() ? 0 : found->second;
}

std::optional<fetafix::Shape> read_shape(const TensorShape& wire) {
  if (wire.unknown_rank()) return std::nullopt;
  fetafix::Shape out;
  for (const auto& dim : wire.dim()) out.push_back(std::max<int64_t>(dim.size(), -1));
  return out;
}

void write_shape(const fetafix::Shape& shape, TensorShape& wire) {
  wire.Clear();
  for (int64_t size : shape) wire.add_dim()->set_size(size);
}

Result<fetafix::Tensor> read_tensor(const Tensor& wire) {
  const DType dtype = dtype_from_code(wire.dtype());
  if (element_size(dtype) == 0)
    return Error{ErrorKind::unsupported,
                 "element type " + std::to_string(wire.dtype()) + " is not supported"};
  const auto shape = read_shape(wire.tensor_shape());
  if (!shape || !element_count(*shape)) return broken("its shape is not fixed");
  if (!wire.tensor_content().empty())
    return fetafix::Tensor::from_bytes(dtype, *shape, as_bytes(wire.tensor_content()));
  if (has_typed(wire)) return from_typed(wire, dtype, *shape);
  // Neither: zeros, as TensorFlow fills what a compressed constant leaves out. A small file may not ask for
  // much.
  if (*element_count(*shape) > most_implied_elements)
    return broken("shape " + to_string(*shape) + " holds no elements at all");
  return fetafix::Tensor::zeros(dtype, *shape);
}

void write_tensor(const fetafix::Tensor& tensor, Tensor& wire) {
  Tensor out;
  out.set_dtype(code_from_dtype(tensor.dtype()));
  write_shape(tensor.shape(), *out.mutable_tensor_shape());
  out.set_tensor_content(tensor.bytes().data(), tensor.bytes().size());
  wire.Swap(&out);
}

const Attribute* find_attribute(const Node& node, std::string_view key) {
  for (const auto& entry : node.attr())
    if (entry.key() == key) return &entry.value();
  return nullptr;
}

Attribute& attribute_of(Node& node, std::string_view key) {
  for (auto& entry : *node.mutable_attr())
    if (entry.key() == key) return *entry.mutable_value();
  auto* entry = node.add_attr();
  entry->set_key(std::string(key));
  return *entry->mutable_value();
}

}  // namespace fetafix::tensorflow_wire
