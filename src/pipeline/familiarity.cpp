#include "pipeline/familiarity.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace fetafix::pipeline {
namespace {

using graph::NodeId;
using graph::ValueId;

constexpr size_t most_normalizations = 3;  // behind them every input looks more alike

struct Normalization {
  ValueId input;
  std::vector<float> mean, variance;
};

std::vector<float> constant_of(const graph::Graph& view, const graph::Node& node, size_t input) {
  if (input >= node.inputs.size() || node.inputs[input] == graph::no_value) return {};
  const auto values = cast(view.value(node.inputs[input]).constant, DType::float32);
  if (!values.ok()) return {};
  return {values->as<float>().begin(), values->as<float>().end()};
}

std::vector<Normalization> first_normalizations(const graph::Graph& view) {
  std::vector<Normalization> out;
  for (const graph::Node& node : view.nodes) {
    if (node.type != "BatchNormalization" || out.size() == most_normalizations) continue;
    Normalization one{node.inputs[0], constant_of(view, node, 3), constant_of(view, node, 4)};
    if (!one.mean.empty() && one.mean.size() == one.variance.size()) out.push_back(std::move(one));
  }
  return out;
}

// The operators that the values depend on, in order.
std::vector<NodeId> needed_for(const graph::Graph& view, const std::vector<ValueId>& wanted) {
  std::set<ValueId> values(wanted.begin(), wanted.end());
  std::vector<NodeId> out;
  for (auto id = static_cast<NodeId>(view.nodes.size()) - 1; id >= 0; --id) {
    const graph::Node& node = view.node(id);
    const bool is_needed =
        std::ranges::any_of(node.outputs, [&](ValueId made) { return values.contains(made); });
    if (!is_needed) continue;
    out.push_back(id);
    values.insert(node.inputs.begin(), node.inputs.end());
  }
  std::ranges::reverse(out);
  return out;
}

struct Moments {
  std::vector<double> sum, square;
  double count = 0;
};

// Of each channel: the second dimension.
void add(Moments& moments, const Tensor& tensor) {
  const size_t channels = moments.sum.size();
  if (tensor.rank() < 2 || tensor.dtype() != DType::float32 ||
      static_cast<size_t>(tensor.shape()[1]) != channels || tensor.size() == 0)
    return;
  const auto values = tensor.as<float>();
  const auto batch = static_cast<size_t>(tensor.shape()[0]);
  const size_t pixels = values.size() / channels / batch;
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t c = i / pixels % channels;
    moments.sum[c] += values[i];
    moments.square[c] += static_cast<double>(values[i]) * values[i];
  }
  moments.count += static_cast<double>(batch * pixels);
}

// The channels' mean distance: of means in deviations, of variances by their logarithm.
double distance(const Normalization& expected, const Moments& found) {
  double out = 0, channels = 0;
  for (size_t c = 0; c < expected.mean.size() && found.count > 0; ++c) {
    const double variance = expected.variance[c];
    if (variance <= 1e-6) continue;  // a channel that does nothing
    const double mean = found.sum[c] / found.count;
    const double spread = std::max(found.square[c] / found.count - mean * mean, 1e-12);
    out +=
        std::abs(mean - expected.mean[c]) / std::sqrt(variance) + std::abs(std::log(spread / variance)) / 2;
    ++channels;
  }
  return channels > 0 ? out / channels : 0;
}

}  // namespace

Result<std::optional<double>> unfamiliarity(evaluate::Evaluator& evaluator, const Side& side,
                                            const std::vector<std::vector<Tensor>>& inputs) {
  const graph::Graph& view = side.lifted.graph;
  const auto normalizations = first_normalizations(view);
  if (normalizations.empty()) return std::optional<double>();
  std::vector<ValueId> wanted;
  std::vector<Moments> moments;
  for (const Normalization& one : normalizations) {
    wanted.push_back(one.input);
    moments.push_back({std::vector<double>(one.mean.size()), std::vector<double>(one.mean.size())});
  }
  const auto nodes = needed_for(view, wanted);
  for (const auto& tensors : inputs) {
    FETAFIX_TRY(auto feeds, view_inputs(side, view, tensors));
    FETAFIX_TRY(const auto values, evaluator.run(view, nodes, feeds, wanted));
    for (size_t i = 0; i < values.size(); ++i) add(moments[i], values[i]);
  }
  double out = 0;
  for (size_t i = 0; i < moments.size(); ++i)
    out += distance(normalizations[i], moments[i]) / static_cast<double>(moments.size());
  return std::optional(out);
}

bool is_less_familiar(double a, double b) {
  return a > 1.25 * b + 0.02;
}

}  // namespace fetafix::pipeline
