// Where an ONNX model keeps tensors outside of its file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include "onnx_wire/convert.h"

namespace fetafix::formats::onnx {

// Of every tensor: initializers, attributes, and those of nested graphs and functions.
std::set<std::string> external_locations(const onnx_wire::Model& model);

// Counts what is read of external files. Tensors may share bytes, as tied weights do, but a small model that
// reads a file again and again would fill the memory.
class ExternalBudget {
 public:
  ExternalBudget(const onnx_wire::Model& model, const std::filesystem::path& folder);
  // False when the tensor is one too many.
  bool take(const onnx_wire::Tensor& wire, size_t bytes);

 private:
  uint64_t left_;
};

}  // namespace fetafix::formats::onnx
