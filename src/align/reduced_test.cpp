// Targets that keep numbers in fewer bits: the float form, what was rounded away, and the walk over both.
#include "align/float_form.h"
#include "align/half_steps.h"
#include "align/testing/pair.h"

namespace fetafix::align {
namespace {

using namespace testing;
using Names = std::vector<std::string>;

// Two convolutions; the second's weights of a few numbers, so that they can be written as integers.
const std::string net = R"(input %x float32[1,2,6,6]
const %w float32[2,2,1,1] {0.5, -0.25, 1, 0.75}
const %w2 float32[3,2,3,3] {random 2}
%c = Conv(%x, %w)
%r = Relu(%c)
%y = Conv(%r, %w2)
output %y
)";

// Steps of 1/100 a weight; the activation is left to the saturation of the quantized type.
const std::string quantized = R"(input %x float32[1,2,6,6]
const %wq int8[2,2,1,1] {50, -25, 100, 75}
const %ws float32[2] {0.01, 0.01}
const %s float32[] {0.02}
const %z int8[] {-128}
const %w2 float32[3,2,3,3] {random 2}
%w = DequantizeLinear(%wq, %ws) {axis=0}
%c = Conv(%x, %w)
%q = QuantizeLinear(%c, %s, %z)
%d = DequantizeLinear(%q, %s, %z)
%y = Conv(%d, %w2)
output %y
)";

TEST(FloatForm, RoundingOfActivationsIsASaturation) {
  const Graph form = float_form(parse(quantized));
  EXPECT_EQ(form.nodes[2].type, "Clip");
  EXPECT_EQ(form.value(form.nodes[2].inputs[1]).constant.as<float>()[0], 0.0f);
  EXPECT_FLOAT_EQ(form.value(form.nodes[2].inputs[2]).constant.as<float>()[0], 255 * 0.02f);
  EXPECT_EQ(form.nodes[3].type, "Identity");
  EXPECT_EQ(form.nodes[0].type, "DequantizeLinear");  // weights stay rounded
  EXPECT_TRUE(graph::verify(form).ok());
}

TEST(FloatForm, OtherReadersOfTheIntegersKeepThem) {
  const Graph form = float_form(parse(
      "input %x float32[4]\nconst %s float32[] {0.5}\nconst %z uint8[] {3}\n%q = QuantizeLinear(%x, %s, %z)\n"
      "%d = DequantizeLinear(%q, %s, %z)\n%i = Cast(%q) {to=6}\noutput %d\noutput %i\n"));
  EXPECT_EQ(form.nodes[0].type, "QuantizeLinear");
  EXPECT_EQ(form.nodes[1].type, "DequantizeLinear");
}

TEST(FloatForm, FusedQuantizedConvolutions) {
  const Graph form = float_form(
      parse("input %x uint8[1,2,4,4]\nconst %xs float32[] {0.5}\nconst %xz uint8[] {0}\nconst %w "
            "int8[1,2,1,1] {1, 2}\n"
            "const %ws float32[] {0.25}\nconst %wz int8[] {0}\nconst %ys float32[] {2}\nconst %yz uint8[] "
            "{0}\nconst %b "
            "int32[1] {8}\n%y = QLinearConv(%x, %xs, %xz, %w, %ws, %wz, %ys, %yz, %b)\noutput %y\n"));
  Names types;
  for (const auto& node : form.nodes) types.push_back(node.type);
  EXPECT_EQ(types, (Names{"DequantizeLinear", "DequantizeLinear", "DequantizeLinear", "Conv", "Clip"}));
}

TEST(HalfSteps, OfQuantizedConstantsByChannel) {
  const Graph form = float_form(
      parse("const %q int8[2,2] {1, 2, 3, 4}\nconst %s float32[2] {0.5, 0.25}\n%w = DequantizeLinear(%q, %s) "
            "{axis=0}\n%t = Transpose(%w) {perm=[1,0]}\noutput %t\n"));
  HalfSteps steps(form);
  const Tensor half = steps.of(form.nodes[1].outputs[0], {2, 2});
  ASSERT_EQ(half.size(), 4);
  EXPECT_EQ(std::vector<float>(half.as<float>().begin(), half.as<float>().end()),
            (std::vector<float>{0.25f, 0.125f, 0.25f, 0.125f}));
}

TEST(HalfSteps, NothingWasRoundedInFloat) {
  const Graph form = float_form(parse(net));
  HalfSteps steps(form);
  EXPECT_FALSE(steps.any());
  EXPECT_TRUE(steps.of(form.nodes[0].inputs[1], {2, 2, 1, 1}).empty());
}

TEST(WalkOnQuantized, RightOneIsExact) {
  const Aligned pair(net, quantized);
  EXPECT_EQ(pair.wrong(), Names{});
  EXPECT_EQ(pair.paired("q"), "r");  // the saturation is the activation
}

TEST(WalkOnQuantized, AWrongWeightIsFound) {
  const Aligned pair(net, replaced(quantized, "{50, -25, 100, 75}", "{50, -25, 100, 60}"));
  EXPECT_EQ(pair.wrong(), Names{"c"});
}

TEST(WalkOnQuantized, AScaleThatCutsOffIsFound) {
  const Aligned pair(net, replaced(quantized, "const %s float32[] {0.02}", "const %s float32[] {0.002}"));
  EXPECT_FALSE(pair.wrong().empty());
}

// What confirms a value lies further on, behind weights that the walk has not unpacked yet.
TEST(WalkOnQuantized, AnExtraActivationIsNamedAtItsPlace) {
  const std::string source =
      "input %x float32[1,2,6,6]\nconst %w float32[2,2,1,1] {0.5, -0.25, 1, 0.75}\n"
      "const %w2 float32[2,2,1,1] {1, 0.5, -0.5, 0.25}\nconst %w3 float32[3,2,3,3] {random 2}\n"
      "%c = Conv(%x, %w)\n%e = Conv(%c, %w2)\n%y = Conv(%e, %w3)\noutput %y\n";
  const std::string target =
      "input %x float32[1,2,6,6]\nconst %w float32[2,2,1,1] {0.5, -0.25, 1, 0.75}\n"
      "const %q2 int8[2,2,1,1] {100, 50, -50, 25}\nconst %s float32[2] {0.01, 0.01}\n"
      "const %w3 float32[3,2,3,3] {random 2}\n"
      "%c = Conv(%x, %w)\n%extra = Relu(%c)\n%w2 = DequantizeLinear(%q2, %s) {axis=0}\n"
      "%e = Conv(%extra, %w2)\n%y = Conv(%e, %w3)\noutput %y\n";
  const Aligned pair(source, target);
  EXPECT_EQ(pair.wrong(), Names{"extra"});
}

// An operator whose result depends on the sample in the source and no longer in the target.
TEST(WalkOnConstantResults, SoftmaxOverOneElement) {
  const std::string source =
      "input %x float32[1,6]\nconst %w float32[6,4] {random 1}\n%m = MatMul(%x, %w)\n%y = Softmax(%m) "
      "{axis=1}\n"
      "output %y\n";
  const std::string target =
      "input %x float32[1,6]\nconst %w float32[6,4] {random 1}\nconst %s int64[3] {1, 4, 1}\n%m = MatMul(%x, "
      "%w)\n"
      "%u = Reshape(%m, %s)\n%y = Softmax(%u) {axis=2}\noutput %y\n";
  const Aligned pair(source, target);
  EXPECT_EQ(pair.wrong(), Names{"y"});
}

}  // namespace
}  // namespace fetafix::align
