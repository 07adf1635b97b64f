#include "tensor/tensor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "tensor/half.h"

namespace fetafix {
namespace {

struct TypeInfo {
  DType dtype;
  size_t size;
  std::string_view name;
};

constexpr std::array<TypeInfo, 15> types{{{DType::unknown, 0, "unknown"},
                                          {DType::float32, 4, "float32"},
                                          {DType::float64, 8, "float64"},
                                          {DType::float16, 2, "float16"},
                                          {DType::bfloat16, 2, "bfloat16"},
                                          {DType::int8, 1, "int8"},
                                          {DType::uint8, 1, "uint8"},
                                          {DType::int16, 2, "int16"},
                                          {DType::uint16, 2, "uint16"},
                                          {DType::int32, 4, "int32"},
                                          {DType::uint32, 4, "uint32"},
                                          {DType::int64, 8, "int64"},
                                          {DType::uint64, 8, "uint64"},
                                          {DType::boolean, 1, "bool"},
                                          {DType::string, 0, "string"}}};

// Larger than any machine's memory, small enough that size * 8 can't overflow.
constexpr int64_t max_elements = int64_t{1} << 48;

Error shape_error(DType dtype, const Shape& shape, const std::string& why) {
  return {ErrorKind::file, "tensor " + std::string(dtype_name(dtype)) + to_string(shape) + ": " + why};
}

// Calls `visit` with a typed null pointer of the tensor's element type; half types are not visited.
template <class F>
bool visit_type(DType dtype, F&& visit) {
  switch (dtype) {
    case DType::float32:
      return visit(static_cast<float*>(nullptr)), true;
    case DType::float64:
      return visit(static_cast<double*>(nullptr)), true;
    case DType::int8:
      return visit(static_cast<int8_t*>(nullptr)), true;
    case DType::boolean:
    case DType::uint8:
      return visit(static_cast<uint8_t*>(nullptr)), true;
    case DType::int16:
      return visit(static_cast<int16_t*>(nullptr)), true;
    case DType::uint16:
      return visit(static_cast<uint16_t*>(nullptr)), true;
    case DType::int32:
      return visit(static_cast<int32_t*>(nullptr)), true;
    case DType::uint32:
      return visit(static_cast<uint32_t*>(nullptr)), true;
    case DType::int64:
      return visit(static_cast<int64_t*>(nullptr)), true;
    case DType::uint64:
      return visit(static_cast<uint64_t*>(nullptr)), true;
    default:
      return false;
  }
}

template <class To>
Result<std::vector<To>> convert_all(const Tensor& tensor) {
  std::vector<To> out(static_cast<size_t>(tensor.size()));
  const std::byte* data = tensor.bytes().data();
  if (tensor.dtype() == DType::float16 || tensor.dtype() == DType::bfloat16) {
    auto halves = reinterpret_cast<const uint16_t*>(data);
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<To>(tensor.dtype() == DType::float16 ? half_to_float(halves[i])
                                                                : bfloat16_to_float(halves[i]));
    return out;
  }
  const bool known = visit_type(tensor.dtype(), [&](auto* type) {
    using From = std::remove_pointer_t<decltype(type)>;
    auto from = reinterpret_cast<const From*>(data);
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<To>(from[i]);
  });
  if (!known) return shape_error(tensor.dtype(), tensor.shape(), "has no numeric elements");
  return out;
}

}  // namespace

size_t element_size(DType dtype) {
  return types[static_cast<size_t>(dtype)].size;
}
std::string_view dtype_name(DType dtype) {
  return types[static_cast<size_t>(dtype)].name;
}

DType dtype_from_name(std::string_view name) {
  for (const TypeInfo& type : types)
    if (type.name == name) return type.dtype;
  return DType::unknown;
}

bool is_floating(DType d) {
  return d == DType::float32 || d == DType::float64 || d == DType::float16 || d == DType::bfloat16;
}

bool is_integer(DType d) {
  return d >= DType::int8 && d <= DType::uint64;
}

std::string to_string(const Shape& shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    out += (i ? "," : "") + (shape[i] < 0 ? std::string("?") : std::to_string(shape[i]));
  return out + "]";
}

std::optional<int64_t> element_count(const Shape& shape) {
  int64_t count = 1;
  bool zero = false;
  for (int64_t d : shape) {
    if (d < 0) return std::nullopt;
    if (d == 0) zero = true;
    if (d > 0 && count > max_elements / d) return std::nullopt;
    if (d > 0) count *= d;
  }
  return zero ? 0 : count;
}

Result<Tensor> Tensor::zeros(DType dtype, Shape shape) {
  auto count = element_count(shape);
  if (!count) return shape_error(dtype, shape, "shape is not concrete or too large");
  if (element_size(dtype) == 0) return shape_error(dtype, shape, "elements have no fixed size");
  const size_t bytes = static_cast<size_t>(*count) * element_size(dtype);
  std::shared_ptr<std::byte[]> data(new (std::nothrow) std::byte[bytes ? bytes : 1]());
  if (!data) return shape_error(dtype, shape, "out of memory for " + std::to_string(bytes) + " bytes");
  return Tensor(dtype, std::move(shape), *count, std::move(data), false);
}

Result<Tensor> Tensor::from_bytes(DType dtype, Shape shape, std::span<const std::byte> bytes) {
  auto count = element_count(shape);
  if (!count || static_cast<size_t>(*count) * element_size(dtype) != bytes.size())
    return shape_error(dtype, shape,
                       "holds " + std::to_string(bytes.size()) + " bytes, which is not its size");
  FETAFIX_TRY(Tensor tensor, zeros(dtype, std::move(shape)));
  if (!bytes.empty()) std::memcpy(tensor.mutable_bytes().data(), bytes.data(), bytes.size());
  return tensor;
}

Result<Tensor> Tensor::view(DType dtype, Shape shape, std::span<const std::byte> bytes,
                            std::shared_ptr<const void> owner) {
  auto count = element_count(shape);
  if (!count || element_size(dtype) == 0 || static_cast<size_t>(*count) * element_size(dtype) != bytes.size())
    return shape_error(dtype, shape,
                       "holds " + std::to_string(bytes.size()) + " bytes, which is not its size");
  // Unaligned data (flatbuffers, protobuf strings) would be undefined to read: copy it.
  if (reinterpret_cast<uintptr_t>(bytes.data()) % element_size(dtype) != 0)
    return from_bytes(dtype, std::move(shape), bytes);
  auto* start = const_cast<std::byte*>(bytes.data());
  std::shared_ptr<std::byte[]> data(std::const_pointer_cast<void>(std::move(owner)), start);
  return Tensor(dtype, std::move(shape), *count, std::move(data), true);
}

std::span<std::byte> Tensor::mutable_bytes() {
  if (borrowed_ || data_.use_count() > 1) {
    const size_t bytes = byte_size();
    std::shared_ptr<std::byte[]> copy(new std::byte[bytes ? bytes : 1]);
    std::memcpy(copy.get(), data_.get(), bytes);
    data_ = std::move(copy);
    borrowed_ = false;
  }
  return {data_.get(), byte_size()};
}

Tensor Tensor::reshaped(Shape shape) const {
  assert(element_count(shape) == size_);
  Tensor out = *this;
  out.shape_ = std::move(shape);
  return out;
}

bool Tensor::identical(const Tensor& other) const {
  return dtype_ == other.dtype_ && shape_ == other.shape_ &&
         (byte_size() == 0 || std::memcmp(data_.get(), other.data_.get(), byte_size()) == 0);
}

Result<Tensor> cast(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() == dtype) return tensor;
  FETAFIX_TRY(Tensor out, Tensor::zeros(dtype, tensor.shape()));
  if (dtype == DType::float16 || dtype == DType::bfloat16) {
    FETAFIX_TRY(auto values, convert_all<float>(tensor));
    auto halves = reinterpret_cast<uint16_t*>(out.mutable_bytes().data());
    for (size_t i = 0; i < values.size(); ++i)
      halves[i] = dtype == DType::float16 ? float_to_half(values[i]) : float_to_bfloat16(values[i]);
    return out;
  }
  if (dtype == DType::boolean) {  // anything but zero, a half too
    FETAFIX_TRY(auto values, convert_all<double>(tensor));
    auto truths = out.mutable_bytes();
    for (size_t i = 0; i < values.size(); ++i) truths[i] = std::byte{values[i] != 0};
    return out;
  }
  Status status;
  visit_type(dtype, [&](auto* type) {
    using To = std::remove_pointer_t<decltype(type)>;
    auto values = convert_all<To>(tensor);
    if (!values.ok()) {
      status = values.error();
      return;
    }
    if (!values->empty()) std::memcpy(out.mutable_bytes().data(), values->data(), out.byte_size());
  });
  FETAFIX_CHECK(status);
  return out;
}

