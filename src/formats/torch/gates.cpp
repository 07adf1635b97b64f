#include "formats/torch/gates.h"

#include <algorithm>
#include <vector>

namespace fetafix::formats::torch {
namespace {

// For each of ONNX's gates, which one of PyTorch's it is: ONNX has i o f c and z r h, PyTorch i f g o and r z
// n.
std::vector<int64_t> order_of(const std::string& type) {
  if (type == "LSTM") return {0, 3, 1, 2};
  if (type == "GRU") return {1, 0, 2};
  return {0};
}

// Gate i of the result is gate order[i] of `from`.
Tensor sorted(const Tensor& from, const std::vector<int64_t>& order) {
  Tensor out = from;
  const size_t size = from.byte_size() / order.size();
  auto to = out.mutable_bytes();
  for (size_t i = 0; i < order.size(); ++i)
    std::copy_n(from.bytes().begin() + order[i] * static_cast<std::ptrdiff_t>(size), size,
                to.begin() + static_cast<std::ptrdiff_t>(i * size));
  return out;
}

}  // namespace

std::string recurrent_type(const std::string& target) {
  if (target.starts_with("aten.lstm.")) return "LSTM";
  if (target.starts_with("aten.gru.")) return "GRU";
  if (target.starts_with("aten.rnn_tanh.") || target.starts_with("aten.rnn_relu.")) return "RNN";
  return {};
}

Result<Tensor> gates_to_view(const Tensor& stored, const std::string& type) {
  const auto order = order_of(type);
  if (stored.rank() < 1 || stored.rank() > 2 || stored.shape()[0] % static_cast<int64_t>(order.size()) != 0)
    return Error{ErrorKind::unsupported, "a recurrent weight of shape " + to_string(stored.shape())};
  Shape shape = stored.shape();
  shape.insert(shape.begin(), 1);
  return sorted(stored, order).reshaped(shape);
}

Result<Tensor> gates_to_native(const Tensor& view, const std::string& type) {
  const auto order = order_of(type);
  if (view.rank() < 2 || view.shape()[0] != 1 || view.shape()[1] % static_cast<int64_t>(order.size()) != 0)
    return Error{ErrorKind::unsupported, "a recurrent weight of shape " + to_string(view.shape())};
  std::vector<int64_t> back(order.size());
  for (size_t i = 0; i < order.size(); ++i) back[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  return sorted(view, back).reshaped(Shape(view.shape().begin() + 1, view.shape().end()));
}

}  // namespace fetafix::formats::torch
