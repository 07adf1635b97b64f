// Channels in another order, on small pairs written as text.
#include <algorithm>
#include <random>

#include "align/channel_order.h"
#include "align/testing/pair.h"

namespace fetafix::align {
namespace {

using namespace testing;
using Names = std::vector<std::string>;

// Two inverted residual blocks in a row: what lies between %c1 and %e3 has a value to itself.
const std::string blocks = R"(input %x float32[1,3,8,8]
const %w1 float32[6,3,3,3] {random 1}
const %b1 float32[6] {random 2}
const %w2 float32[6,1,3,3] {random 3}
const %b2 float32[6] {random 4}
const %w3 float32[4,6,1,1] {random 5}
const %b3 float32[4] {random 6}
const %w4 float32[6,4,1,1] {random 7}
const %s4 float32[6] {1, 2, 0.5, -1, 3, 0.25}
const %m4 float32[6] {0.5, 0.125, -0.25, 0, 0.75, 1}
const %v4 float32[6] {4, 1, 2, 0.5, 3, 1}
const %w5 float32[3,6,3,3] {random 8}
const %low float32[] {0}
const %high float32[] {6}
%c1 = Conv(%x, %w1, %b1) {pads=[1,1,1,1]}
%r1 = Clip(%c1, %low, %high)
%d1 = Conv(%r1, %w2, %b2) {pads=[1,1,1,1], group=6}
%r2 = Clip(%d1, %low, %high)
%p1 = Conv(%r2, %w3, %b3)
%e2 = Conv(%p1, %w4)
%n2 = BatchNormalization(%e2, %s4, %m4, %m4, %v4) {epsilon=0.001}
%r3 = Sigmoid(%n2)
%c3 = Conv(%r3, %w5)
%e3 = Relu(%c3)
output %e3
)";

// In place of the constants, the same with rows in another order; columns where a name ends in '|'. What a
// call has put in the place of %w is %w_ to the next one.
std::string permuted(std::string text, const std::string& order, const Names& names) {
  const auto channels = std::count(order.begin(), order.end(), ',') + 1;
  const std::string indices = "%o" + names[0];
  std::string moved = "const " + indices + " int64[" + std::to_string(channels) + "] {" + order + "}\n";
  for (std::string name : names) {
    const bool columns = name.back() == '|';
    if (columns) name.pop_back();
    for (const char* end : {",", ")"})
      for (size_t at = 0; (at = text.find("%" + name + end)) != std::string::npos;)
        text.replace(at, name.size() + 1, "%" + name + "_");
    moved += "%" + name + "_ = Gather(%" + name;
    moved += ", " + indices + ") {axis=" + (columns ? "1}\n" : "0}\n");
  }
  return text.insert(text.rfind('\n', text.find("(%x")) + 1, moved);
}

const std::string six = "3, 1, 5, 0, 2, 4", four = "2, 0, 3, 1", backwards = "5, 4, 3, 2, 1, 0";

std::string chained() {
  std::string text = permuted(blocks, six, {"w1", "b1", "w2", "b2", "w3|"});
  text = permuted(text, four, {"w3_", "b3", "w4|"});
  return permuted(text, backwards, {"w4_", "s4", "m4", "v4", "w5|"});
}

std::vector<int> order_of(const Aligned& pair, const std::string& name) {
  for (const auto& [value, found] : pair.alignment.pairs)
    if (pair.target.value(value).name == name) return found.arrangement.channels.from;
  return {};
}

TEST(AnotherOrder, IsFollowedThroughABlockAndUndone) {
  const Aligned pair(blocks, permuted(blocks, six, {"w1", "b1", "w2", "b2", "w3|"}));
  EXPECT_EQ(pair.wrong(), Names{});
  EXPECT_TRUE(pair.alignment.edges.empty());
  for (const char* name : {"c1", "r1", "d1", "r2"}) {
    EXPECT_EQ(pair.paired(name), name);
    EXPECT_EQ(order_of(pair, name), (std::vector<int>{3, 1, 5, 0, 2, 4})) << name;
  }
  EXPECT_EQ(pair.paired("p1"), "p1");
  EXPECT_EQ(order_of(pair, "p1"), std::vector<int>{});
}

TEST(AnotherOrder, ChainsOfOrdersHaveNoExactValueInside) {
  const Aligned pair(blocks, chained());
  EXPECT_EQ(pair.wrong(), Names{});
  for (const char* name : {"c1", "d1", "p1", "e2", "n2", "r3", "c3"}) EXPECT_EQ(pair.paired(name), name);
  EXPECT_EQ(order_of(pair, "p1"), (std::vector<int>{2, 0, 3, 1}));
  EXPECT_EQ(order_of(pair, "n2"), (std::vector<int>{5, 4, 3, 2, 1, 0}));
  const Aligned back(chained(), blocks);
  EXPECT_EQ(back.wrong(), Names{});
}

TEST(AnotherOrder, WhatIsInItIsCalledARewrite) {
  const Aligned pair(blocks, chained());
  for (const auto& segment : pair.alignment.segments) {
    const std::string name = pair.target.value(segment.target_end).name;
    EXPECT_EQ(segment.state, name == "e3" ? State::exact : State::rewrite) << name;
  }
}

TEST(AnotherOrder, InTheTargetsLayoutToo) {
  std::string target = replaced(chained(), "input %x float32[1,3,8,8]", "input %x float32[1,8,8,3]");
  target =
      replaced(target, "%c1 = Conv(%x,", "%x_ = Transpose(%x) {perm=[0,3,1,2]} : bridge\n%c1 = Conv(%x_,");
  target = replaced(target, "%r1 = Clip(%c1, %low, %high)",
                    "%c1_ = Transpose(%c1) {perm=[0,2,3,1]} : bridge\n%r1_ = Clip(%c1_, %low, %high)\n"
                    "%r1 = Transpose(%r1_) {perm=[0,3,1,2]} : bridge");
  const Aligned pair(blocks, target, {0, 2, 3, 1});
  EXPECT_EQ(pair.wrong(), Names{});
  EXPECT_EQ(pair.paired("r1_"), "r1");
  EXPECT_EQ(order_of(pair, "r1_"), (std::vector<int>{3, 1, 5, 0, 2, 4}));
}

// A trunk whose every value stands in the same order: additions, slopes, means, concatenation.
const std::string trunk = R"(input %x float32[1,3,8,8]
const %w1 float32[6,3,3,3] {random 1}
const %w2 float32[6,6,3,3] {random 2}
const %w3 float32[6,6,1,1] {random 3}
const %k float32[6,1,1] {0.5, 2, -1, 0.25, 3, 1}
const %w4 float32[3,6,1,1] {random 4}
const %w5 float32[6,10] {random 5}
const %axes int64[2] {2, 3}
const %shape int64[2] {1, 6}
%t1 = Conv(%x, %w1) {pads=[1,1,1,1]}
%c2 = Conv(%t1, %w2) {pads=[1,1,1,1]}
%t2 = Add(%t1, %c2)
%r2 = PRelu(%t2, %k)
%c3 = Conv(%r2, %w3)
%t3 = Add(%r2, %c3)
%side = Conv(%t3, %w4)
%far = Tanh(%side)
%g = ReduceMean(%t3, %axes)
%f = Reshape(%g, %shape)
%y = MatMul(%f, %w5)
output %y
output %far
)";

