#include <algorithm>

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

Tensor rearranged(const Tensor& tensor, bool mirror) {
  const bool last = tensor.rank() == 4 && tensor.shape()[3] <= 4;
  const auto layout = last ? data::Layout::nhwc : data::Layout::nchw;
  auto made = mirror ? data::flip_horizontal(tensor, layout) : data::scatter(tensor, layout, 1);
  return made.ok() ? std::move(made).value() : tensor;
}

// Along the first dimension, where that is one.
Tensor doubled(const Tensor& tensor) {
  if (tensor.rank() == 0 || tensor.shape()[0] != 1) return tensor;
  Shape shape = tensor.shape();
  shape[0] = 2;
  auto out = Tensor::zeros(tensor.dtype(), shape);
  if (!out.ok()) return tensor;
  const Tensor second = rearranged(tensor, true);
  const auto bytes = out->mutable_bytes();
  std::ranges::copy(tensor.bytes(), bytes.begin());
  std::ranges::copy(second.bytes(), bytes.begin() + static_cast<std::ptrdiff_t>(tensor.byte_size()));
  return std::move(out).value();
}

Tensor derived(const Tensor& tensor, Derivation how) {
  switch (how) {
    case Derivation::disturbed:
      return disturbed(tensor);
    case Derivation::amplified:
      return amplified(tensor);
    case Derivation::doubled:
      return doubled(tensor);
    case Derivation::mirrored:
    case Derivation::scattered:
      return rearranged(tensor, how == Derivation::mirrored);
    case Derivation::none:
      break;
  }
  return tensor;
}

}  // namespace

std::vector<Tensor> derived(const std::vector<Tensor>& tensors, Derivation how) {
  std::vector<Tensor> out;
  for (const Tensor& tensor : tensors) out.push_back(derived(tensor, how));
  return out;
}

}  // namespace fetafix::pipeline
