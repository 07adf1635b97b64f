// Instructions of a pickle that make tensors, as PyTorch's own pickler writes them but without its memo: of
// protocol 2, to be put into a pickle that there is.
#pragma once

#include <string>

#include "base/result.h"
#include "tensor/tensor.h"

namespace fetafix::formats::torch {

// A tensor in row-major order, alone in its storage.
struct PickledItem {
  std::string key;  // of the storage: the entry that holds it, in the folder of such
  DType dtype = DType::unknown;
  Shape sizes;
  bool is_parameter = false;
  bool requires_grad = false;
};

std::string pickled(const std::string& text);
// Error kind `unsupported`: no storage is of that type.
Result<std::string> pickled(const PickledItem& item);

}  // namespace fetafix::formats::torch
