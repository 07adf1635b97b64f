#include "tests/conformance/values.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <random>

namespace fetafix::conformance {
namespace {

Tensor filled(Tensor tensor, std::mt19937& random) {
  if (tensor.dtype() == DType::float32) {
    for (float& v : tensor.mutable_as<float>()) v = static_cast<float>(random()) / 2147483648.0f - 1.0f;
  } else if (element_size(tensor.dtype()) == 1 && tensor.dtype() != DType::boolean) {
    for (std::byte& b : tensor.mutable_bytes()) b = static_cast<std::byte>(random());
  } else {
    const size_t size = element_size(tensor.dtype());
    for (size_t i = 0; i < tensor.byte_size(); i += size)
      tensor.mutable_bytes()[i] = static_cast<std::byte>(random() % 2);  // the smallest byte: 0 or 1
  }
  return tensor;
}

Tensor moved(Tensor tensor, bool quantized) {
  std::mt19937 random(7);
  if (tensor.dtype() == DType::float32) {
    float most = 0;
    for (float v : tensor.as<float>()) most = std::max(most, std::fabs(v));
    const float half_step = most / 255;
    for (float& v : tensor.mutable_as<float>()) {
      const float sign = random() % 2 ? 1.0f : -1.0f;
      v = quantized ? v + sign * half_step : v * (1 + sign * 1.2e-7f);
    }
  } else if (tensor.dtype() == DType::int8) {  // by no step or one
    for (int8_t& v : tensor.mutable_as<int8_t>())
      v = static_cast<int8_t>(std::clamp(v + static_cast<int>(random() % 2), -128, 127));
  }
  return tensor;
}

double spread_of(const Tensor& a, const Tensor& b) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (a.shape() != b.shape()) return infinite;
  const auto left = to_doubles(a), right = to_doubles(b);
  if (!left.ok() || !right.ok()) return infinite;
  double most = 0, apart = 0;
  for (size_t i = 0; i < left->size(); ++i) {
    const double x = (*left)[i], y = (*right)[i];
    if (std::isnan(x) != std::isnan(y)) return infinite;
    if (std::isnan(x) || x == y) continue;
    most = std::max(most, std::fabs(x));
    apart = std::max(apart, std::fabs(x - y));
  }
  for (double x : *left)
    if (!std::isnan(x)) most = std::max(most, std::fabs(x));
  return apart == 0 ? 0 : most == 0 ? infinite : apart / most;
}

}  // namespace

Result<std::vector<Tensor>> noise_for(const graph::Graph& view, unsigned seed, int64_t batch) {
  std::mt19937 random(seed);
  std::vector<Tensor> out;
  for (graph::ValueId id : view.inputs) {
    const graph::Value& value = view.value(id);
    if (!value.shape) return Error{ErrorKind::unsupported, "an input of unknown rank"};
    Shape shape = *value.shape;
    for (size_t i = 0; i < shape.size(); ++i)
      if (shape[i] < 0) shape[i] = i == 0 ? batch : 1;
    FETAFIX_TRY(Tensor tensor, Tensor::zeros(value.dtype, shape));
    out.push_back(filled(std::move(tensor), random));
  }
  return out;
}

bool is_quantized(const graph::Graph& view) {
  return std::ranges::any_of(view.nodes, [](const graph::Node& n) { return n.type == "QuantizeLinear"; });
}

std::vector<Tensor> disturbed(const graph::Graph& view, const std::vector<Tensor>& inputs) {
  const bool quantized = is_quantized(view);
  std::vector<Tensor> out;
  for (const Tensor& tensor : inputs) out.push_back(moved(tensor, quantized));
  return out;
}

Result<std::vector<Tensor>> run_view(const graph::Graph& view, const std::vector<Tensor>& inputs,
                                     const std::vector<graph::ValueId>& wanted) {
  static auto evaluator = evaluate::make_evaluator({1});
  if (!evaluator.ok()) return evaluator.error();
  if (inputs.size() != view.inputs.size())
    return Error{ErrorKind::usage, "the view has " + std::to_string(view.inputs.size()) + " inputs"};
  evaluate::Feeds feeds;
  for (size_t i = 0; i < inputs.size(); ++i) feeds.emplace(view.inputs[i], inputs[i]);
  std::vector<graph::NodeId> nodes(view.nodes.size());
  std::iota(nodes.begin(), nodes.end(), 0);
  return (*evaluator)->run(view, nodes, feeds, wanted);
}

Result<std::vector<Tensor>> run_view(const graph::Graph& view, const std::vector<Tensor>& inputs) {
  return run_view(view, inputs, view.outputs);
}

double spread(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double out = 0;
  for (size_t i = 0; i < a.size(); ++i) out = std::max(out, spread_of(a[i], b[i]));
  return out;
}

bool identical(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  return std::ranges::equal(a, b, [](const Tensor& x, const Tensor& y) { return x.identical(y); });
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", value);
  return text;
}

}  // namespace fetafix::conformance
