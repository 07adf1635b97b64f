// Template bodies of tensor.h.
#pragma once

#include <cassert>
#include <cstring>

#include "tensor/tensor.h"

namespace fetafix {

template <class T>
Tensor Tensor::of(const std::vector<T>& values, Shape shape) {
  auto made = zeros(dtype_of<T>, std::move(shape));
  assert(made.ok() && made->size() == static_cast<int64_t>(values.size()));
  Tensor tensor = std::move(made).value();
  auto out = tensor.mutable_bytes();
  for (size_t i = 0; i < values.size(); ++i) {
    T value = values[i];  // vector<bool> has no contiguous storage
    std::memcpy(out.data() + i * sizeof(T), &value, sizeof(T));
  }
  return tensor;
}

template <class T>
std::span<const T> Tensor::as() const {
  assert(sizeof(T) == element_size(dtype_) && (dtype_of<T> == dtype_ || dtype_of<T> == DType::unknown));
  return {reinterpret_cast<const T*>(data_.get()), static_cast<size_t>(size_)};
}

template <class T>
std::span<T> Tensor::mutable_as() {
  auto bytes = mutable_bytes();
  return {reinterpret_cast<T*>(bytes.data()), static_cast<size_t>(size_)};
}

}  // namespace fetafix
