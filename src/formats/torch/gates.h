// The order of gates in recurrent layers' weights, in PyTorch and in ONNX. No permutation of axes says it, so
// these weights have functions in both directions.
#pragma once

#include "tensor/tensor.h"

namespace fetafix::formats::torch {

// "LSTM", "GRU" or "RNN" of ONNX, by the operator; empty: none of these.
std::string recurrent_type(const std::string& target);

// PyTorch's weight [gates * hidden, inputs] or bias [gates * hidden] as ONNX's, with an axis of one direction
// in front. Error kind `unsupported`: other shapes.
Result<Tensor> gates_to_view(const Tensor& stored, const std::string& type);
// The inverse.
Result<Tensor> gates_to_native(const Tensor& view, const std::string& type);

}  // namespace fetafix::formats::torch
