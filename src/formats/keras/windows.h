// What convolutions and pools slide over an image, said by layers and by TensorFlow's functions.
#pragma once

#include "formats/keras/lift.h"

namespace fetafix::formats::keras {

// One number for each spatial axis.
struct Geometry {
  std::vector<int64_t> kernel, strides, dilations;
  size_t axes() const { return kernel.size(); }
};

// kernel_shape, strides, dilations and the pads that `padding` ("same", "valid", "causal") means for `x`,
// which has channels second.
Result<Attributes> window_attributes(const Operation& op, const Operand& x, const Geometry& geometry,
                                     const std::string& padding);

// OIHW of a kernel whose last two axes are inputs and outputs, or else outputs and inputs.
std::vector<int> kernel_order(size_t axes, bool outputs_last);

}  // namespace fetafix::formats::keras
