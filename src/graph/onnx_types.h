// ONNX's numbers of element types (TensorProto.DataType), as Cast's `to` and other attributes hold them.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace fetafix::graph {

// 0: ONNX has no number for it.
int64_t onnx_type(DType dtype);
// What we don't hold (complex, float8, 4-bit) is DType::unknown.
DType dtype_of_onnx_type(int64_t type);

}  // namespace fetafix::graph
