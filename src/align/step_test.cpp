#include "align/testing/pair.h"

namespace fetafix::align {
namespace {

using testing::Aligned;
using testing::replaced;

using Names = std::vector<std::string>;

Aligned stepped(const std::string& source, const std::string& target) {
  WalkOptions options;
  options.step_by_step = true;
  return Aligned(source, target, {}, {}, options);
}

const std::string chain = R"(input %x float32[1,3,16,16]
const %w1 float32[6,3,3,3] {random 1}
const %w2 float32[6,6,3,3] {random 2}
const %w3 float32[6,6,1,1] {random 3}
const %b float32[6] {random 4}
%c1 = Conv(%x, %w1) {pads=[1,1,1,1]}
%r1 = Relu(%c1)
%p = MaxPool(%r1) {kernel_shape=[2,2], strides=[2,2]}
%c2 = Conv(%p, %w2) {pads=[1,1,1,1]}
%r2 = Sigmoid(%c2)
%c3 = Conv(%r2, %w3, %b)
%y = Tanh(%c3)
output %y
)";

// Nothing between the first and the last of them comes out right.
TEST(WalkStep, EachOfSeveralFaultsInARow) {
  std::string target = replaced(chain, "Conv(%x, %w1) {pads=[1,1,1,1]}", "Conv(%x, %w1) {pads=[0,0,2,2]}");
  target = replaced(target, "Relu(%c1)", "LeakyRelu(%c1) {alpha=0.3}");
  target = replaced(target, "MaxPool(%r1)", "AveragePool(%r1)");
  target = replaced(target, "const %w2 float32[6,6,3,3] {random 2}", "const %w2 float32[6,6,3,3] {random 9}");
  target = replaced(target, "Sigmoid(%c2)", "Softplus(%c2)");
  const Aligned pair = stepped(chain, target);
  EXPECT_EQ(pair.wrong(), (Names{"c1", "r1", "p", "c2", "r2"}));
  for (const char* name : {"c1", "r1", "p", "c2", "r2", "c3"}) EXPECT_EQ(pair.paired(name), name);
  for (const Segment& segment : pair.alignment.segments)
    EXPECT_EQ(segment.target_nodes.size(), 1u) << segment.target_nodes.size();
}

// Sizes that differ tell nothing by value.
TEST(WalkStep, WhereSizesDiffer) {
  std::string target = replaced(chain, "Conv(%x, %w1) {pads=[1,1,1,1]}", "Conv(%x, %w1)");
  target = replaced(target, "Relu(%c1)", "Tanh(%c1)");
  EXPECT_EQ(stepped(chain, target).wrong(), (Names{"c1", "r1"}));
}

// The source has folded the normalization, or the target has.
TEST(WalkStep, WhatIsFoldedOnOneSide) {
  const std::string scaled =
      replaced(replaced(chain, "const %b", "const %s float32[1,6,1,1] {random 8}\nconst %b"),
               "%r2 = Sigmoid(%c2)", "%m2 = Mul(%c2, %s)\n%r2 = Sigmoid(%m2)");
  const auto other_weights = [](const std::string& text) {
    return replaced(text, "const %w2 float32[6,6,3,3] {random 2}", "const %w2 float32[6,6,3,3] {random 9}");
  };
  std::string target = replaced(other_weights(chain), "MaxPool(%r1)", "AveragePool(%r1)");
  target = replaced(target, "Sigmoid(%c2)", "Softplus(%c2)");
  const Aligned folded = stepped(scaled, target);
  EXPECT_EQ(folded.paired("c2"), "m2");
  EXPECT_EQ(folded.wrong(), (Names{"p", "c2", "r2"}));
  target = replaced(other_weights(scaled), "MaxPool(%r1)", "AveragePool(%r1)");
  target = replaced(target, "Sigmoid(%m2)", "Softplus(%m2)");
  EXPECT_EQ(stepped(chain, target).paired("m2"), "c2");
}

// What is right is left alone.
TEST(WalkStep, NothingIsWrong) {
  EXPECT_EQ(stepped(chain, chain).wrong(), Names{});
  EXPECT_EQ(stepped(testing::small_net, testing::small_net).wrong(), Names{});
}

}  // namespace
}  // namespace fetafix::align
