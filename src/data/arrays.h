// Private to data/: one sample of an array, made fit for one input.
#pragma once

#include "data/input_spec.h"
#include "data/npy.h"

namespace fetafix::data {

// What it takes to make a row of `array` fit; found once, then applied to each row.
struct ArrayFit {
  bool keeps_batch = true;       // the row stays [1, ...]; else the first dimension goes
  std::vector<int> permutation;  // empty: none
  std::vector<std::string> assumptions;
};

// Error kind `usage`: the shapes or types can't be brought together; says both.
Result<ArrayFit> fit_array(const NamedTensor& array, const InputSpec& input);

// The row in the input's shape and type. Error: a value that the type does not hold.
Result<Tensor> fitted_row(const Tensor& array, size_t row, const ArrayFit& fit, const InputSpec& input);

}  // namespace fetafix::data
