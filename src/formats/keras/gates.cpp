#include "formats/keras/gates.h"

#include <algorithm>

namespace fetafix::formats::keras {
namespace {

// For each of ONNX's gates the number of it in Keras.
std::vector<int> order_of(const std::string& class_name) {
  if (class_name == "LSTM") return {0, 3, 1, 2};  // input, output, forget, cell from i, f, c, o
  if (class_name == "GRU") return {0, 1, 2};      // update, reset, hidden
  if (class_name == "SimpleRNN") return {0};
  return {};
}

Error wrong(const Tensor& tensor) {
  return {ErrorKind::unsupported,
          "a recurrent weight of shape " + to_string(tensor.shape()) + " is not understood"};
}

// Rows of `units` elements each, taken in the given order.
Tensor reordered(const Tensor& gates, const std::vector<int>& order) {
  Tensor out = gates;
  const size_t block = gates.byte_size() / order.size();
  const auto from = gates.bytes();
  const auto to = out.mutable_bytes();
  for (size_t i = 0; i < order.size(); ++i)
    std::ranges::copy(from.subspan(block * static_cast<size_t>(order[i]), block),
                      to.subspan(block * i).begin());
  return out;
}

std::vector<int> inverse(const std::vector<int>& order) {
  return inverse_permutation(order);
}

}  // namespace

int gates_of(const std::string& class_name) {
  return static_cast<int>(order_of(class_name).size());
}

Result<Tensor> gates_to_view(const Tensor& stored, const std::string& class_name, Gated part) {
  const auto order = order_of(class_name);
  const auto gates = static_cast<int64_t>(order.size());
  if (gates == 0 || stored.rank() < 1 || stored.dtype() != DType::float32 || stored.size() == 0 ||
      stored.shape().back() % gates != 0)
    return wrong(stored);
  if (part != Gated::bias) {
    if (stored.rank() != 2) return wrong(stored);
    const Tensor turned = reordered(transpose(stored, std::vector<int>{1, 0}), order);
    return turned.reshaped({1, turned.shape()[0], turned.shape()[1]});
  }
  const int64_t width = stored.shape().back();
  const bool two = stored.rank() == 2 && stored.shape()[0] == 2;
  if (!two && stored.rank() != 1) return wrong(stored);
  FETAFIX_TRY(Tensor out, Tensor::zeros(DType::float32, {1, 2 * width}));
  for (int half = 0; half < (two ? 2 : 1); ++half) {
    const auto from =
        stored.as<float>().subspan(static_cast<size_t>(half * width), static_cast<size_t>(width));
    const Tensor one = reordered(Tensor::vector(std::vector<float>(from.begin(), from.end())), order);
    std::ranges::copy(one.as<float>(), out.mutable_as<float>().begin() + half * width);
  }
  return out;
}

Result<Tensor> gates_to_native(const Tensor& view, const Tensor& stored, const std::string& class_name,
                               Gated part) {
  FETAFIX_TRY(const Tensor expected, gates_to_view(stored, class_name, part));
  if (view.shape() != expected.shape() || view.dtype() != expected.dtype())
    return Error{ErrorKind::unsupported, "a recurrent weight of shape " + to_string(view.shape()) +
                                             ", expected " + to_string(expected.shape())};
  const auto order = inverse(order_of(class_name));
  if (part != Gated::bias)
    return transpose(reordered(view.reshaped({view.shape()[1], view.shape()[2]}), order),
                     std::vector<int>{1, 0});
  const auto width = static_cast<size_t>(stored.shape().back());
  const auto numbers = view.as<float>();
  std::vector<float> out;
  for (size_t half = 0; half < 2; ++half) {
    const auto from = numbers.subspan(half * width, width);
    const Tensor one = reordered(Tensor::vector(std::vector<float>(from.begin(), from.end())), order);
    out.insert(out.end(), one.as<float>().begin(), one.as<float>().end());
  }
  if (stored.rank() == 2) return Tensor::of(out, stored.shape());
  // Keras adds one bias, ONNX two: their sum is what counts.
  std::vector<float> sum(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(width));
  for (size_t i = 0; i < width; ++i) {
    if (class_name == "GRU" && out[width + i] != 0)
      return Error{ErrorKind::unsupported, "the layer has no second bias (reset_after is false)"};
    sum[i] += out[width + i];
  }
  return Tensor::of(sum, stored.shape());
}

}  // namespace fetafix::formats::keras
