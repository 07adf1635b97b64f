// Real numbers written where a model stores float16 or quantized integers.
#include "graph/edit_stored.h"

#include <gtest/gtest.h>

namespace fetafix::graph {
namespace {

// DequantizeLinear of a constant with its scale and zero point, and a Conv with a bias in steps; all of one
// operator, as TFLite files lift, or of operators of their own, as ONNX files do.
struct Quantized {
  Graph graph;
  NodeId weights = -1, bias = -1, conv = -1;
  bool onnx;

  explicit Quantized(bool as_onnx, std::vector<float> scales = {0.5f, 0.25f}) : onnx(as_onnx) {
    const auto channels = Shape{static_cast<int64_t>(scales.size())};
    const Shape shape = scales.size() > 1 ? channels : Shape{};
    Value x;
    x.dtype = DType::float32;
    graph.inputs = {graph.add_value(x)};
    const Tensor data = Tensor::of(std::vector<int8_t>{1, 2, 3, 4}, {2, 2, 1, 1});
    const Tensor zeros = *cast(Tensor::of(std::vector<int64_t>(scales.size()), shape), DType::int8);
    weights = dequantize(data, Tensor::of(scales, shape), zeros, onnx ? Role::core : Role::constant, 1, 0);
    std::vector<float> steps;
    for (float s : scales) steps.push_back(s * 0.125f);
    bias = dequantize(Tensor::vector(std::vector<int32_t>{100, -200}), Tensor::of(steps, shape), {},
                      onnx ? Role::core : Role::bias, 2, 0);
    Node node;
    node.type = "Conv";
    node.native.index = onnx ? 2 : 0;
    node.inputs = {graph.inputs[0], made(weights), made(bias)};
    node.slots = onnx ? std::vector<int>{0, 1, 2} : std::vector<int>{0, -1, -1};
    Value y;
    node.outputs = {graph.add_value(y)};
    graph.outputs = node.outputs;
    conv = graph.add_node(std::move(node));
  }

  NodeId dequantize(const Tensor& data, const Tensor& scale, const Tensor& zero, Role role, int slot,
                    int64_t axis) {
    Node node;
    node.type = "DequantizeLinear";
    node.role = role;
    node.native.index = onnx ? slot - 1 : 0;
    node.attributes["axis"] = axis;
    node.inputs = {graph.add_constant("data", data), graph.add_constant("scale", scale)};
    node.slots = onnx ? std::vector<int>{0, 1} : std::vector<int>{slot, slot == 1 ? 1001 : -1};
    if (!zero.empty()) {
      node.inputs.push_back(graph.add_constant("zero", zero));
      node.slots.push_back(onnx ? 2 : 2001);
    }
    Value out;
    out.dtype = DType::float32;
    node.outputs = {graph.add_value(out)};
    return graph.add_node(std::move(node));
  }

