#include "data/derive.h"
#include "pipeline/pair.h"

namespace fetafix::pipeline {
namespace {

Tensor disturbed(Tensor tensor) {
  if (tensor.dtype() != DType::float32) return tensor;
  size_t k = 0;
  for (float& v : tensor.mutable_as<float>()) v *= (k++ * 2654435761u >> 16) & 1 ? 1 + 1.2e-7f : 1 - 1.2e-7f;
  return tensor;
}

// Far beyond what samples hold: bounds that they do not reach are reached. The same in any layout.
Tensor amplified(Tensor tensor) {
  constexpr float factor = 3;
  if (tensor.dtype() == DType::float32)
    for (float& v : tensor.mutable_as<float>()) v *= factor;
  return tensor;
}

}  // namespace

std::vector<Tensor> derived(const std::vector<Tensor>& tensors, Derivation how) {
  std::vector<Tensor> out;
  for (const Tensor& tensor : tensors) {
    if (how == Derivation::disturbed) {
      out.push_back(disturbed(tensor));
      continue;
    }
    if (how == Derivation::amplified) {
      out.push_back(amplified(tensor));
      continue;
    }
    const bool last = tensor.rank() == 4 && tensor.shape()[3] <= 4;
    const auto layout = last ? data::Layout::nhwc : data::Layout::nchw;
    auto made = how == Derivation::mirrored ? data::flip_horizontal(tensor, layout)
                                            : data::scatter(tensor, layout, 1);
    out.push_back(made.ok() ? std::move(made).value() : tensor);
  }
  return out;
}

}  // namespace fetafix::pipeline
