#include "pipeline/arbitrate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "evaluate/testing/graphs.h"

namespace fetafix::pipeline {
namespace {

using evaluate::testing::evaluator;
using graph::Graph;
using graph::NodeId;
using graph::ValueId;

// As a file gives it: each computed value has a tensor of its own.
Graph parse(const std::string& text) {
  Graph graph = evaluate::testing::parse(text);
  for (size_t i = 0; i < graph.values.size(); ++i)
    if (!graph.values[i].is_constant()) graph.values[i].native_tensor = static_cast<int>(i);
  return graph;
}

Graph network() {
  return parse(
      "input %x float32[1,3,9,8]\nconst %v float32[4,3,3,3] {random 1}\nconst %b float32[4] {random 2}\n"
      "%c = Conv(%x, %v, %b) {pads=[1,1,1,1]}\n%r = Relu(%c)\n"
      "%p = AveragePool(%r) {kernel_shape=[2,2], strides=[2,2]}\n%s = Softmax(%p) {axis=1}\noutput %s\n");
}

// A runtime that computes as the view says, but for one operator: what is behind it reads what it made.
// It does not give the values in `hidden`.
struct Fake {
  const Graph& view;
  NodeId wrong = -1;
  float factor = 1;
  std::set<std::string> hidden = {};
  double outputs_apart = 0;

  Result<Captured> capture(std::span<const ValueId> wanted) const {
    evaluate::Feeds all;
    Tensor x = Tensor::zeros(DType::float32, *view.value(view.inputs[0]).shape).value();
    uint32_t state = 3;
    for (float& v : x.mutable_as<float>())
      v = static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) / 8388608.0f - 1;
    all[view.inputs[0]] = x;
    for (NodeId id = 0; id < static_cast<NodeId>(view.nodes.size()); ++id) {
      const std::vector<NodeId> nodes{id};
      evaluate::Feeds fed;
      for (ValueId in : view.node(id).inputs)
        if (all.contains(in)) fed[in] = all.at(in);
      FETAFIX_TRY(auto made, evaluator().run(view, nodes, fed, view.node(id).outputs));
      if (id == wrong && made[0].dtype() == DType::float32)
        for (float& v : made[0].mutable_as<float>()) v *= factor;
      if (id == wrong && made[0].dtype() == DType::int8)
        for (int8_t& v : made[0].mutable_as<int8_t>()) v = static_cast<int8_t>(v + static_cast<int>(factor));
      all[view.node(id).outputs[0]] = made[0];
    }
    Captured out;
    out.outputs_apart = outputs_apart;
    out.samples.push_back({{view.inputs[0], x}});
    for (ValueId value : wanted)
      if (!hidden.contains(view.value(value).name)) out.samples[0][value] = all.at(value);
    return out;
  }

