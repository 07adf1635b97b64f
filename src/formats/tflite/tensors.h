// Native tensor data as Tensors of the view, and back.
#pragma once

#include "formats/tflite/lift.h"
#include "graph/lens.h"

namespace fetafix::formats::tflite {

using graph::to_native;
using graph::to_view;

// What a tensor lifts to: 4-bit integers are held as bytes.
DType view_dtype(schema::TensorType type);

// Scales of a quantized tensor; nullopt: it is not quantized. Details that we can't express (blockwise) make
// the tensor unreadable instead.
std::optional<Quantization> quantization_of(const schema::Tensor& tensor);

// Why a constant can't be read although the file is well formed ("sparse", "blockwise quantized", ...);
// empty: it can.
std::string unreadable(const schema::Tensor& tensor);

// The data of a constant tensor, shared with the file where no unpacking is needed.
Result<Tensor> read_constant(const File& file, const schema::Tensor& tensor);

// Same values in another type; an error where a value does not fit (rounding to float16 is no error).
Result<Tensor> convert_exactly(const Tensor& tensor, DType dtype);

}  // namespace fetafix::formats::tflite
