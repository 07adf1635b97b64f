// Operators put into files of older operator sets: file, view and runtime agree.
#include "formats/onnx/old_form.h"
#include "formats/onnx/testing/patches.h"

namespace fetafix::formats::onnx {
namespace {

using namespace testing;
using Operands = std::vector<std::optional<Tensor>>;

// x -> 0 Relu -> 1 Reshape to one row -> y, so that any shape may lie between.
ModelBuilder base(int opset) {
  ModelBuilder builder(opset);
  builder.input("x", {2, 3, 4}).weights("row", Tensor::vector(std::vector<int64_t>{1, -1}));
  builder.node("Relu", {"x"}, {"a"}).node("Reshape", {"a", "row"}, {"y"});
  return builder.output("y");
}

graph::InsertNode behind_relu(const char* type, Operands operands, graph::Attributes attributes = {}) {
  graph::InsertNode out = insert(out_of(0), type);
  out.operands = std::move(operands);
  out.attributes = std::move(attributes);
  return out;
}

Tensor ints(std::vector<int64_t> values) {
  return Tensor::vector(values);
}

Operands normalization() {
  const std::vector<float> one{1, 2, 3}, variance{0.5f, 1, 2};
  return {std::nullopt, Tensor::vector(one), Tensor::vector(one), Tensor::vector(one),
          Tensor::vector(variance)};
}

TEST(OldForm, WhatBecameAnOperandIsAnAttributeAgain) {
  const std::vector<std::pair<int, graph::InsertNode>> table{
      {13, behind_relu("ReduceMean", {std::nullopt, ints({1})}, {{"keepdims", int64_t{0}}})},
      {11, behind_relu("ReduceSum", {std::nullopt, ints({-1})})},
      {11, behind_relu("Unsqueeze", {std::nullopt, ints({0})})},
      {10, behind_relu("Pad", {std::nullopt, ints({0, 0, 1, 0, 0, 2}), Tensor::scalar(0.5f)})},
      {9, behind_relu("Slice", {std::nullopt, ints({1}), ints({3}), ints({2}), ints({1})})},
      {10, behind_relu("Clip", {std::nullopt, Tensor::scalar(-0.5f), Tensor::scalar(0.5f)})},
      {12, behind_relu("Softmax", {std::nullopt}, {{"axis", int64_t{-1}}})},
      {13, behind_relu("BatchNormalization", normalization(), {{"training_mode", int64_t{0}}})},
  };
  for (const auto& [opset, edit] : table) {
    SCOPED_TRACE(edit.type);
    const auto model = parsed(expect_agreement(base(opset), {edit}, {2, 3, 4}));
    ASSERT_EQ(model.graph().node_size(), 3);
    EXPECT_EQ(model.graph().node(1).op_type(), edit.type);
  }
}

TEST(OldForm, WhatOlderOperatorSetsCannotSayIsRefused) {
  const std::vector<std::pair<int, graph::InsertNode>> table{
      {12, behind_relu("Softmax", {std::nullopt}, {{"axis", int64_t{1}}})},
      {9, behind_relu("Slice", {std::nullopt, ints({0}), ints({4}), ints({2}), ints({2})})},
      {13, behind_relu("BatchNormalization", normalization(), {{"training_mode", int64_t{1}}})},
      {13, behind_relu("ReduceMean", {std::nullopt, ints({1})}, {{"noop_with_empty_axes", int64_t{1}}})},
  };
  for (const auto& [opset, edit] : table)
    EXPECT_NE(refusal(base(opset), {edit}).find("writes " + edit.type + " otherwise"), std::string::npos)
        << edit.type;
}

}  // namespace
}  // namespace fetafix::formats::onnx