Result<std::vector<double>> to_doubles(const Tensor& tensor) {
  return convert_all<double>(tensor);
}
Result<std::vector<int64_t>> to_int64s(const Tensor& tensor) {
  return convert_all<int64_t>(tensor);
}

std::vector<int> inverse_permutation(std::span<const int> permutation) {
  std::vector<int> inverse(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i)
    inverse[static_cast<size_t>(permutation[i])] = static_cast<int>(i);
  return inverse;
}

namespace {

// An axis of the output: how many steps it has, and how far each goes in the input.
struct Axis {
  int64_t count, stride;
};

// The outermost first. Axes of one step are left out, and neighbors that are neighbors in the input too
// become one: what is left of OIHW from HWIO are three axes, for a kernel of one pixel two.
std::vector<Axis> axes_of(const Shape& out_shape, const std::vector<int64_t>& strides) {
  std::vector<Axis> axes;
  for (size_t k = 0; k < out_shape.size(); ++k) {
    if (out_shape[k] == 1) continue;
    if (!axes.empty() && axes.back().stride == out_shape[k] * strides[k])
      axes.back() = {axes.back().count * out_shape[k], strides[k]};
    else
      axes.push_back({out_shape[k], strides[k]});
  }
  return axes;
}

// The input goes on along the rows and the output along the columns: in blocks, so that what the cache has
// fetched of both is used before it is gone.
template <class T>
void transpose_block(const T* in, T* out, const Axis& row, int64_t out_row, const Axis& column) {
  constexpr int64_t side = 32;
  for (int64_t r0 = 0; r0 < row.count; r0 += side)
    for (int64_t c0 = 0; c0 < column.count; c0 += side) {
      const int64_t r1 = std::min(r0 + side, row.count), c1 = std::min(c0 + side, column.count);
      for (int64_t r = r0; r < r1; ++r)
        for (int64_t c = c0; c < c1; ++c) out[r * out_row + c] = in[r * row.stride + c * column.stride];
    }
}

template <class T>
void transpose_into(const T* in, T* out, std::vector<Axis> axes) {
  for (const Axis& axis : axes)
    if (axis.count == 0) return;
  while (axes.size() < 2) axes.insert(axes.begin(), Axis{1, 0});
  std::vector<int64_t> out_strides(axes.size(), 1);
  for (size_t k = axes.size(); k-- > 1;) out_strides[k - 1] = out_strides[k] * axes[k].count;
  // The output's last axis and the one along which the input goes on (or any other, where they are the same).
  const size_t column = axes.size() - 1;
  size_t row = 0;
  for (size_t k = 0; k < column; ++k)
    if (axes[k].stride == 1) row = k;
  std::vector<int64_t> index(axes.size(), 0);
  for (;;) {
    int64_t from = 0, to = 0;
    for (size_t k = 0; k < column; ++k) {
      from += index[k] * axes[k].stride;
      to += index[k] * out_strides[k];
    }
    transpose_block(in + from, out + to, axes[row], out_strides[row], axes[column]);
    size_t k = column;
    while (k-- > 0) {
      if (k == row) continue;
      if (++index[k] < axes[k].count) break;
      index[k] = 0;
    }
    if (k == static_cast<size_t>(-1)) return;
  }
}

}  // namespace

