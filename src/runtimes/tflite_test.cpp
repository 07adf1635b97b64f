#include <gtest/gtest.h>

#include "base/files.h"
#include "channel/locate.h"
#include "runtimes/runtime.h"
#include "runtimes/testing/tflite_bytes.h"

namespace fetafix::runtimes {
namespace {

namespace t = fetafix::runtimes::testing;

// z = x + y, [?, 3]
std::string adder() {
  return t::tflite_file({0}, {t::subgraph({{.name = "x", .shape = {1, 3}, .signature = {-1, 3}},
                                           {.name = "y", .shape = {1, 3}, .signature = {-1, 3}},
                                           {.name = "z", .shape = {1, 3}, .signature = {-1, 3}}},
                                          {0, 1}, {2}, {t::operation(0, {0, 1}, {2}, 11, t::table({}))})});
}

// z = x + x in int8, scale 0.5, zero point -1; z in scale 1.
std::string quantized_adder() {
  return t::tflite_file({0},
                        {t::subgraph({{.name = "x", .shape = {4}, .type = 9, .scale = 0.5f, .zero_point = -1},
                                      {.name = "z", .shape = {4}, .type = 9, .scale = 1.0f, .zero_point = 3}},
                                     {0}, {1}, {t::operation(0, {0, 0}, {1}, 11, t::table({}))})});
}

// h' = x w + h r + b with the state h in a variable tensor.
std::string stateful_rnn() {
  return t::tflite_file({35},
                        {t::subgraph({{.name = "x", .shape = {1, 1, 1}},
                                      {.name = "w", .shape = {1, 1}, .buffer = 1},
                                      {.name = "r", .shape = {1, 1}, .buffer = 1},
                                      {.name = "b", .shape = {1}, .buffer = 2},
                                      {.name = "h", .shape = {1, 1}, .variable = true},
                                      {.name = "z", .shape = {1, 1, 1}}},
                                     {0}, {5}, {t::operation(0, {0, 1, 2, 3, 4}, {5}, 31, t::table({}))})},
                        {{1.0f}, {0.5f}});
}

// v = v + x, starting at 10, with v in a resource that CALL_ONCE fills.
std::string stateful_resource() {
  const t::Flat handle = t::table({{0, t::text("")}, {1, t::text("v")}});
  const t::TensorSketch resource{.name = "handle", .shape = {1}, .type = 13};
  const t::Flat start =
      t::subgraph({resource, {.name = "ten", .shape = {1}, .buffer = 1}}, {}, {},
                  {t::operation(1, {}, {0}, 111, handle), t::operation(4, {0, 1}, {}, 113, t::table({}))});
  const t::Flat body = t::subgraph(
      {{.name = "x", .shape = {1}}, resource, {.name = "v", .shape = {1}}, {.name = "z", .shape = {1}}}, {0},
      {3},
      {t::operation(0, {}, {}, 103, t::table({{0, 1}})), t::operation(1, {}, {1}, 111, handle),
       t::operation(2, {1}, {2}, 112, t::table({})), t::operation(3, {2, 0}, {3}, 11, t::table({})),
       t::operation(4, {1, 3}, {}, 113, t::table({}))});
  return t::tflite_file({129, 142, 143, 0, 144}, {body, start}, {{10.0f}});
}

struct Way {
  const char* runtime;
  const char* kernels;
};

std::ostream& operator<<(std::ostream& out, const Way& way) {
  return out << way.runtime << " " << way.kernels;
}

class TfliteRuntimes : public ::testing::TestWithParam<Way> {
 protected:
  TfliteRuntimes() : folder(TemporaryFolder::make().value()) {}

  Result<std::unique_ptr<Session>> load(const std::string& content) {
    path = folder.path() / "model.tflite";
    EXPECT_TRUE(write_file(path, content).ok());
    LoadOptions options;
    options.locations.python = channel::pinned_python();
    options.options["tflite.kernels"] = GetParam().kernels;
    return (*find_runtime(GetParam().runtime))->load(path, options);
  }

