// A patched file, lifted again, computes what the patched view computes.
#include "formats/onnx/testing/patches.h"

namespace fetafix::formats::onnx {
namespace {

using namespace testing;
// x -> 0 MatMul w -> 1 Relu -> 2 MatMul w (shared) -> 3 Add(1, 2) -> y
ModelBuilder base() {
  ModelBuilder builder(17);
  builder.input("x", {2, 3}).weights("w", noise({3, 3}, 4));
  builder.node("MatMul", {"x", "w"}, {"a"}).node("Relu", {"a"}, {"b"}).node("MatMul", {"b", "w"}, {"c"});
  builder.node("Add", {"b", "c"}, {"y"}).output("y");
  return builder;
}

TEST(OnnxPatch, NothingToDoIsTheSameFile) {
  auto patched = (*read_bytes(base().bytes()))->patched({});
  EXPECT_EQ(bytes_of(**patched), base().bytes());
}

TEST(OnnxPatch, SharedInitializerIsCopiedOnWrite) {
  const auto model = parsed(expect_agreement(base(), {graph::SetTensor{at(2), 1, noise({3, 3}, 5)}}));
  EXPECT_EQ(model.graph().initializer_size(), 2);
  EXPECT_EQ(model.graph().node(0).input(1), "w");
  EXPECT_EQ(model.graph().node(2).input(1), "p1");
}

TEST(OnnxPatch, AnInitializerOfOneUseIsWrittenInPlace) {
  auto builder = base();
  builder.model.mutable_graph()->mutable_node(2)->set_input(1, "own");
  builder.weights("own", noise({3, 3}, 6));
  EXPECT_EQ(parsed(expect_agreement(builder, {graph::SetTensor{at(2), 1, noise({3, 3}, 5)}}))
                .graph()
                .initializer_size(),
            2);
}

TEST(OnnxPatch, ConstantNodeIsWrittenInPlace) {
  ModelBuilder builder(17);
  builder.input("x", {2, 3}).node("Constant", {}, {"k"}, {{"value", Tensor::scalar(2.0f)}});
  builder.node("Mul", {"x", "k"}, {"y"}).output("y");
  EXPECT_EQ(parsed(expect_agreement(builder, {graph::SetTensor{at(1), 1, Tensor::scalar(3.0f)}}))
                .graph()
                .initializer_size(),
            0);
}

TEST(OnnxPatch, AbsentBiasIsAdded) {
  ModelBuilder builder(17);
  builder.input("x", {2, 3}).weights("w", noise({3, 3})).node("Gemm", {"x", "w"}, {"y"}).output("y");
  expect_agreement(builder, {graph::SetTensor{at(0), 2, noise({3})}});
}

TEST(OnnxPatch, AttributesAreSetAndRemoved) {
  ModelBuilder builder(17);
  builder.input("x", {2, 3}).node("LeakyRelu", {"x"}, {"y"}, {{"alpha", 0.3f}}).output("y");
  expect_agreement(builder, {graph::SetAttribute{at(0), "alpha", 0.1f}});
  expect_agreement(builder, {graph::SetAttribute{at(0), "alpha", std::nullopt}});
}

TEST(OnnxPatch, PadsReplaceAutoPad) {
  ModelBuilder builder(17);
  builder.input("x", {1, 1, 4, 4}).weights("w", noise({1, 1, 3, 3}));
  builder.node("Conv", {"x", "w"}, {"y"}, {{"auto_pad", std::string("VALID")}}).output("y");
  const graph::SetAttribute pads{at(0), "pads", std::vector<int64_t>{1, 1, 1, 1}};
  const auto model = parsed(
      expect_agreement(builder, {graph::SetAttribute{at(0), "auto_pad", std::nullopt}, pads}, {1, 1, 4, 4}));
  EXPECT_EQ(model.graph().node(0).attribute_size(), 1);
  expect_agreement(builder, {pads}, {1, 1, 4, 4});
}

TEST(OnnxPatch, OperandIsRewired) {
  expect_agreement(base(), {graph::SetOperand{at(3), 0, out_of(0)}});
}
TEST(OnnxPatch, TypeIsChanged) {
  expect_agreement(base(), {graph::ChangeType{at(1), "LeakyRelu", {{"alpha", 0.2f}}}});
}

TEST(OnnxPatch, NodeIsInserted) {
  expect_agreement(base(), {insert(out_of(1), "Sigmoid")});
  expect_agreement(base(), {insert({0, {}, 0}, "Sigmoid")});
  auto one_reader = insert(out_of(1), "Sigmoid");
  one_reader.only_consumer = std::pair(at(3), 0);
  expect_agreement(base(), {one_reader});
  auto with_constant = insert(out_of(0), "Add");
  with_constant.operands = {std::nullopt, noise({3}, 2)};
  expect_agreement(base(), {with_constant});
  auto other = insert(out_of(0), "Sub");
  other.operands = {std::nullopt, std::nullopt};
  other.other_operands = {{1, {0, {}, 0}}};
  expect_agreement(base(), {other});
  expect_agreement(base(), {insert(out_of(1), "Sigmoid"), insert(out_of(1), "Tanh")});
}

// 0 Abs, 1 Relu of it with two readers: 2 Exp, 3 Add.
ModelBuilder forked() {
  ModelBuilder builder(17);
  builder.input("x", {2, 3}).node("Abs", {"x"}, {"a"}).node("Relu", {"a"}, {"b"}).node("Exp", {"b"}, {"c"});
  builder.node("Add", {"b", "c"}, {"y"}).output("y");
  return builder;
}

TEST(OnnxPatch, ARemovedJoinOfTwoReadersIsPutBack) {
  auto all = insert(out_of(1), "Add");
  all.operands = {std::nullopt, std::nullopt};
  all.other_operands = {{1, out_of(0)}};
  expect_agreement(forked(), {all});
  auto first = all, second = all;
  first.only_consumer = std::pair(at(2), 0);
  second.only_consumer = std::pair(at(3), 0);
  EXPECT_EQ(parsed(expect_agreement(forked(), {first})).graph().node_size(), 5);
  EXPECT_EQ(parsed(expect_agreement(forked(), {first, second})).graph().node_size(), 5);  // one for both
  EXPECT_EQ(parsed(expect_agreement(forked(), {second, first})).graph().node_size(), 5);
}

TEST(OnnxPatch, ARemovedActivationOfTwoReadersIsPutBackOnce) {
  auto first = insert(out_of(1), "Clip"), second = first;
  first.operands = second.operands = {std::nullopt, Tensor::scalar(0.0f), Tensor::scalar(0.5f)};
  first.only_consumer = std::pair(at(2), 0);
  second.only_consumer = std::pair(at(3), 0);
  const auto model = parsed(expect_agreement(forked(), {first, second}));
  EXPECT_EQ(model.graph().node_size(), 5);
  EXPECT_EQ(model.graph().initializer_size(), 2);
  second.operands[2] = Tensor::scalar(0.25f);
  EXPECT_EQ(parsed(expect_agreement(forked(), {first, second})).graph().node_size(), 6);
}

TEST(OnnxPatch, OutputsKeepTheirNames) {
  EXPECT_EQ(parsed(expect_agreement(base(), {insert(out_of(3), "Sigmoid")})).graph().output(0).name(), "y");
  EXPECT_EQ(parsed(expect_agreement(base(), {insert(out_of(3), "Sigmoid"), insert(out_of(3), "Tanh")}))
                .graph()
                .output(0)
                .name(),
            "y");
  EXPECT_EQ(parsed(expect_agreement(base(), {graph::RemoveNode{at(3), 1}})).graph().output(0).name(), "y");
}

TEST(OnnxPatch, NodeIsRemoved) {
  expect_agreement(base(), {graph::RemoveNode{at(1), 0}});
  expect_agreement(base(), {graph::RemoveNode{at(3), 0}});
  expect_agreement(base(), {graph::RemoveNode{at(2), 0}, graph::RemoveNode{at(1), 0}});
}

TEST(OnnxPatch, RemovingTheOnlyNodeLeavesAnIdentity) {
  ModelBuilder builder(17);
  builder.input("x", {2, 3}).node("Relu", {"x"}, {"y"}).output("y");
  EXPECT_EQ(parsed(expect_agreement(builder, {graph::RemoveNode{at(0), 0}})).graph().node(0).op_type(),
            "Identity");
}

TEST(OnnxPatch, UnusedOutputsAreDropped) {
  ModelBuilder builder(17);
  builder.input("x", {2, 3}).node("Dropout", {"x"}, {"y", "mask"}).output("y");
  EXPECT_EQ(parsed(expect_agreement(builder, {graph::KeepOutputs{at(0), 1}})).graph().node(0).output_size(),
            1);
}

TEST(OnnxPatch, TrainingModeOfOldOpsetsIsTheNumberOfOutputs) {
  ModelBuilder builder(11);
  builder.input("x", {2, 3});
  for (const char* name : {"s", "b", "m"}) builder.weights(name, noise({3}, 2));
  builder.weights("v", Tensor::vector(std::vector<float>{1, 2, 3}));
  builder.node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y", "m1", "v1", "m2", "v2"}).output("y");
  const auto model = parsed(expect_agreement(
      builder, {graph::SetAttribute{at(0), "training_mode", std::nullopt}, graph::KeepOutputs{at(0), 1}}));
  EXPECT_EQ(model.graph().node(0).output_size(), 1);
}

TEST(OnnxPatch, BoundsOfOldClipsAreWrittenAsAttributes) {
  ModelBuilder builder(10);
  builder.input("x", {2, 3}).node("Clip", {"x"}, {"y"}, {{"min", 0.0f}, {"max", 6.0f}}).output("y");
  const auto model = parsed(expect_agreement(builder, {graph::SetTensor{at(0), 2, Tensor::scalar(0.25f)}}));
  EXPECT_EQ(model.graph().node(0).input_size(), 1);
  EXPECT_EQ(model.graph().node(0).attribute(0).f(), 0.25f);
}

TEST(OnnxPatch, ChangingTheTypeKeepsAxesThatOldOpsetsWriteAsAttributes) {
  ModelBuilder builder(13);
  builder.input("x", {2, 3})
      .node("ReduceMean", {"x"}, {"y"}, {{"axes", std::vector<int64_t>{1}}})
      .output("y");
  expect_agreement(builder, {graph::ChangeType{at(0), "ReduceMax", {{"keepdims", int64_t{0}}}}});
}

TEST(OnnxPatch, WhatIsNotThereIsRefused) {
  EXPECT_NE(refusal(base(), {graph::RemoveNode{at(9), 0}}).find("there is no node 9"), std::string::npos);
  EXPECT_NE(refusal(base(), {graph::RemoveNode{at(1), 5}}), "");
  EXPECT_NE(refusal(base(), {graph::SetOperand{at(3), 7, out_of(0)}}), "");
  EXPECT_NE(refusal(base(), {graph::SetTensor{at(2), 0, noise({2, 3})}}).find("computed"), std::string::npos);
  Address nested = at(1);
  nested.op.graph = "then";
  EXPECT_NE(refusal(base(), {graph::RemoveNode{nested, 0}}).find("nested"), std::string::npos);
  auto reader = insert(out_of(1), "Exp");
  for (int input : {1, 99}) {
    reader.only_consumer = std::pair(at(3), input);
    EXPECT_NE(refusal(base(), {reader}), "") << input;
  }
}

}  // namespace
}  // namespace fetafix::formats::onnx