TEST(AnotherOrder, RunsThroughAResidualTrunk) {
  std::string target = permuted(trunk, six, {"w1", "w2", "w3", "k", "w4|", "w5"});
  target = permuted(target, six, {"w2_|", "w3_|"});
  const Aligned pair(trunk, target);
  EXPECT_EQ(pair.wrong(), Names{});
  for (const char* name : {"t1", "c2", "t2", "r2", "c3", "t3", "g", "y", "side"})
    EXPECT_EQ(pair.paired(name), name);
  // One reader of the trunk that does not follow, while the others do.
  const Aligned half(trunk, replaced(target, "Conv(%t3, %w4_)", "Conv(%t3, %w4)"));
  EXPECT_EQ(half.wrong(), Names{"side"});
}

TEST(AnOrderThatNothingUndoes, IsAFaultWhereItBegins) {
  // The depthwise convolution does not follow.
  EXPECT_EQ(Aligned(blocks, permuted(blocks, six, {"w1", "b1"})).wrong(), Names{"c1"});
  // An addition of a branch that has it and one that has not.
  EXPECT_EQ(Aligned(trunk, permuted(trunk, six, {"w2"})).wrong(), Names{"c2"});
}

TEST(AnOrderThatNothingUndoes, IsAFaultAtTheModelsOutput) {
  const Aligned pair(trunk, permuted(trunk, "1, 2, 0", {"w4"}));
  EXPECT_EQ(pair.wrong(), Names{"side"});
  EXPECT_EQ(pair.paired("far"), "far");
}

TEST(AnOrderThatNothingUndoes, TwoOfThemAreTwo) {
  const std::string once = permuted(blocks, six, {"w1", "b1"});
  EXPECT_EQ(Aligned(blocks, permuted(once, four, {"w3", "b3"})).wrong(), (Names{"c1", "p1"}));
}

// One channel of what `name` holds, scaled.
std::string damaged(const std::string& text, const std::string& name, const std::string& shape) {
  const size_t at = text.rfind('\n', text.find("(%x")) + 1;
  std::string out = replaced(text, "%" + name + ",", "%" + name + "d,");
  return out.insert(at, "const %d float32" + shape + "\n%" + name + "d = Mul(%" + name + ", %d)\n");
}

