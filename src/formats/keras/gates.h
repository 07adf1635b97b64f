// The order of gates in a recurrent layer's weights, in Keras and in ONNX. No permutation of axes says it, so
// these weights have functions in both directions.
#pragma once

#include "tensor/tensor.h"

namespace fetafix::formats::keras {

// What a weight of a recurrent layer is.
enum class Gated { kernel, recurrent_kernel, bias };

// Number of gates of an LSTM, GRU or SimpleRNN; 0: none of these.
int gates_of(const std::string& class_name);

// Keras' [inputs, gates * units] or bias [gates * units] (GRU with reset_after: [2, gates * units]) as ONNX's
// W, R [1, gates * units, inputs] or B [1, 2 * gates * units]. Error kind `unsupported`: other shapes.
Result<Tensor> gates_to_view(const Tensor& stored, const std::string& class_name, Gated part);
// The inverse; `stored` has the shape wanted. Error: B's second half is not zero where Keras has one bias.
Result<Tensor> gates_to_native(const Tensor& view, const Tensor& stored, const std::string& class_name,
                               Gated part);

}  // namespace fetafix::formats::keras
