// What a model wants at one input, as far as samples need to know. (data/ knows no models: the pipeline fills
// it in.)
#pragma once

#include <string>

#include "tensor/tensor.h"

namespace fetafix::data {

struct InputSpec {
  std::string name;
  DType dtype = DType::float32;
  Shape shape;  // -1 where it is dynamic
  // A quantized input: real = scale * (stored - zero point); scale 0 when it is not quantized.
  double quantization_scale = 0;
  int64_t zero_point = 0;
  // How its file says that pixel values become its numbers: (x - mean) / std. Empty: it does not say.
  std::vector<double> stated_mean = {}, stated_std = {};
};

}  // namespace fetafix::data
