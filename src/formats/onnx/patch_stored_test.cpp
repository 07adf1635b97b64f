// Edits where the file stores something else than the view's float32 of the newest operator set: shared,
// quantized and float16 constants, older operator sets, nested graphs.
#include "formats/onnx/testing/patches.h"

namespace fetafix::formats::onnx {
namespace {

using namespace testing;

Tensor as(const Tensor& tensor, DType dtype) {
  return *cast(tensor, dtype);
}

// Conv in QDQ form: 0 and 1 quantize the input, 2 unpacks the weights, 3 the bias, 4 Conv.
ModelBuilder quantized(bool per_channel) {
  ModelBuilder builder(17);
  const auto scales = [&](float a, float b) {
    return per_channel ? Tensor::vector(std::vector<float>{a, b}) : Tensor::scalar(a);
  };
  builder.input("x", {1, 1, 4, 4});
  builder.weights("xs", Tensor::scalar(1 / 64.0f)).weights("xz", as(Tensor::scalar<int32_t>(0), DType::int8));
  builder.weights(
      "w", as(Tensor::of(std::vector<int32_t>{1, -2, 3, -4, 5, -6, 7, -8}, {2, 1, 2, 2}), DType::int8));
  builder.weights("ws", scales(0.125f, 0.25f));
  builder.weights("b", Tensor::vector(std::vector<int32_t>{64, -640}));
  builder.weights("bs", scales(0.125f / 64, 0.25f / 64));
  builder.node("QuantizeLinear", {"x", "xs", "xz"}, {"xq"})
      .node("DequantizeLinear", {"xq", "xs", "xz"}, {"xd"});
  builder.node("DequantizeLinear", {"w", "ws"}, {"wd"}, {{"axis", int64_t{0}}});
  builder.node("DequantizeLinear", {"b", "bs"}, {"bd"}, {{"axis", int64_t{0}}});
  builder.node("Conv", {"xd", "wd", "bd"}, {"y"}).output("y");
  return builder;
}

const Tensor& initializer(const graph::Graph& view, const std::string& name) {
  for (const auto& value : view.values)
    if (value.name == name) return value.constant;
  static const Tensor none;
  return none;
}

graph::Graph patched_view(const ModelBuilder& builder, const std::vector<Edit>& edits, const Shape& shape) {
  return (*read_bytes(expect_agreement(builder, edits, shape)))->lift()->graph;
}

TEST(OnnxPatchStored, WeightsOfQuantizedConvolutions) {
  for (bool per_channel : {false, true}) {
    const Tensor fits = Tensor::of(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}, {2, 1, 2, 2});
    const auto view = patched_view(quantized(per_channel), {graph::SetTensor{at(4), 1, fits}}, {1, 1, 4, 4});
    EXPECT_EQ(*to_int64s(initializer(view, "w")),
              per_channel ? (std::vector<int64_t>{8, 16, 24, 32, 20, 24, 28, 32})
                          : (std::vector<int64_t>{8, 16, 24, 32, 40, 48, 56, 64}));
    EXPECT_EQ(initializer(view, "ws").as<float>()[0], 0.125f);
  }
}

TEST(OnnxPatchStored, WeightsThatDoNotFitTakeScaleAndBiasAlong) {
  const Tensor large = Tensor::of(std::vector<float>{127, 1, 1, -1, 5, 6, 7, 8}, {2, 1, 2, 2});
  const auto view = patched_view(quantized(true), {graph::SetTensor{at(4), 1, large}}, {1, 1, 4, 4});
  EXPECT_TRUE(initializer(view, "ws").identical(Tensor::vector(std::vector<float>{1, 0.25f})));
  EXPECT_TRUE(initializer(view, "bs").identical(Tensor::vector(std::vector<float>{1 / 64.0f, 0.25f / 64})));
  EXPECT_EQ(*to_int64s(initializer(view, "b")), (std::vector<int64_t>{8, -640}));
  // Bias and weights in one group: the bias counts in the new steps.
  const std::vector<Edit> both{graph::SetTensor{at(4), 1, large},
                               graph::SetTensor{at(4), 2, Tensor::vector(std::vector<float>{1, 2})}};
  EXPECT_EQ(*to_int64s(initializer(patched_view(quantized(true), both, {1, 1, 4, 4}), "b")),
            (std::vector<int64_t>{64, 512}));
}

TEST(OnnxPatchStored, WeightsAndBiasOfQLinearConv) {
  ModelBuilder builder(17);
  const auto zero = [](DType dtype) { return as(Tensor::scalar<int32_t>(0), dtype); };
  builder.input("x", {1, 1, 4, 4});
  builder.weights("xs", Tensor::scalar(1 / 64.0f)).weights("z", zero(DType::int8));
  builder.weights(
      "w", as(Tensor::of(std::vector<int32_t>{1, -2, 3, -4, 5, -6, 7, -8}, {2, 1, 2, 2}), DType::int8));
  builder.weights("ws", Tensor::vector(std::vector<float>{0.125f, 0.25f}))
      .weights("ys", Tensor::scalar(1.0f));
  builder.weights("wz", as(Tensor::vector(std::vector<int32_t>{0, 0}), DType::int8));
  builder.weights("b", Tensor::vector(std::vector<int32_t>{64, -640}));
  builder.node("QuantizeLinear", {"x", "xs", "z"}, {"xq"});
  builder.node("QLinearConv", {"xq", "xs", "z", "w", "ws", "wz", "ys", "z", "b"}, {"yq"});
  builder.node("DequantizeLinear", {"yq", "ys", "z"}, {"y"}).output("y");
  const Tensor large = Tensor::of(std::vector<float>{127, 1, 1, -1, 5, 6, 7, 8}, {2, 1, 2, 2});
  const auto view = patched_view(builder, {graph::SetTensor{at(1), 3, large}}, {1, 1, 4, 4});
  EXPECT_TRUE(initializer(view, "ws").identical(Tensor::vector(std::vector<float>{1, 0.25f})));
  EXPECT_EQ(*to_int64s(initializer(view, "b")), (std::vector<int64_t>{8, -640}));
  const auto biased = patched_view(
      builder, {graph::SetTensor{at(1), 8, Tensor::vector(std::vector<float>{1, 2})}}, {1, 1, 4, 4});
  EXPECT_EQ(*to_int64s(initializer(biased, "b")), (std::vector<int64_t>{512, 512}));
}

TEST(OnnxPatchStored, RealNumbersAreNotWrittenIntoOtherIntegers) {
  ModelBuilder builder(17);
  builder.input("x", {2, 3}).weights("shape", Tensor::vector(std::vector<int64_t>{3, 2}));
  builder.node("Reshape", {"x", "shape"}, {"y"}).output("y");
  EXPECT_NE(refusal(builder, {graph::SetTensor{at(0), 1, Tensor::vector(std::vector<float>{2, 3})}})
                .find("holds int64"),
            std::string::npos);
}

TEST(OnnxPatchStored, Float16Initializers) {
  ModelBuilder builder(17);
  builder.input("x", {2, 3}).node("Cast", {"x"}, {"h"}, {{"to", int64_t{10}}});
  builder.weights("w", as(noise({3, 3}), DType::float16)).node("MatMul", {"h", "w"}, {"a"});
  builder.node("Cast", {"a"}, {"y"}, {{"to", int64_t{1}}}).output("y");
  const auto model = parsed(expect_agreement(builder, {graph::SetTensor{at(1), 1, noise({3, 3}, 5)}}));
  EXPECT_EQ(model.graph().initializer(0).data_type(), 10);
  EXPECT_NE(refusal(builder, {graph::SetTensor{at(1), 1, Tensor::of(std::vector<float>(9, 1e6f), {3, 3})}})
                .find("does not fit float16"),
            std::string::npos);
}

TEST(OnnxPatchStored, ConstantsOfAnInsertedNodeHaveTheTypeOfTheEdge) {
  ModelBuilder builder(17);
  builder.input("x", {2, 3}, DType::float16).node("Relu", {"x"}, {"a"}).node("Abs", {"a"}, {"y"});
  builder.output("y", DType::float16);
  builder.value(*builder.model.mutable_graph()->add_value_info(), "a", Shape{2, 3}, DType::float16);
  auto add = insert(out_of(0), "Add");
  add.operands = {std::nullopt, noise({3})};
  auto patched = (*read_bytes(builder.bytes()))->patched({"onnx", "", {{{add}, ""}}});
  const std::string bytes = bytes_of(**patched);
  EXPECT_EQ(parsed(bytes).graph().initializer(0).data_type(), 10);
  auto run = run_file(bytes, {{"x", as(noise({2, 3}), DType::float16)}});
  EXPECT_TRUE(run.ok()) << run.error().message;
}

// 0 MatMul w, 1 Relu, 2 MatMul w.
ModelBuilder sharing() {
  ModelBuilder builder(17);
  builder.input("x", {2, 3}).weights("w", noise({3, 3}, 4)).node("MatMul", {"x", "w"}, {"a"});
  builder.node("Relu", {"a"}, {"b"}).node("MatMul", {"b", "w"}, {"y"}).output("y");
  return builder;
}

TEST(OnnxPatchStored, TheSameChangeOfAllUsesNeedsNoCopy) {
  const Tensor one = noise({3, 3}, 5), other = noise({3, 3}, 6);
  const auto count = [&](const std::vector<Edit>& edits) {
    return parsed(expect_agreement(sharing(), edits)).graph().initializer_size();
  };
  EXPECT_EQ(count({graph::SetTensor{at(0), 1, one}, graph::SetTensor{at(2), 1, one}}), 1);
  EXPECT_EQ(count({graph::SetTensor{at(0), 1, one}}), 2);
  // Two different changes: the first takes a copy, the last use is alone then.
  EXPECT_EQ(count({graph::SetTensor{at(0), 1, one}, graph::SetTensor{at(2), 1, other}}), 2);
}

TEST(OnnxPatchStored, ConstantNodesToo) {
  ModelBuilder builder(17);
  builder.input("x", {2, 3}).node("Constant", {}, {"k"}, {{"value", Tensor::scalar(2.0f)}});
  builder.node("Mul", {"x", "k"}, {"a"}).node("Add", {"a", "k"}, {"y"}).output("y");
  const graph::SetTensor first{at(1), 1, Tensor::scalar(3.0f)}, second{at(2), 1, Tensor::scalar(3.0f)};
  EXPECT_EQ(parsed(expect_agreement(builder, {first, second})).graph().initializer_size(), 0);
  EXPECT_EQ(parsed(expect_agreement(builder, {first})).graph().initializer_size(), 1);
}

TEST(OnnxPatchStored, NodesInAnyOrder) {
  auto builder = sharing();
  auto& nodes = *builder.model.mutable_graph()->mutable_node();
  nodes.SwapElements(0, 2);  // now 2 computes a, 1 b, 0 y
  const std::vector<Edit> edits{graph::SetTensor{at(2), 1, noise({3, 3}, 5)}, graph::RemoveNode{at(1), 0}};
  auto patched = (*read_bytes(builder.bytes()))->patched({"onnx", "", {{edits, ""}}});
  ASSERT_TRUE(patched.ok()) << patched.error().message;
  const auto straight = expect_agreement(
      sharing(), {graph::SetTensor{at(0), 1, noise({3, 3}, 5)}, graph::RemoveNode{at(1), 0}});
  const std::vector<channel::NamedTensor> inputs{{"x", noise({2, 3}, 9)}};
  expect_near(*run_view((*read_bytes(straight))->lift()->graph, inputs),
              *run_view((*patched)->lift()->graph, inputs));
}

TEST(OnnxPatchStored, WhatNestedGraphsReadFollows) {
  ModelBuilder builder(17);
  builder.input("x", {2, 3}).node("Relu", {"x"}, {"a"});
  builder.weights("q", as(Tensor::scalar<int32_t>(1), DType::boolean));
  builder.node("If", {"q"}, {"y"}).output("y");
  auto* branching = builder.model.mutable_graph()->mutable_node(1);
  for (const char* name : {"then_branch", "else_branch"}) {
    auto* attribute = branching->add_attribute();
    attribute->set_name(name);
    attribute->set_type(5);
    auto* node = attribute->mutable_g()->add_node();
    node->set_op_type("Neg");
    node->add_input("a");
    node->add_output(std::string(name) + "/out");
    auto* output = attribute->mutable_g()->add_output();
    output->set_name(std::string(name) + "/out");
    onnx_wire::write_type(DType::float32, Shape{2, 3}, *output->mutable_type());
    attribute->mutable_g()->set_name(name);
  }
  auto patched = (*read_bytes(builder.bytes()))->patched({"onnx", "", {{{insert(out_of(0), "Exp")}, ""}}});
  ASSERT_TRUE(patched.ok()) << patched.error().message;
  const Tensor x = noise({2, 3}, 9);
  auto run = run_file(bytes_of(**patched), {{"x", x}});
  ASSERT_TRUE(run.ok()) << run.error().message;
  const float first = std::max(x.as<float>()[0], 0.0f);
  EXPECT_NEAR((*run)[0].as<float>()[0], -std::exp(first), 1e-5);
}

TEST(OnnxPatchStored, OperandsThatTheViewMovedAreFoundInTheFile) {
  // Upsample's scales are operand 2 of the view's Resize and operand 1 in the file.
  ModelBuilder builder(9);
  builder.input("x", {1, 1, 2, 2}).weights("s", Tensor::vector(std::vector<float>{1, 1, 2, 2}));
  builder.node("Relu", {"x"}, {"a"}).node("Upsample", {"a", "s"}, {"y"}).output("y");
  auto before = insert(out_of(0), "Exp");
  before.only_consumer = std::pair(at(1), 0);
  expect_agreement(builder, {before}, {1, 1, 2, 2});
}

TEST(OnnxPatchStored, OldSoftmaxIsRewiredInFrontOfItsFlatten) {
  ModelBuilder builder(11);
  builder.input("x", {2, 3, 4}).node("Relu", {"x"}, {"a"}).node("Exp", {"a"}, {"b"});
  builder.node("Softmax", {"b"}, {"y"}, {{"axis", int64_t{1}}}).output("y");
  Address flatten = at(2);
  flatten.role = graph::Role::bridge;
  expect_agreement(builder, {graph::SetOperand{flatten, 0, out_of(0)}}, {2, 3, 4});
  EXPECT_NE(refusal(builder, {graph::SetOperand{at(2), 0, out_of(0)}}).find("does not exist in the file"),
            std::string::npos);
}

TEST(OnnxPatchStored, BoundsAndPaddingOfOldOperatorSetsInFloat16) {
  ModelBuilder builder(10);
  builder.input("x", {2, 3}).node("Cast", {"x"}, {"h"}, {{"to", int64_t{10}}});
  builder.node("Clip", {"h"}, {"c"}, {{"min", 0.0f}, {"max", 0.5f}});
  builder.node("Pad", {"c"}, {"p"}, {{"pads", std::vector<int64_t>{0, 1, 0, 1}}, {"value", 0.25f}});
  builder.node("Cast", {"p"}, {"y"}, {{"to", int64_t{1}}}).output("y");
  const auto model = parsed(expect_agreement(builder, {graph::SetTensor{at(1), 2, Tensor::scalar(0.125f)},
                                                       graph::SetTensor{at(2), 2, Tensor::scalar(0.5f)}}));
  EXPECT_EQ(model.graph().node(1).input_size(), 1);
  EXPECT_EQ(model.graph().node(2).input_size(), 1);
}

TEST(OnnxPatchStored, ConstantsThatNoViewHoldsAreKept) {
  ModelBuilder builder(17);
  builder.input("x", {2, 3}).node("Relu", {"x"}, {"y"}).output("y");
  auto* names = builder.model.mutable_graph()->add_initializer();
  names->set_name("names");
  names->set_data_type(8);
  names->add_dims(1);
  names->add_string_data("a name");
  builder.node("Reader", {"y", "names"}, {"z"});
  builder.model.mutable_graph()->mutable_node(1)->set_domain("someone");
  auto lifted = (*read_bytes(builder.bytes()))->lift();
  ASSERT_TRUE(lifted.ok()) << lifted.error().message;
  EXPECT_TRUE(lifted->graph.nodes[1].opaque);
  auto patched = (*read_bytes(builder.bytes()))->patched({"onnx", "", {{{insert(out_of(0), "Exp")}, ""}}});
  ASSERT_TRUE(patched.ok()) << patched.error().message;
  EXPECT_EQ(parsed(bytes_of(**patched)).graph().initializer(0).SerializeAsString(),
            names->SerializeAsString());
}

}  // namespace
}  // namespace fetafix::formats::onnx
