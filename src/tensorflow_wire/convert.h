// Between TensorFlow's wire messages and our tensors, shapes and types.
#pragma once

#include <string_view>

#include "tensor/tensor.h"
#include "tensorflow.pb.h"

namespace fetafix::tensorflow_wire {

// DataType of tensorflow/core/framework/types.proto; what we don't hold (complex, quantized, resource,
// variant) is DType::unknown / 0. A reference type (TF 1's variables: 100 more) is the type that it refers
// to.
DType dtype_from_code(int code);
int code_from_dtype(DType dtype);
inline constexpr int resource_code = 20;

// nullopt: not even the rank is known; -1: that dimension is not.
std::optional<fetafix::Shape> read_shape(const TensorShape& wire);
void write_shape(const fetafix::Shape& shape, TensorShape& wire);

// The elements, from raw bytes or the typed field; fewer of those than the shape holds: the last repeats.
// Errors: sizes that don't agree (`file`), types that we don't hold (`unsupported`).
Result<fetafix::Tensor> read_tensor(const Tensor& wire);
// Type, shape and raw bytes.
void write_tensor(const fetafix::Tensor& tensor, Tensor& wire);

// Null: the node does not have it.
const Attribute* find_attribute(const Node& node, std::string_view key);
Attribute& attribute_of(Node& node, std::string_view key);  // added at the end where it is not there

}  // namespace fetafix::tensorflow_wire
