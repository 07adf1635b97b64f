#include "graph/onnx_types.h"

#include <array>
#include <utility>

namespace fetafix::graph {
namespace {

// TensorProto.DataType of the onnx specification.
constexpr std::array<std::pair<DType, int64_t>, 14> types{{{DType::float32, 1},
                                                           {DType::uint8, 2},
                                                           {DType::int8, 3},
                                                           {DType::uint16, 4},
                                                           {DType::int16, 5},
                                                           {DType::int32, 6},
                                                           {DType::int64, 7},
                                                           {DType::string, 8},
                                                           {DType::boolean, 9},
                                                           {DType::float16, 10},
                                                           {DType::float64, 11},
                                                           {DType::uint32, 12},
                                                           {DType::uint64, 13},
                                                           {DType::bfloat16, 16}}};

}  // namespace

int64_t onnx_type(DType dtype) {
  for (const auto& [known, type] : types)
    if (known == dtype) return type;
  return 0;
}

DType dtype_of_onnx_type(int64_t type) {
  for (const auto& [dtype, known] : types)
    if (known == type) return dtype;
  return DType::unknown;
}

}  // namespace fetafix::graph