TEST(AFaultWithinAnOrder, IsFoundWhereItIs) {
  const std::string right = chained(), six_rows = "[6,1,1,1] {1, 1, 2, 1, 1, 1}";
  const std::string with_w3 = damaged(right, "w3__", "[4,1,1,1] {1, 1, 1, 3}");
  for (const auto& [target, wrong] :
       {std::pair(damaged(right, "w1_", six_rows), "c1"), std::pair(damaged(right, "w2_", six_rows), "d1"),
        std::pair(replaced(right, "{random 3}", "{random 33}"), "d1"),
        std::pair(replaced(right, "{random 4}", "{random 44}"), "d1"), std::pair(with_w3, "p1"),
        std::pair(replaced(right, "{4, 1, 2, 0.5, 3, 1}", "{4, 1, 9, 0.5, 3, 1}"), "n2"),
        std::pair(replaced(right, "{pads=[1,1,1,1], group=6}", "{group=6}"), "d1"),
        std::pair(replaced(right, "{random 8}", "{random 88}"), "c3")}) {
    const Aligned pair(blocks, target);
    EXPECT_EQ(pair.wrong(), Names{wrong});
    for (const char* name : {"c1", "d1", "r2", "p1", "n2", "r3", "c3"}) EXPECT_EQ(pair.paired(name), name);
  }
}

TEST(AFaultWithinAnOrder, MayNeedSeveralOperators) {
  const std::string target =
      replaced(replaced(chained(), "%r2 = Clip(%d1", "%d2 = Pad(%d1, %pads)\n%r2 = Clip(%d2"),
               "{pads=[1,1,1,1], group=6}", "{group=6}");
  const Aligned pair(blocks, "const %pads int64[8] {0, 0, 1, 1, 0, 0, 1, 1}\n" + target);
  EXPECT_EQ(pair.wrong(), (Names{"d1", "d2"}));
  EXPECT_EQ(pair.paired("d2"), "d1");
  EXPECT_EQ(order_of(pair, "d2"), (std::vector<int>{3, 1, 5, 0, 2, 4}));
}

TEST(AFaultWithinAnOrder, MayBeThatOneDoesNotUndoWhatTheOthersFollow) {
  const Aligned pair(blocks, permuted(blocks, six, {"w1", "b1", "w2", "b2"}));
  EXPECT_EQ(pair.wrong(), Names{"p1"});
  EXPECT_EQ(pair.paired("e2"), "e2");
}

TEST(AFaultWithinAnOrder, ADroppedActivationIsAnEdge) {
  const Aligned pair(
      blocks, replaced(replaced(chained(), "%r2 = Clip(%d1, %low, %high)\n", ""), "Conv(%r2", "Conv(%d1"));
  EXPECT_EQ(pair.wrong(), Names{});
  ASSERT_EQ(pair.alignment.edges.size(), 1u);
  EXPECT_EQ(pair.source.value(pair.alignment.edges[0].expected).name, "r2");
  EXPECT_EQ(pair.alignment.edges[0].arrangement.channels.from, (std::vector<int>{3, 1, 5, 0, 2, 4}));
}

TEST(NearestOrder, FindsAnyPermutationOnAnyAxis) {
  std::mt19937 random(1);
  for (int round = 0; round < 40; ++round) {
    const Shape shape{1, 2 + static_cast<int64_t>(random() % 6), 3 + static_cast<int64_t>(random() % 5), 4};
    const int axis = static_cast<int>(random() % 3);
    ChannelOrder order{axis, std::vector<int>(static_cast<size_t>(shape[static_cast<size_t>(axis) + 1]))};
    std::iota(order.from.begin(), order.from.end(), 0);
    std::shuffle(order.from.begin(), order.from.end(), random);
    const std::vector<Tensor> source{noise(shape, 1), noise(shape, 2)};
    const std::vector<Tensor> target{reordered(source[0], order), reordered(source[1], order)};
    const ChannelOrder found = nearest_order(source, target, axis);
    if (std::is_sorted(order.from.begin(), order.from.end()))
      EXPECT_TRUE(found.empty());
    else
      EXPECT_EQ(found, order);
  }
}

TEST(NearestOrder, WhatIsNoNumberHasNone) {
  const Tensor nothing = Tensor::of(std::vector<float>(6, std::nanf("")), {1, 3, 2});
  EXPECT_TRUE(nearest_order(std::vector<Tensor>{nothing}, std::vector<Tensor>{nothing}, 0).empty());
}

TEST(ChannelOrders, AreTakenBeforeDimensionsAreTurned) {
  const Tensor value = Tensor::of(std::vector<float>{0, 1, 2, 3, 4, 5}, {1, 3, 2});
  const ChannelOrder order{0, {2, 0, 1}};
  EXPECT_TRUE(fits(order, value.shape()));
  EXPECT_FALSE(fits(order, {1, 2, 3}));
  const Tensor turned = hand_over(value, {{1, 0}, order}, {2, 3});
  EXPECT_TRUE(turned.identical(Tensor::of(std::vector<float>{4, 0, 2, 5, 1, 3}, {2, 3})));
  EXPECT_TRUE(in_source_layout(turned, {1, 0}, value.shape()).identical(reordered(value, order)));
}

}  // namespace
}  // namespace fetafix::align