  TemporaryFolder folder;
  std::filesystem::path path;
};

#define ASSERT_OK(result) ASSERT_TRUE((result).ok()) << (result).error().message

TEST_P(TfliteRuntimes, DescribesAndRunsEveryShape) {
  auto session = load(adder());
  ASSERT_OK(session);
  ASSERT_EQ((*session)->inputs().size(), 2u);
  EXPECT_EQ((*session)->inputs()[0].shape, (Shape{-1, 3}));
  EXPECT_EQ((*session)->outputs().at(0).name, "z");
  for (int64_t rows : {1, 4, 2, 1}) {
    const Tensor x = Tensor::of<float>(std::vector<float>(static_cast<size_t>(rows) * 3, 1.5f), {rows, 3});
    auto result = (*session)->run(std::vector<Tensor>{x, x});
    ASSERT_OK(result);
    EXPECT_EQ(result->at(0).shape(), (Shape{rows, 3}));
    for (float v : result->at(0).as<float>()) EXPECT_EQ(v, 3.0f);
  }
}

TEST_P(TfliteRuntimes, RunsQuantizedModels) {
  auto session = load(quantized_adder());
  ASSERT_OK(session);
  EXPECT_EQ((*session)->inputs()[0].dtype, DType::int8);
  EXPECT_EQ((*session)->inputs()[0].scale, 0.5);
  EXPECT_EQ((*session)->inputs()[0].zero_point, -1);
  auto result = (*session)->run(std::vector<Tensor>{Tensor::vector<int8_t>({-1, 1, 3, -5})});
  ASSERT_OK(result);
  EXPECT_TRUE(result->at(0).identical(Tensor::vector<int8_t>({3, 5, 7, -1}))) << to_text(result->at(0));
}

TEST_P(TfliteRuntimes, ForgetsVariablesBetweenRuns) {
  auto session = load(stateful_rnn());
  ASSERT_OK(session);
  for (int i = 0; i < 3; ++i) {
    auto result = (*session)->run(std::vector<Tensor>{Tensor::of<float>({2}, {1, 1, 1})});
    ASSERT_OK(result);
    EXPECT_EQ(result->at(0).as<float>()[0], 2.5f);
  }
}

TEST_P(TfliteRuntimes, ForgetsResourcesBetweenRuns) {
  auto session = load(stateful_resource());
  ASSERT_OK(session);
  for (int i = 0; i < 3; ++i) {
    auto result = (*session)->run(std::vector<Tensor>{Tensor::vector<float>({2})});
    ASSERT_OK(result);
    EXPECT_EQ(result->at(0).as<float>()[0], 12.0f);
  }
}

TEST_P(TfliteRuntimes, ReportsRefusalsAndGoesOn) {
  EXPECT_EQ(load("nonsense").error().kind, ErrorKind::runtime_failed);
  EXPECT_FALSE(load(adder().substr(0, 200)).ok());
  auto session = load(adder());
  ASSERT_OK(session);
  const Tensor good = Tensor::of<float>({1, 2, 3}, {1, 3});
  const Tensor wrong_type = *Tensor::zeros(DType::int32, {1, 3});
  const Tensor wrong_shape = *Tensor::zeros(DType::float32, {2, 2});
  EXPECT_FALSE((*session)->run(std::vector<Tensor>{good, wrong_type}).ok());
  EXPECT_FALSE((*session)->run(std::vector<Tensor>{good, wrong_shape}).ok());
  auto result = (*session)->run(std::vector<Tensor>{good, good});
  ASSERT_OK(result);
  EXPECT_EQ(result->at(0).as<float>()[2], 6.0f);
}

INSTANTIATE_TEST_SUITE_P(EveryWay, TfliteRuntimes,
                         ::testing::Values(Way{"tflite", "xnnpack"}, Way{"tflite", "builtin"},
                                           Way{"tflite", "reference"}, Way{"litert", "xnnpack"},
                                           Way{"litert", "builtin"}, Way{"litert", "reference"}));

}  // namespace
}  // namespace fetafix::runtimes