  Configuration as(const std::string& name, bool independent = false) const {
    return {name, independent, [fake = *this](auto values) { return fake.capture(values); }};
  }
};

Validation validated(const Graph& view, const Fake& own, const std::vector<Configuration>& others = {}) {
  auto out = validate_lift(evaluator(), view, own.as("own"), others);
  EXPECT_TRUE(out.ok()) << out.error().message;
  return std::move(out).value();
}

TEST(ValidateLift, FindsNothingWhereTheRuntimeComputesTheView) {
  const Graph view = network();
  const Validation out = validated(view, {view});
  EXPECT_EQ(out.checked, 4u);
  EXPECT_EQ(out.unchecked, 0u);
  EXPECT_TRUE(out.findings.empty());
}

class EachOperator : public ::testing::TestWithParam<int> {};

TEST_P(EachOperator, IsNamedAloneAndTheRuntimeIsToBlame) {
  const Graph view = network();
  const Validation out = validated(view, {view, GetParam(), 1.001f});
  ASSERT_EQ(out.findings.size(), 1u);
  const Finding& found = out.findings[0];
  EXPECT_EQ(found.place, GetParam());
  EXPECT_EQ(found.blame, Blame::runtime);  // the second opinion is with the view
  ASSERT_TRUE(found.from_view && found.from_runtime);
  EXPECT_FALSE(found.from_view->disagrees());
  EXPECT_TRUE(found.from_runtime->disagrees());
  EXPECT_GT(found.deviation.ratio, 8);
}

INSTANTIATE_TEST_SUITE_P(All, EachOperator, ::testing::Range(0, 4));

TEST(ValidateLift, AnotherConfigurationThatComputesTheViewIsNamed) {
  const Graph view = network();
  const Validation out = validated(view, {view, 2, 1.01f}, {Fake{view}.as("kernels=reference", true)});
  ASSERT_EQ(out.findings.size(), 1u);
  EXPECT_EQ(out.findings[0].blame, Blame::runtime);
  EXPECT_EQ(out.findings[0].with_view, std::vector<std::string>{"kernels=reference"});
}

TEST(ValidateLift, WhereAllOtherCodeAgreesWithTheRuntimeTheReadingIsToBlame) {
  const Graph view = network();
  const Validation out =
      validated(view, {view, 2, 1.01f}, {Fake{view, 2, 1.01f}.as("kernels=reference", true)});
  ASSERT_EQ(out.findings.size(), 1u);
  EXPECT_EQ(out.findings[0].blame, Blame::reading);
  EXPECT_EQ(out.findings[0].with_runtime, std::vector<std::string>{"kernels=reference"});
}

// The same kernels once more are no witness.
TEST(ValidateLift, OtherConfigurationsOfTheSameCodeDoNotDecide) {
  const Graph view = network();
  const Validation out = validated(view, {view, 2, 1.01f}, {Fake{view, 2, 1.01f}.as("without optimization")});
  ASSERT_EQ(out.findings.size(), 1u);
  EXPECT_EQ(out.findings[0].blame, Blame::runtime);
}

TEST(ValidateLift, WhatNobodyElseKnowsIsUndecided) {
  const Graph view = parse("input %x float32[1,2,4]\n%y = Sign(%x)\noutput %y\n");
  const Validation out = validated(view, {view, 0, 1.01f});
  ASSERT_EQ(out.findings.size(), 1u);
  EXPECT_EQ(out.findings[0].blame, Blame::undecided);
  EXPECT_FALSE(out.findings[0].from_view);
}

TEST(ValidateLift, AValueThatCantBeHadMakesThePieceLarger) {
  const Graph view = network();
  const Validation out = validated(view, {view, 0, 1.01f, {"c"}});
  ASSERT_EQ(out.findings.size(), 1u);
  EXPECT_EQ(out.findings[0].piece.nodes, (std::vector<NodeId>{0, 1}));
  EXPECT_EQ(out.findings[0].blame, Blame::runtime);
  EXPECT_EQ(out.checked, 3u);
}

TEST(ValidateLift, OpaqueOperatorsAreSteppedOver) {
  Graph view = network();
  view.node(1).opaque = true;
  const auto known = values_to_capture(view);
  const auto pieces = pieces_of(view, {known.begin(), known.end()});
  ASSERT_EQ(pieces.size(), 3u);
  for (const Piece& piece : pieces) EXPECT_EQ(piece.nodes.size(), 1u);
}

Graph quantized() {
  return parse(
      "input %x float32[1,2,6,6]\nconst %s float32[] {0.05}\nconst %z int8[] {3}\n"
      "const %w float32[3,2,3,3] {random 5}\n%q = QuantizeLinear(%x, %s, %z)\n"
      "%d = DequantizeLinear(%q, %s, %z)\n%c = Conv(%d, %w)\n%r = Relu(%c)\n"
      "%o = QuantizeLinear(%r, %s, %z)\n%y = DequantizeLinear(%o, %s, %z)\noutput %y\n");
}

TEST(ValidateLift, AQuantizedOperatorIsOnePieceWithOneStepToSpare) {
  const Graph view = quantized();
  const auto name = [&](ValueId value) { return view.value(value).name; };
  std::vector<std::string> names;
  for (ValueId value : values_to_capture(view)) names.push_back(name(value));
  EXPECT_EQ(names, (std::vector<std::string>{"q", "o", "y"}));
  EXPECT_TRUE(validated(view, {view, 4, 1}).findings.empty());
  const Validation out = validated(view, {view, 4, 2});
  ASSERT_EQ(out.findings.size(), 1u);
  EXPECT_EQ(view.node(out.findings[0].place).type, "Relu");
  EXPECT_TRUE(out.findings[0].deviation.in_steps);
  EXPECT_EQ(out.findings[0].deviation.error, 2);
  EXPECT_EQ(out.findings[0].blame, Blame::runtime);
}

TEST(ValidateLift, RandomOperatorsAreNotCompared) {
  Graph view = parse(
      "input %x float32[1,8]\nconst %p float32[] {0.5}\nconst %t int64[] {1}\n%y = Dropout(%x, %p, "
      "%t)\noutput "
      "%y\n");
  view.value(view.node(0).inputs[2]).constant = Tensor::scalar(true);
  EXPECT_TRUE(is_random(view, view.node(0)));
  EXPECT_TRUE(pieces_of(view, {view.outputs[0]}).empty());
  view.value(view.node(0).inputs[2]).constant = Tensor::scalar(false);
  EXPECT_FALSE(is_random(view, view.node(0)));
}

}  // namespace
}  // namespace fetafix::pipeline