Tensor transpose(const Tensor& tensor, std::span<const int> permutation) {
  const size_t rank = permutation.size();
  assert(rank == tensor.shape().size());
  bool same = true;
  for (size_t i = 0; i < rank; ++i) same = same && permutation[i] == static_cast<int>(i);
  if (same) return tensor;
  std::vector<int64_t> in_strides(rank, 1);
  for (size_t i = rank; i-- > 1;) in_strides[i - 1] = in_strides[i] * tensor.shape()[i];
  Shape shape(rank);
  std::vector<int64_t> strides(rank);
  for (size_t i = 0; i < rank; ++i) {
    shape[i] = tensor.shape()[static_cast<size_t>(permutation[i])];
    strides[i] = in_strides[static_cast<size_t>(permutation[i])];
  }
  auto made = Tensor::zeros(tensor.dtype(), shape);
  assert(made.ok());
  Tensor out = std::move(made).value();
  const std::byte* in = tensor.bytes().data();
  std::byte* to = out.mutable_bytes().data();
  const std::vector<Axis> axes = axes_of(shape, strides);
  switch (element_size(tensor.dtype())) {
    case 1:
      transpose_into(in, to, axes);
      break;
    case 2:
      transpose_into(reinterpret_cast<const uint16_t*>(in), reinterpret_cast<uint16_t*>(to), axes);
      break;
    case 4:
      transpose_into(reinterpret_cast<const uint32_t*>(in), reinterpret_cast<uint32_t*>(to), axes);
      break;
    default:
      transpose_into(reinterpret_cast<const uint64_t*>(in), reinterpret_cast<uint64_t*>(to), axes);
      break;
  }
  return out;
}

std::string to_text(const Tensor& tensor, size_t limit) {
  std::string out = std::string(dtype_name(tensor.dtype())) + to_string(tensor.shape()) + " {";
  auto values = to_doubles(tensor);
  if (!values.ok()) return out + "}";
  std::vector<int64_t> integers;  // int64's limits are common as ends of slices: write them in full
  if (is_integer(tensor.dtype())) integers = *to_int64s(tensor);
  for (size_t i = 0; i < values->size() && i < limit; ++i) {
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", (*values)[i]);
    out += (i ? ", " : "") + (integers.empty() ? std::string(text) : std::to_string(integers[i]));
  }
  return out + (values->size() > limit ? ", ...}" : "}");
}

}  // namespace fetafix
