// What slides over images: kernel, strides, dilations and pads of convolutions and pools, from TensorFlow's
// attributes.
#pragma once

#include "formats/tensorflow/lift.h"

namespace fetafix::formats::tensorflow {

// kernel_shape, strides, dilations (where they are not 1) and pads or auto_pad. Sizes are those of the
// spatial axes, in order; -1: not known. Error `unsupported`: attributes of another length, or ones that
// slide over batch or channels.
Result<Attributes> window_attributes(const Operation& op, const Shape& image, const Shape& kernel,
                                     const std::string& strides);
// The same of the convolution backwards, whose output has the size that its operand 0 says.
Result<Attributes> transpose_attributes(const Operation& op, const Shape& image, const Shape& kernel);

// The spatial part of an attribute with one number an axis ("strides", "ksize"); missing: all 1.
Result<std::vector<int64_t>> spatial(const Operation& op, const std::string& key, size_t axes);

}  // namespace fetafix::formats::tensorflow
