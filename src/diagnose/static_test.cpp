#include "diagnose/static.h"

#include "align/testing/pair.h"

namespace fetafix::diagnose {
namespace {

using namespace align::testing;
using Names = std::vector<std::string>;

struct Compared {
  Names patterns;      // "pattern at value"
  size_t unknown = 0;  // operators of both sides
};

Compared compared(const std::string& source_text, const std::string& target_text) {
  const auto source = align::canonical(parse(source_text)), target = align::canonical(parse(target_text));
  const auto comparison = compare_static(source, target);
  Compared out;
  for (const auto& one : comparison.differences)
    out.patterns.push_back(one.pattern + " at " + target.value(target.node(one.target_node).outputs[0]).name);
  for (const auto& [node, likeness] : comparison.operators) out.unknown += likeness == Likeness::unknown;
  out.unknown += comparison.source_left + comparison.outputs_unknown;
  return out;
}

void expect(const std::string& target, const Names& patterns, size_t unknown = 0) {
  const Compared found = compared(small_net, target);
  EXPECT_EQ(found.patterns, patterns);
  EXPECT_EQ(found.unknown, unknown);
}

TEST(Static, TheSameIsTheSame) {
  expect(small_net, {});
  expect(replaced(small_net, "Add(%s2, %r1)", "Add(%r1, %s2)"), {});
}

TEST(Static, NumbersAndAttributes) {
  expect(replaced(small_net, "{random 3}", "{random 30}"), {"weights at c2"});
  expect(replaced(small_net, "{random 2}", "{random 20}"), {"bias at c1"});
  expect(replaced(small_net, "Conv(%x, %w1, %b1)", "Conv(%x, %w1)"), {"lost-bias at c1"});
  expect(replaced(small_net, "Conv(%r1, %w2) {pads=[1,1,1,1]}", "Conv(%r1, %w2) {pads=[0,0,2,2]}"),
         {"pads at c2"});
  expect(replaced(small_net, "Conv(%a, %w3)", "Conv(%a, %w3) {strides=[2,2]}"), {"strides at c3"});
}

TEST(Static, AKernelOnItsSideIsAnother) {
  const std::string one =
      "input %x float32[1,1,8,8]\nconst %w float32[1,1,2,2] {1, 2, 3, 4}\n%y = Conv(%x, %w)\noutput %y\n";
  EXPECT_EQ(compared(one, one).patterns, Names{});
  EXPECT_EQ(compared(one, replaced(one, "{1, 2, 3, 4}", "{1, 3, 2, 4}")).patterns,
            (Names{"weights-permuted at y"}));
}

TEST(Static, Operators) {
  expect(replaced(replaced(small_net, "%r3 = Relu(%c3)\n", ""), "Reshape(%r3", "Reshape(%c3"),
         {"missing-operator at y"});
  expect(replaced(small_net, "%a = Add(%s2, %r1)", "%e = Sigmoid(%s2)\n%a = Add(%e, %r1)"),
         {"extra-operator at e"});
  expect(replaced(small_net, "%s2 = Sigmoid(%c2)", "%s2 = Tanh(%c2)"), {"operator-type at s2"});
  expect(replaced(small_net, "Add(%s2, %r1)", "Add(%s2, %c1)"), {"rewired-operand at a"});
}

TEST(Static, FoldedNormalizationIsTheSame) {
  const std::string source =
      "input %x float32[1,3,8,8]\nconst %w float32[2,3,3,3] {random 1}\n"
      "const %s float32[2] {2, 0.5}\nconst %b float32[2] {0.25, -1}\nconst %m float32[2] {0.5, 0.125}\n"
      "const %v float32[2] {4, 1}\nconst %k float32[2] {-0.25, -1.0625}\n%c = Conv(%x, %w)\n"
      "%n = BatchNormalization(%c, %s, %b, %m, %v) {epsilon=0.0}\n%y = Relu(%n)\noutput %y\n";
  // scale / sqrt(variance) is 1 and 0.5; the bias is b - m * that.
  const std::string target =
      "input %x float32[1,3,8,8]\nconst %w float32[2,3,3,3] {random 1}\nconst %g float32[1,2,1,1] {1, 0.5}\n"
      "const %k float32[2] {-0.25, -1.0625}\nconst %h float32[1,2,1,1] {-0.25, -1.0625}\n%c = Conv(%x, %w)\n"
      "%d = Mul(%c, %g)\n%e = Add(%d, %h)\n%y = Relu(%e)\noutput %y\n";
  const Compared found = compared(source, target);
  EXPECT_EQ(found.patterns, Names{});
  EXPECT_EQ(found.unknown, 0u);
}

// The same network with the channels last: what converters to TFLite make.
TEST(Static, TheLayoutIsNoDifference) {
  const std::string first =
      "input %x float32[1,3,8,8]\nconst %w float32[6,3,3,3] {random 1}\nconst %v float32[6,10] {random 2}\n"
      "const %lo float32[] {0}\nconst %hi float32[] {6}\nconst %flat int64[2] {1, 6}\n";
  const std::string source =
      first +
      "%c = Conv(%x, %w) {pads=[0,0,1,1]}\n%r = Clip(%c, %lo, %hi)\n"
      "%g = GlobalAveragePool(%r)\n%f = Reshape(%g, %flat)\n%y = MatMul(%f, %v)\noutput %y\n";
  const std::string behind =
      "%i = Transpose(%x) {perm=[0,3,1,2]}\n%c = Conv(%i, %w) {pads=[0,0,1,1]}\n"
      "%o = Transpose(%c) {perm=[0,2,3,1]}\n%r = Clip(%o, %lo, %hi)\n%g = ReduceMean(%r, %axes) "
      "{keepdims=0}\n"
      "%y = MatMul(%g, %v)\noutput %y\n";
  const std::string target = replaced(first, "[1,3,8,8]", "[1,8,8,3]");
  const Compared same = compared(source, target + "const %axes int64[2] {1, 2}\n" + behind);
  EXPECT_EQ(same.patterns, Names{});
  EXPECT_EQ(same.unknown, 0u);
  const Compared other = compared(source, target + "const %axes int64[2] {2, 3}\n" + behind);
  EXPECT_EQ(other.patterns, Names{});
  EXPECT_EQ(other.unknown, 2u);  // the mean, and what reads it
}

TEST(Static, TrainingModeIsOneFault) {
  const std::string normalized =
      "input %x float32[1,3,8,8]\nconst %w float32[2,3,3,3] {random 1}\nconst %s float32[2] {2, 0.5}\n"
      "const %b float32[2] {0.25, -1}\n%c = Conv(%x, %w)\n%n = BatchNormalization(%c, %s, %b, %b, %s)\n"
      "%y = Relu(%n)\noutput %y\n";
  const Compared found =
      compared(normalized, replaced(normalized, "%b, %s)\n", "%b, %s) {training_mode=1}\n"));
  EXPECT_EQ(found.patterns, (Names{"training-mode at n"}));
  EXPECT_EQ(found.unknown, 0u);
}

TEST(Static, WhatOnlyARunTellsIsCounted) {
  const auto moved = replaced(small_net, "%f = Reshape(%r3, %shape)",
                              "%t = Transpose(%r3) {perm=[0,2,3,1]}\n%f = Reshape(%t, %shape)");
  expect(moved, {}, 1);
  expect(replaced(small_net, "%s2 = Sigmoid(%c2)", "%h = Exp(%c2)\n%s2 = Neg(%h)"), {}, 4);
}

}  // namespace
}  // namespace fetafix::diagnose
