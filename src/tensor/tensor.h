// A tensor is an element type, a shape and data in row-major order. Copies share the data; writing
// makes a private copy first, so a Tensor behaves like a value and costs like a pointer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fetafix {

enum class DType : uint8_t {
  unknown,
  float32,
  float64,
  float16,
  bfloat16,
  int8,
  uint8,
  int16,
  uint16,
  int32,
  uint32,
  int64,
  uint64,
  boolean,
  string,  // known, never held
};

// Bytes of one element; 0 for unknown and string.
size_t element_size(DType dtype);
// numpy's names: "float32", "bool", ...
std::string_view dtype_name(DType dtype);
DType dtype_from_name(std::string_view name);
bool is_floating(DType dtype);
bool is_integer(DType dtype);

// A dimension that is not known before running is -1.
using Shape = std::vector<int64_t>;

std::string to_string(const Shape& shape);
// Number of elements; nullopt when a dimension is negative or the product does not fit.
std::optional<int64_t> element_count(const Shape& shape);

template <class T>
inline constexpr DType dtype_of = DType::unknown;
template <>
inline constexpr DType dtype_of<float> = DType::float32;
template <>
inline constexpr DType dtype_of<double> = DType::float64;
template <>
inline constexpr DType dtype_of<int8_t> = DType::int8;
template <>
inline constexpr DType dtype_of<uint8_t> = DType::uint8;
template <>
inline constexpr DType dtype_of<int16_t> = DType::int16;
template <>
inline constexpr DType dtype_of<int32_t> = DType::int32;
template <>
inline constexpr DType dtype_of<int64_t> = DType::int64;
template <>
inline constexpr DType dtype_of<bool> = DType::boolean;

class Tensor {
 public:
  Tensor() = default;  // empty: dtype unknown

  // Zeros. Refuses dynamic or absurd shapes and types without a size.
  static Result<Tensor> zeros(DType dtype, Shape shape);
  // `bytes` must be exactly the shape's size; the message says both sizes otherwise.
  static Result<Tensor> from_bytes(DType dtype, Shape shape, std::span<const std::byte> bytes);
  // Points into memory that `owner` keeps alive (a file, a shared mapping).
  static Result<Tensor> view(DType dtype, Shape shape, std::span<const std::byte> bytes,
                             std::shared_ptr<const void> owner);
  // Programming convenience where the sizes are known to agree.
  template <class T>
  static Tensor of(const std::vector<T>& values, Shape shape);
  template <class T>
  static Tensor vector(const std::vector<T>& values) {
    return of(values, {static_cast<int64_t>(values.size())});
  }
  template <class T>
  static Tensor scalar(T value) {
    return of(std::vector<T>{value}, {});
  }

  bool empty() const { return dtype_ == DType::unknown; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int rank() const { return static_cast<int>(shape_.size()); }
  int64_t size() const { return size_; }
  std::span<const std::byte> bytes() const { return {data_.get(), byte_size()}; }
  size_t byte_size() const { return static_cast<size_t>(size_) * element_size(dtype_); }

  // T must be the tensor's own type (asserted).
  template <class T>
  std::span<const T> as() const;
  // Private copy first if the data is shared.
  template <class T>
  std::span<T> mutable_as();
  std::span<std::byte> mutable_bytes();

  // Same data, other shape of the same size (asserted).
  Tensor reshaped(Shape shape) const;

  // Same type, shape and bytes.
  bool identical(const Tensor& other) const;

 private:
  Tensor(DType dtype, Shape shape, int64_t size, std::shared_ptr<std::byte[]> data, bool borrowed)
      : dtype_(dtype), shape_(std::move(shape)), size_(size), data_(std::move(data)), borrowed_(borrowed) {}

  DType dtype_ = DType::unknown;
  Shape shape_;
  int64_t size_ = 0;
  std::shared_ptr<std::byte[]> data_;
  bool borrowed_ = false;  // memory that isn't ours to write
};

// Conversions between numeric types, as a C cast does; strings are refused.
Result<Tensor> cast(const Tensor& tensor, DType dtype);
// All elements as float64; floats, integers and booleans.
Result<std::vector<double>> to_doubles(const Tensor& tensor);
Result<std::vector<int64_t>> to_int64s(const Tensor& tensor);

// out[i0, i1, ...] = in[...] with out.shape[k] = in.shape[permutation[k]] (numpy.transpose).
Tensor transpose(const Tensor& tensor, std::span<const int> permutation);
std::vector<int> inverse_permutation(std::span<const int> permutation);

// "float32[2,3] {1, 2, 3, ...}" with at most `limit` elements, for messages and golden files.
std::string to_text(const Tensor& tensor, size_t limit = 8);

}  // namespace fetafix

#include "tensor/tensor_inline.h"
