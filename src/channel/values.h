// What workers take and give, for those who need not read the protocol (and the JSON library with it).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tensor/tensor.h"

namespace fetafix::channel {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// An input or output of a loaded model.
struct ValueSpec {
  std::string name;
  DType dtype = DType::unknown;  // unknown: no tensor, or of a type that has no place here
  std::optional<Shape> shape;    // -1: dynamic; nullopt: not even the rank is known
  double scale = 0;              // of per-tensor quantization; 0: none
  int64_t zero_point = 0;
};

}  // namespace fetafix::channel
