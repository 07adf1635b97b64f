// The files of testdata (tests/zoo/make_torch_views.py says what they are), run by PyTorch, and their views,
// evaluated.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

#include "evaluate/evaluator.h"
#include "formats/format.h"
#include "formats/torch/torch.h"
#include "runtimes/runtime.h"

namespace fetafix::formats::torch::testing {

namespace fs = std::filesystem;
using graph::ValueId;

inline fs::path testdata(const std::string& name) {
  return fs::path(FETAFIX_TORCH_TESTDATA) / name;
}

// Of the runtime's tests: dicts of inputs, TorchScript, weights alone, ...
inline fs::path programs(const std::string& name) {
  return fs::path(FETAFIX_TORCH_PROGRAMS) / name;
}

// A new path for a file that a test writes.
inline fs::path scratch(const std::string& name) {
  static const TemporaryFolder folder = std::move(TemporaryFolder::make()).value();
  static int count = 0;
  const fs::path own = folder.path() / std::to_string(count++);
  fs::create_directory(own);
  return own / name;
}

inline std::unique_ptr<NativeModel> read(const fs::path& path) {
  auto model = torch_format().read(path);
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
  return model.ok() ? std::move(*model) : nullptr;
}

inline Lifted lifted(const NativeModel& model) {
  auto out = model.lift();
  EXPECT_TRUE(out.ok()) << (out.ok() ? "" : out.error().message);
  return out.ok() ? std::move(*out) : Lifted{};
}

// Noise, for whole numbers 0 to 2.
inline std::vector<Tensor> inputs_of(const graph::Graph& view, int64_t batch = 2) {
  std::mt19937 random(1);
  std::vector<Tensor> out;
  for (ValueId id : view.inputs) {
    const graph::Value& value = view.value(id);
    Shape shape = value.shape.value_or(Shape{});
    for (int64_t& size : shape) size = size < 0 ? batch : size;
    std::vector<float> values(static_cast<size_t>(element_count(shape).value_or(0)));
    const bool real = is_floating(value.dtype);
    const uint32_t most = value.dtype == DType::boolean ? 2 : 3;
    for (float& v : values)
      v = real ? static_cast<float>(random() % 4096) / 2048.f - 1.f : static_cast<float>(random() % most);
    out.push_back(cast(Tensor::of(values, shape), value.dtype).value());
  }
  return out;
}

// In PyTorch; one worker takes one file after another.
inline Result<std::vector<Tensor>> run_natively(const fs::path& path, const std::vector<Tensor>& inputs) {
  static const auto idle = runtimes::idle_workers();
  FETAFIX_TRY(const runtimes::Runtime* runtime, runtimes::find_runtime("torch"));
  runtimes::LoadOptions options;
  options.locations = runtimes::own_locations();
  options.idle = idle;
  FETAFIX_TRY(const auto session, runtime->load(path, options));
  return session->run(inputs);
}

inline Result<std::vector<Tensor>> run_view(const graph::Graph& view, const std::vector<Tensor>& inputs,
                                            const std::vector<ValueId>& wanted) {
  static auto evaluator = evaluate::make_evaluator({1, nullptr});
  if (!evaluator.ok()) return evaluator.error();
  evaluate::Feeds feeds;
  for (size_t i = 0; i < inputs.size(); ++i) feeds.emplace(view.inputs[i], inputs[i]);
  std::vector<graph::NodeId> nodes;
  for (size_t id = 0; id < view.nodes.size(); ++id)
    if (!view.nodes[id].opaque) nodes.push_back(static_cast<graph::NodeId>(id));
  return (*evaluator)->run(view, nodes, feeds, wanted);
}

// How far two tensors lie apart, in parts of the largest number; of other shapes or types: endlessly.
inline double apart(const Tensor& expected, const Tensor& actual) {
  if (expected.shape() != actual.shape() || expected.dtype() != actual.dtype()) return HUGE_VAL;
  const auto e = to_doubles(expected), a = to_doubles(actual);
  if (!e.ok() || !a.ok()) return HUGE_VAL;
  double most = 0, size = 1;
  for (size_t i = 0; i < e->size(); ++i) {
    if (std::isnan((*e)[i]) != std::isnan((*a)[i])) return HUGE_VAL;
    if (!std::isnan((*e)[i]) && (*e)[i] != (*a)[i]) most = std::max(most, std::abs((*e)[i] - (*a)[i]));
    if (std::isfinite((*e)[i])) size = std::max(size, std::abs((*e)[i]));
  }
  return most / size;
}

inline void expect_same(const Result<std::vector<Tensor>>& expected,
                        const Result<std::vector<Tensor>>& actual,
                        const std::vector<std::string>& names = {}) {
  ASSERT_TRUE(expected.ok()) << expected.error().message;
  ASSERT_TRUE(actual.ok()) << actual.error().message;
  ASSERT_EQ(expected->size(), actual->size());
  for (size_t i = 0; i < expected->size(); ++i)
    EXPECT_LT(apart((*expected)[i], (*actual)[i]), 1e-5)
        << (i < names.size() ? names[i] : "output " + std::to_string(i)) << "\n  expected "
        << to_text((*expected)[i], 12) << "\n  actual   " << to_text((*actual)[i], 12);
}

}  // namespace fetafix::formats::torch::testing