  ValueId made(NodeId id) const { return graph.node(id).outputs[0]; }
  const Tensor& constant(NodeId id, size_t input) const {
    return graph.value(graph.node(id).inputs[input]).constant;
  }
  // What the node puts out, in real numbers; the channel is the first axis.
  std::vector<double> real(NodeId id) const {
    auto values = *to_doubles(constant(id, 0));
    const auto scale = *to_doubles(constant(id, 1));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] *= scale[scale.size() == 1 ? 0 : i / (values.size() / scale.size())];
    return values;
  }
  Status set(int slot, const std::vector<float>& values, const Shape& shape) {
    return fetafix::graph::apply(graph,
                                 Edit(SetTensor{address_of(graph, conv), slot, Tensor::of(values, shape)}));
  }
};

const Shape kernel{2, 2, 1, 1};

bool refused(const Status& status, const std::string& why) {
  return !status.ok() && status.error().message.find(why) != std::string::npos;
}

TEST(StoredForm, ValuesThatFitKeepTheScale) {
  for (bool onnx : {false, true}) {
    Quantized q(onnx);
    ASSERT_TRUE(q.set(1, {-0.5f, 63.5f, 0.3f, -31.75f}, kernel).ok());
    EXPECT_EQ(q.real(q.weights), (std::vector<double>{-0.5, 63.5, 0.25, -31.75}));
    EXPECT_TRUE(q.constant(q.weights, 1).identical(Tensor::vector(std::vector<float>{0.5f, 0.25f})));
    EXPECT_TRUE(q.constant(q.bias, 0).identical(Tensor::vector(std::vector<int32_t>{100, -200})));
  }
}

TEST(StoredForm, AChannelThatDoesNotFitGetsAScaleAndItsBiasFollows) {
  for (bool onnx : {false, true}) {
    Quantized q(onnx);
    const auto bias = q.real(q.bias);
    ASSERT_TRUE(q.set(1, {127, -254, 1, 2}, kernel).ok());
    EXPECT_EQ(q.real(q.weights), (std::vector<double>{128, -254, 1, 2}));
    EXPECT_TRUE(q.constant(q.weights, 1).identical(Tensor::vector(std::vector<float>{2, 0.25f})));
    EXPECT_TRUE(q.constant(q.bias, 0).identical(Tensor::vector(std::vector<int32_t>{25, -200})));
    EXPECT_TRUE(q.constant(q.bias, 1).identical(Tensor::vector(std::vector<float>{0.25f, 0.03125f})));
    EXPECT_EQ(q.real(q.bias), bias);
  }
}

TEST(StoredForm, OneScaleForTheTensor) {
  Quantized q(false, {0.5f});
  ASSERT_TRUE(q.set(1, {1, 2, 3, 127}, kernel).ok());
  EXPECT_EQ(q.real(q.weights), (std::vector<double>{1, 2, 3, 127}));
  EXPECT_TRUE(q.constant(q.weights, 1).identical(Tensor::scalar(1.0f)));
  EXPECT_TRUE(q.constant(q.bias, 0).identical(Tensor::vector(std::vector<int32_t>{50, -100})));
}

TEST(StoredForm, ABiasCountsInItsSteps) {
  for (bool onnx : {false, true}) {
    Quantized q(onnx);
    ASSERT_TRUE(q.set(2, {1, 2.01f}, {2}).ok());
    EXPECT_TRUE(q.constant(q.bias, 0).identical(Tensor::vector(std::vector<int32_t>{16, 64})));
  }
  Quantized q(false);
  EXPECT_TRUE(refused(q.set(2, {1e9f, 0}, {2}), "does not fit int32"));
}

TEST(StoredForm, StoredIntegersAreTakenAsTheyAre) {
  for (bool onnx : {false, true}) {
    Quantized q(onnx);
    const Tensor stored = Tensor::of(std::vector<int8_t>{-128, 7, 8, 9}, kernel);
    ASSERT_TRUE(graph::apply(q.graph, Edit(SetTensor{address_of(q.graph, q.conv), 1, stored})).ok());
    EXPECT_TRUE(q.constant(q.weights, 0).identical(stored));
  }
}

TEST(StoredForm, UnsignedWithAZeroPoint) {
  Quantized q(false, {0.5f});
  q.graph.value(q.graph.node(q.weights).inputs[0]).constant =
      *cast(Tensor::of(std::vector<int32_t>{1, 2, 3, 4}, kernel), DType::uint8);
  q.graph.value(q.graph.node(q.weights).inputs[0]).dtype = DType::uint8;
  q.graph.value(q.graph.node(q.weights).inputs[2]).constant =
      *cast(Tensor::scalar<int32_t>(100), DType::uint8);
  ASSERT_TRUE(q.set(1, {-50, 0, 1, 77.5f}, kernel).ok());
  EXPECT_EQ(*to_int64s(q.constant(q.weights, 0)), (std::vector<int64_t>{0, 100, 102, 255}));
  ASSERT_TRUE(q.set(1, {-51, 0, 0, 204}, kernel).ok());
  EXPECT_TRUE(q.constant(q.weights, 1).identical(Tensor::scalar(1.0f)));
  EXPECT_EQ(*to_int64s(q.constant(q.weights, 2)), (std::vector<int64_t>{51}));
  EXPECT_EQ(*to_int64s(q.constant(q.weights, 0)), (std::vector<int64_t>{0, 51, 51, 255}));
}

TEST(StoredForm, AnUnpackedConstantThatOthersReadIsRefused) {
  Quantized q(true);
  Node twin = q.graph.node(q.conv);
  twin.native.index = 3;
  twin.outputs = {q.graph.add_value({})};
  q.graph.add_node(std::move(twin));
  EXPECT_TRUE(refused(q.set(1, {1, 2, 3, 4}, kernel), "computed"));
}

TEST(StoredForm, Float16IsRoundedAndNotOverflown) {
  Graph graph;
  Value x;
  graph.inputs = {graph.add_value(x)};
  Node node;
  node.type = "Add";
  node.native.index = 0;
  node.inputs = {graph.inputs[0],
                 graph.add_constant("c", *cast(Tensor::vector(std::vector<float>{1}), DType::float16))};
  node.slots = {0, 1};
  node.outputs = {graph.add_value({})};
  graph.outputs = node.outputs;
  graph.add_node(std::move(node));
  const auto set = [&](float value) {
    SetTensor edit;
    edit.at = address_of(graph, 0);
    edit.slot = 1;
    edit.value = Tensor::vector(std::vector<float>{value});
    return fetafix::graph::apply(graph, Edit(edit));
  };
  ASSERT_TRUE(set(0.1f).ok());
  const Tensor& now = graph.value(graph.node(0).inputs[1]).constant;
  EXPECT_EQ(now.dtype(), DType::float16);
  EXPECT_NEAR((*to_doubles(now))[0], 0.1, 1e-4);
  EXPECT_TRUE(refused(set(1e6f), "does not fit float16"));
}

}  // namespace
}  // namespace fetafix::graph
