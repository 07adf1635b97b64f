// Every rule of upgrade.cpp: the lifted view computes in opset 21 what ONNX Runtime computes from the old
// file.
#include "formats/onnx/testing/models.h"

namespace fetafix::formats::onnx {
namespace {

using namespace testing;
using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;

struct Old {
  const char* name;
  int opset;
  const char* type;
  graph::Attributes attributes;
  Shape shape;
  Names more_inputs;  // initializers
  std::vector<Tensor> initializers;
  size_t outputs = 1;
};

void PrintTo(const Old& old, std::ostream* out) {
  *out << old.name;
}

ModelBuilder model_of(const Old& old) {
  ModelBuilder builder(old.opset, old.opset < 9 ? 3 : 8);
  builder.input("x", old.shape);
  Names inputs{"x"}, outputs;
  for (size_t i = 0; i < old.initializers.size(); ++i) {
    if (old.opset < 9)
      builder.input(old.more_inputs[i], old.initializers[i].shape(), old.initializers[i].dtype());
    builder.weights(old.more_inputs[i], old.initializers[i]);
    inputs.push_back(old.more_inputs[i]);
  }
  for (size_t i = 0; i < old.outputs; ++i) outputs.push_back("y" + std::to_string(i));
  builder.node(old.type, inputs, outputs, old.attributes);
  for (const std::string& name : outputs) builder.output(name);
  return builder;
}

class Upgrade : public ::testing::TestWithParam<Old> {};

TEST_P(Upgrade, ComputesTheSame) {
  const std::string bytes = model_of(GetParam()).bytes();
  const std::vector<channel::NamedTensor> inputs{{"x", noise(GetParam().shape, 5)}};
  const auto expected = run_file(bytes, inputs);
  ASSERT_TRUE(expected.ok()) << expected.error().message;
  auto model = read_bytes(bytes);
  ASSERT_TRUE(model.ok()) << model.error().message;
  auto lifted = (*model)->lift();
  ASSERT_TRUE(lifted.ok()) << lifted.error().message;
  EXPECT_TRUE(lifted->notes.empty());
  const auto actual = run_view(lifted->graph, inputs);
  ASSERT_TRUE(actual.ok()) << actual.error().message << "\n" << graph::to_text(lifted->graph);
  expect_near(*expected, *actual);
}

const Shape image{2, 3, 4, 6};
const Tensor four = noise({3}, 2);
const std::string text_nearest = "nearest", text_linear = "linear";

std::vector<Old> olds() {
  std::vector<Old> out{
      {"clip", 10, "Clip", {{"min", -0.25f}, {"max", 0.5f}}, image, {}, {}},
      {"clip_one_bound", 7, "Clip", {{"max", 0.1f}}, image, {}, {}},
      {"clip_no_bound", 10, "Clip", {}, image, {}, {}},
      {"pad", 10, "Pad", {{"pads", Ints{0, 0, 1, 2, 0, 0, 3, 0}}, {"value", -7.0f}}, image, {}, {}},
      {"pad_reflect",
       7,
       "Pad",
       {{"pads", Ints{0, 0, 1, 2, 0, 0, 3, 0}}, {"mode", std::string("reflect")}},
       image,
       {},
       {}},
      {"slice",
       9,
       "Slice",
       {{"starts", Ints{1, -3}}, {"ends", Ints{3, 2147483647}}, {"axes", Ints{2, 3}}},
       image,
       {},
       {}},
      {"slice_without_axes", 7, "Slice", {{"starts", Ints{1, 1}}, {"ends", Ints{2, -1}}}, image, {}, {}},
      {"squeeze", 12, "Squeeze", {{"axes", Ints{0, 2}}}, {1, 3, 1, 2}, {}, {}},
      {"squeeze_all", 11, "Squeeze", {}, {1, 3, 1, 2}, {}, {}},
      {"unsqueeze", 12, "Unsqueeze", {{"axes", Ints{0, 3}}}, {3, 2}, {}, {}},
      {"reduce_sum", 12, "ReduceSum", {{"axes", Ints{1, -1}}, {"keepdims", int64_t{0}}}, image, {}, {}},
      {"reduce_all", 12, "ReduceSum", {}, image, {}, {}},
      {"split", 12, "Split", {{"split", Ints{1, 2}}, {"axis", int64_t{1}}}, image, {}, {}, 2},
      {"split_equally", 11, "Split", {{"axis", int64_t{2}}}, image, {}, {}, 2},
      {"split_equally_13", 13, "Split", {{"axis", int64_t{3}}}, image, {}, {}, 3},
      {"split_operand",
       13,
       "Split",
       {{"axis", int64_t{1}}},
       image,
       {"parts"},
       {Tensor::vector(Ints{2, 1})},
       2},
      {"dropout", 11, "Dropout", {{"ratio", 0.3f}}, image, {}, {}},
      {"batch_normalization",
       9,
       "BatchNormalization",
       {{"epsilon", 0.01f}},
       image,
       {"s", "b", "m", "v"},
       {four, four, four, Tensor::vector(Floats{1, 2, 0.5f})}},
      {"batch_normalization_spatial",
       7,
       "BatchNormalization",
       {{"spatial", int64_t{1}}},
       image,
       {"s", "b", "m", "v"},
       {four, four, four, Tensor::vector(Floats{1, 2, 0.5f})}},
      {"upsample_attribute",
       7,
       "Upsample",
       {{"scales", Floats{1, 1, 2, 3}}, {"mode", text_nearest}},
       image,
       {},
       {}},
      {"upsample_nearest",
       9,
       "Upsample",
       {{"mode", text_nearest}},
       image,
       {"k"},
       {Tensor::vector(Floats{1, 1, 2, 1.5f})}},
      {"upsample_linear",
       9,
       "Upsample",
       {{"mode", text_linear}},
       image,
       {"k"},
       {Tensor::vector(Floats{1, 1, 2, 2})}},
      {"resize_up",
       10,
       "Resize",
       {{"mode", text_nearest}},
       image,
       {"k"},
       {Tensor::vector(Floats{1, 1, 2, 1.5f})}},
      {"resize_linear",
       10,
       "Resize",
       {{"mode", text_linear}},
       image,
       {"k"},
       {Tensor::vector(Floats{1, 1, 0.5f, 2})}},
      {"resize_down",
       10,
       "Resize",
       {{"mode", text_nearest}},
       image,
       {"k"},
       {Tensor::vector(Floats{1, 1, 0.6f, 0.6f})}},
  };
  for (const char* type : {"ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
                           "ReduceLogSumExp", "ReduceSumSquare"})
    out.push_back({type, 17, type, {{"axes", Ints{2, 3}}}, image, {}, {}});
  for (const char* type : {"Softmax", "LogSoftmax", "Hardmax"})
    for (int64_t axis : {-1, 0, 1, 2, 3}) out.push_back({type, 11, type, {{"axis", axis}}, image, {}, {}});
  out.push_back({"softmax_default", 7, "Softmax", {}, image, {}, {}});
  out.push_back({"softmax_of_13", 13, "Softmax", {}, image, {}, {}});
  return out;
}

INSTANTIATE_TEST_SUITE_P(Rules, Upgrade, ::testing::ValuesIn(olds()), [](const auto& test) {
  return std::string(test.param.name) + "_" + std::to_string(test.index);
});

// What outputs or types the table above can't say.
void expect_same(const ModelBuilder& builder, const std::vector<channel::NamedTensor>& inputs) {
  const auto expected = run_file(builder.bytes(), inputs);
  ASSERT_TRUE(expected.ok()) << expected.error().message;
  auto lifted = (*read_bytes(builder.bytes()))->lift();
  ASSERT_TRUE(lifted.ok()) << lifted.error().message;
  const auto actual = run_view(lifted->graph, inputs);
  ASSERT_TRUE(actual.ok()) << actual.error().message << "\n" << graph::to_text(lifted->graph);
  expect_near(*expected, *actual);
}

TEST(UpgradeTypes, TopK) {
  ModelBuilder builder(9);
  builder.input("x", {2, 5})
      .node("TopK", {"x"}, {"y", "i"}, {{"k", int64_t{2}}})
      .output("y")
      .output("i", DType::int64);
  expect_same(builder, {{"x", noise({2, 5})}});
}

TEST(UpgradeTypes, Scatter) {
  ModelBuilder builder(9);
  builder.input("x", {3, 2}).weights("i", Tensor::of(Ints{2, 0}, {1, 2})).weights("u", noise({1, 2}, 8));
  builder.node("Scatter", {"x", "i", "u"}, {"y"}, {{"axis", int64_t{0}}}).output("y");
  expect_same(builder, {{"x", noise({3, 2})}});
}

TEST(UpgradeTypes, WhatHasNoExactEquivalentIsOpaque) {
  ModelBuilder builder(10);
  builder.input("x", {1, 1, 4, 4}).weights("k", Tensor::vector(Floats{1, 1, 2, 0.5f}));
  builder.node("Resize", {"x", "k"}, {"y"}, {{"mode", text_nearest}}).output("y");
  auto lifted = (*read_bytes(builder.bytes()))->lift();
  ASSERT_TRUE(lifted.ok());
  EXPECT_TRUE(lifted->graph.node(0).opaque);
  EXPECT_EQ(lifted->notes.size(), 1u);
}

TEST(UpgradeTypes, NumbersThatAnyoneCanCheck) {
  ModelBuilder builder(10);
  builder.input("x", {3}).node("Clip", {"x"}, {"y"}, {{"min", 0.0f}, {"max", 6.0f}}).output("y");
  auto lifted = (*read_bytes(builder.bytes()))->lift();
  auto y = run_view(lifted->graph, {{"x", Tensor::vector(Floats{-1, 3, 9})}});
  ASSERT_TRUE(y.ok()) << y.error().message;
  EXPECT_EQ(to_text((*y)[0]), "float32[3] {0, 3, 6}");
}

}  // namespace
}  // namespace fetafix::formats::onnx
