// A source whose normalization is folded into its convolution, against a target that still has it.
#include <cmath>

#include "faults/testing/quantized.h"

namespace fetafix::faults {
namespace {

constexpr double weights[] = {2, -4}, gamma[] = {1.5, 0.75}, beta[] = {0.5, -1}, mean[] = {0.25, 3},
                 variance[] = {0.002, 0.005};

std::string list(double a, double b) {
  char text[64];
  std::snprintf(text, sizeof text, "{%.9g, %.9g}", a, b);
  return text;
}

struct Net {
  double right = 1e-3;    // the epsilon that the source was folded with
  double add = 0;         // what its bias has besides
  double stated = 1e-5;   // the target's epsilon
  double scaled = 1;      // its gamma, against the right one
  std::string more = "";  // behind the normalization
};

graph::Graph folded(const Net& net) {
  double kernel[2], bias[2];
  for (int c = 0; c < 2; ++c) {
    const double gain = gamma[c] / std::sqrt(variance[c] + net.right);
    kernel[c] = weights[c] * gain;
    bias[c] = beta[c] - mean[c] * gain + net.add;
  }
  return testing::parse("input %x float32[1,1,2,2]\nconst %w float32[2,1,1,1] " + list(kernel[0], kernel[1]) +
                        "\nconst %b float32[2] " + list(bias[0], bias[1]) +
                        "\n%y = Conv(%x, %w, %b)\noutput %y\n");
}

graph::Graph normalized(const Net& net) {
  char stated[32];
  std::snprintf(stated, sizeof stated, "%g", net.stated);
  const auto constant = [](const char* name, double a, double b) {
    return "const %" + std::string(name) + " float32[2] " + list(a, b) + "\n";
  };
  return testing::parse(
      "input %x float32[1,1,2,2]\nconst %w float32[2,1,1,1] " + list(weights[0], weights[1]) + "\n" +
      constant("gamma", gamma[0] * net.scaled, gamma[1] * net.scaled) + constant("beta", beta[0], beta[1]) +
      constant("mean", mean[0], mean[1]) + constant("variance", variance[0], variance[1]) +
      "%c = Conv(%x, %w)\n%y = BatchNormalization(%c, %gamma, %beta, %mean, %variance) {epsilon=" + stated +
      "}\n" + net.more + "output %y\n");
}

std::vector<Candidate> proposals(const Net& net) {
  const graph::Graph source = folded(net), target = normalized(net);
  const graph::Uses uses(target);
  const Tensor x = Tensor::of<float>({1, 2, 3, 4}, {1, 1, 2, 2});
  const align::SourceValues values(source, {{{source.inputs[0], x}}, {{source.inputs[0], x}}});
  align::HalfSteps half_steps(target);
  const align::Alignment alignment;
  align::Segment segment;
  for (size_t n = 0; n < target.nodes.size(); ++n)
    segment.target_nodes.push_back(static_cast<graph::NodeId>(n));
  segment.source_nodes = {0};
  segment.target_end = target.outputs[0];
  segment.source_end = source.outputs[0];
  return normalization_parameter({source, target, uses, values, alignment, half_steps, &segment});
}

TEST(NormalizationParameter, AnEpsilonThatExplainsAllIsProposedAlone) {
  const auto found = proposals({});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].pattern, "epsilon");
  const auto& edit = std::get<graph::SetAttribute>(found[0].edits.at(0));
  EXPECT_EQ(edit.at.op.index, 1);
  EXPECT_EQ(edit.name, "epsilon");
  EXPECT_FLOAT_EQ(std::get<float>(*edit.value), 1e-3f);
}

TEST(NormalizationParameter, WhatIsRightIsLeftAlone) {
  EXPECT_TRUE(proposals({.stated = 1e-3}).empty());
}

TEST(NormalizationParameter, AScaleIsPutBackToWhatTheSourceHasFolded) {
  const auto found = proposals({.stated = 1e-3, .scaled = 1.25});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].pattern, "normalization-scale");
  const auto& edit = std::get<graph::SetTensor>(found[0].edits.at(0));
  EXPECT_EQ(edit.at.op.index, 1);
  EXPECT_EQ(edit.slot, 1);
  for (size_t c = 0; c < 2; ++c) EXPECT_NEAR(edit.value.as<float>()[c], gamma[c], 1e-5);
}

// An epsilon that nobody uses is not invented: a scale does the same.
TEST(NormalizationParameter, AnUnusualEpsilonIsNotGuessed) {
  const auto found = proposals({.right = 0.0123, .stated = 1e-3});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].pattern, "normalization-scale");
}

TEST(NormalizationParameter, WhatOneParameterDoesNotExplainIsForOthers) {
  EXPECT_TRUE(proposals({.add = 0.5}).empty());  // the bias differs besides
  EXPECT_TRUE(proposals({.add = 0.1, .stated = 1e-3, .scaled = 2}).empty());
}

TEST(NormalizationParameter, ADifferingKernelIsNotOfTheNormalization) {
  EXPECT_TRUE(proposals({.stated = 1e-3, .more = "%z = Relu(%y)\n"}).empty());
}

}  // namespace
}  // namespace fetafix::faults
