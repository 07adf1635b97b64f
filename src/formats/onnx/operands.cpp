#include "formats/onnx/operands.h"

#include <map>

namespace fetafix::formats::onnx {

int fewest_operands(const std::string& type) {
  static const std::map<std::string, int> table{{"Add", 2},
                                                {"Sub", 2},
                                                {"Mul", 2},
                                                {"Div", 2},
                                                {"Pow", 2},
                                                {"PRelu", 2},
                                                {"Mod", 2},
                                                {"And", 2},
                                                {"Or", 2},
                                                {"Xor", 2},
                                                {"Equal", 2},
                                                {"Greater", 2},
                                                {"Less", 2},
                                                {"GreaterOrEqual", 2},
                                                {"LessOrEqual", 2},
                                                {"MatMul", 2},
                                                {"Gemm", 2},
                                                {"Conv", 2},
                                                {"ConvTranspose", 2},
                                                {"ConvInteger", 2},
                                                {"Reshape", 2},
                                                {"Expand", 2},
                                                {"Tile", 2},
                                                {"Gather", 2},
                                                {"GatherND", 2},
                                                {"GatherElements", 2},
                                                {"LayerNormalization", 2},
                                                {"QuantizeLinear", 2},
                                                {"DequantizeLinear", 2},
                                                {"Where", 3},
                                                {"LSTM", 3},
                                                {"GRU", 3},
                                                {"RNN", 3},
                                                {"InstanceNormalization", 3},
                                                {"GroupNormalization", 3},
                                                {"ScatterND", 3},
                                                {"ScatterElements", 3},
                                                {"BatchNormalization", 5}};
  const auto found = table.find(type);
  return found == table.end() ? 0 : found->second;
}

}  // namespace fetafix::formats::onnx
