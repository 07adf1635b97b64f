#include "data/arrays.h"

#include <array>
#include <cmath>

namespace fetafix::data {
namespace {

// A row against what the input wants; the batch is 1 or repeated.
bool fits(const Shape& row, const Shape& wanted) {
  if (row.size() != wanted.size()) return false;
  for (size_t i = 0; i < row.size(); ++i)
    if (wanted[i] >= 0 && wanted[i] != row[i]) return false;
  return true;
}

Shape permuted(const Shape& shape, const std::vector<int>& permutation) {
  Shape out;
  for (int axis : permutation) out.push_back(shape[static_cast<size_t>(axis)]);
  return out;
}

bool is_channel_count(int64_t d) {
  return d == 1 || d == 3 || d == 4;
}

// A shape whose channels are where the input has them dynamic would fit in both layouts: then nothing is
// turned.
bool turns_layout(const Shape& row, const Shape& wanted, const std::vector<int>& permutation) {
  if (row.size() != permutation.size() || !fits(permuted(row, permutation), wanted)) return false;
  const bool to_nchw = permutation[1] == 3;
  return is_channel_count(wanted[to_nchw ? 1 : 3]) || is_channel_count(row[to_nchw ? 3 : 1]);
}

Result<Tensor> slice_row(const Tensor& array, size_t row, bool keeps_batch) {
  Shape shape = array.shape();
  const size_t bytes = array.byte_size() / static_cast<size_t>(shape[0]);
  if (keeps_batch)
    shape[0] = 1;
  else
    shape.erase(shape.begin());
  return Tensor::from_bytes(array.dtype(), shape, array.bytes().subspan(row * bytes, bytes));
}

// A change of type that keeps the values; float to a narrower float may round.
Result<Tensor> cast_checked(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() == dtype) return tensor;
  FETAFIX_TRY(Tensor out, cast(tensor, dtype));
  if (is_floating(dtype)) return out;
  FETAFIX_TRY(auto before, to_doubles(tensor));
  FETAFIX_TRY(auto after, to_doubles(out));
  for (size_t i = 0; i < before.size(); ++i)
    if (before[i] != after[i])
      return Error{ErrorKind::usage,
                   "the value " + std::to_string(before[i]) + " is not a " + std::string(dtype_name(dtype))};
  return out;
}

Result<Tensor> repeated(const Tensor& tensor, int64_t batch) {
  if (batch <= 1) return tensor;
  Shape shape = tensor.shape();
  shape[0] = batch;
  FETAFIX_TRY(Tensor out, Tensor::zeros(tensor.dtype(), shape));
  auto to = out.mutable_bytes();
  for (size_t at = 0; at < to.size(); at += tensor.byte_size())
    std::copy(tensor.bytes().begin(), tensor.bytes().end(), to.begin() + static_cast<std::ptrdiff_t>(at));
  return out;
}

// Float to integer of values like 300 or NaN is undefined in C: look before.
Status check_range(const Tensor& tensor, DType dtype) {
  if (is_floating(dtype) || dtype == tensor.dtype()) return {};
  const int bits = static_cast<int>(element_size(dtype)) * 8;
  const bool is_signed =
      dtype == DType::int8 || dtype == DType::int16 || dtype == DType::int32 || dtype == DType::int64;
  const double top = dtype == DType::boolean ? 2 : std::ldexp(1.0, bits - (is_signed ? 1 : 0));
  FETAFIX_TRY(auto values, to_doubles(tensor));
  for (double value : values)
    if (!(value < top && value >= (is_signed ? -top : 0.0)))
      return Error{ErrorKind::usage,
                   "the value " + std::to_string(value) + " is not a " + std::string(dtype_name(dtype))};
  return {};
}

std::string array_name(const NamedTensor& array) {
  return "array '" + array.name + "' " + std::string(dtype_name(array.tensor.dtype())) +
         to_string(array.tensor.shape());
}

Shape with_batch_of_one(Shape shape) {
  if (!shape.empty()) shape[0] = 1;
  return shape;
}

}  // namespace

Result<ArrayFit> fit_array(const NamedTensor& array, const InputSpec& input) {
  ArrayFit fit;
  const std::string names = array_name(array) + " for input '" + input.name + "' " +
                            std::string(dtype_name(input.dtype)) + to_string(input.shape);
  const Shape kept = with_batch_of_one(array.tensor.shape());
  const Shape dropped(array.tensor.shape().begin() + 1, array.tensor.shape().end());
  if (array.tensor.dtype() != input.dtype)
    fit.assumptions.push_back(names + ": values are converted to " + std::string(dtype_name(input.dtype)));
  if (fits(kept, with_batch_of_one(input.shape))) {
    if (!input.shape.empty() && input.shape[0] > 1)
      fit.assumptions.push_back(names + ": each sample is repeated to fill the batch");
    return fit;
  }
  if (fits(dropped, input.shape)) {
    fit.keeps_batch = false;
    return fit;
  }
  for (const auto& permutation : {std::vector<int>{0, 3, 1, 2}, std::vector<int>{0, 2, 3, 1}}) {
    if (!turns_layout(kept, with_batch_of_one(input.shape), permutation)) continue;
    fit.permutation = permutation;
    fit.assumptions.push_back(names + ": turned to " + (permutation[1] == 3 ? "NCHW" : "NHWC"));
    return fit;
  }
  return Error{ErrorKind::usage,
               names + ": the shapes don't fit; the first dimension of an array counts samples"};
}

Result<Tensor> fitted_row(const Tensor& array, size_t row, const ArrayFit& fit, const InputSpec& input) {
  FETAFIX_TRY(Tensor tensor, slice_row(array, row, fit.keeps_batch));
  FETAFIX_CHECK(check_range(tensor, input.dtype));
  FETAFIX_TRY(tensor, cast_checked(tensor, input.dtype));
  if (!fit.permutation.empty()) tensor = transpose(tensor, fit.permutation);
  return fit.keeps_batch && !input.shape.empty() ? repeated(tensor, input.shape[0]) : tensor;
}

}  // namespace fetafix::data
