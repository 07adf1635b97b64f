// From a small broken pair to the edit that mends it: alignment, diagnosis and search together.
#include "align/testing/pair.h"
#include "repair/repair.h"

namespace fetafix::repair {
namespace {

using align::testing::Aligned;
using align::testing::evaluator;
using align::testing::replaced;

struct Outcome {
  size_t faults = 0;
  std::string pattern;  // of the first fault's kept candidate; "" none
  bool accepted = false;
  size_t edits = 0;
  double relative_error = 1;
};

Outcome mend(const std::string& source, const std::string& target) {
  const Aligned pair(source, target);
  const auto faults = diagnose::diagnose(pair.source, pair.target, *pair.values, pair.alignment);
  auto repairs = search(evaluator(), pair.target, *pair.values, pair.alignment, faults, {});
  EXPECT_TRUE(repairs.ok());
  Outcome out;
  out.faults = faults.size();
  if (!repairs.ok() || repairs->empty() || (*repairs)[0].kept < 0) return out;
  const Trial& kept = (*repairs)[0].trials[static_cast<size_t>((*repairs)[0].kept)];
  out.pattern = kept.candidates[0]->pattern;
  out.accepted = kept.outcome == repair::Outcome::accepted;
  out.edits = kept.candidates[0]->edits.size();
  out.relative_error = kept.relative_error;
  return out;
}

// One fault, mended by one candidate of that pattern.
Outcome expect_mended(const std::string& source, const std::string& target, const std::string& pattern) {
  const Outcome out = mend(source, target);
  EXPECT_EQ(out.faults, 1u);
  EXPECT_EQ(out.pattern, pattern);
  EXPECT_TRUE(out.accepted);
  return out;
}

const std::string branches = R"(input %x float32[1,3,8,8]
const %w1 float32[6,3,3,3] {random 1}
const %w2 float32[6,3,3,3] {random 2}
const %w3 float32[4,12,1,1] {random 3}
%c1 = Conv(%x, %w1) {pads=[1,1,1,1]}
%c2 = Conv(%x, %w2) {pads=[1,1,1,1]}
%r1 = Relu(%c1)
%r2 = Sigmoid(%c2)
%k = Concat(%r1, %r2) {axis=1}
%s = Softmax(%k) {axis=1}
%y = Conv(%s, %w3)
output %y
)";

TEST(Structure, OperandsInAnotherOrder) {
  const auto out =
      expect_mended(branches, replaced(branches, "Concat(%r1, %r2)", "Concat(%r2, %r1)"), "rewired-operand");
  EXPECT_EQ(out.edits, 2u);
}

TEST(Structure, ABiasOfZeros) {
  const std::string head = R"(input %x float32[2,8]
const %w float32[6,8] {random 1}
const %b float32[6] {random 2}
%s = Sigmoid(%x)
%y = Gemm(%s, %w, %b) {transB=1}
output %y
)";
  expect_mended(head, replaced(head, "{random 2}", "{0, 0, 0, 0, 0, 0}"), "tensor");
}

const std::string normalized = R"(input %x float32[2,5,8]
const %w float32[8,6] {random 1}
const %s float32[8] {random 2}
const %b float32[8] {random 3}
%h = HardSwish(%x)
%n = LayerNormalization(%h, %s, %b)
%m = MatMul(%n, %w)
%y = Sigmoid(%m)
output %y
)";

const std::string bordered = R"(input %x float32[1,3,8,8]
const %w1 float32[4,3,3,3] {random 1}
const %w2 float32[5,4,3,3] {random 2}
%c = Conv(%x, %w1) {pads=[1,1,1,1]}
%r = Sigmoid(%c)
%p = AveragePool(%r) {kernel_shape=[3,3], pads=[1,1,1,1]}
%y = Conv(%p, %w2)
output %y
)";

TEST(Structure, AnAverageThatCountsTheBorder) {
  const auto counted = replaced(bordered, "%p = AveragePool(%r) {kernel_shape=[3,3], pads=[1,1,1,1]}",
                                "const %n int64[8] {0,0,1,1,0,0,1,1}\n%d = Pad(%r, %n)\n"
                                "%p = AveragePool(%d) {kernel_shape=[3,3]}");
  EXPECT_EQ(expect_mended(bordered, counted, "pad-amounts").edits, 2u);
}

TEST(Structure, AnInputThatIsTransposedBeforeAPad) {
  const auto swapped = replaced(bordered, "%c = Conv(%x, %w1) {pads=[1,1,1,1]}",
                                "const %n int64[8] {0,0,1,1,0,0,1,1}\n%t = Transpose(%x) {perm=[0,1,3,2]}\n"
                                "%d = Pad(%t, %n)\n%c = Conv(%d, %w1)");
  expect_mended(bordered, swapped, "extra-transpose");
}

// InstanceNormalization as one operator and written out.
const std::string whole_norm = R"(input %x float32[1,4,6,6]
const %s float32[4] {random 1}
const %b float32[4] {random 2}
const %w float32[5,4,3,3] {random 3}
%r = Sigmoid(%x)
%n = InstanceNormalization(%r, %s, %b) {epsilon=0.001}
%y = Conv(%n, %w)
output %y
)";
const std::string norm_in_parts = R"(input %x float32[1,4,6,6]
const %s float32[1,4,1,1] {random 1}
const %b float32[1,4,1,1] {random 2}
const %w float32[5,4,3,3] {random 3}
const %axes int64[2] {2,3}
const %e float32[] {0.001}
%r = Sigmoid(%x)
%m = ReduceMean(%r, %axes)
%d = Sub(%r, %m)
%q = Mul(%d, %d)
%v = ReduceMean(%q, %axes)
%ve = Add(%v, %e)
%root = Sqrt(%ve)
%t = Div(%d, %root)
%g = Mul(%t, %s)
%n = Add(%g, %b)
%y = Conv(%n, %w)
output %y
)";

TEST(Structure, TheEpsilonOfANormalizationThatIsWrittenOut) {
  expect_mended(whole_norm, replaced(norm_in_parts, "{0.001}", "{0.1}"), "epsilon");
  // The tolerance of one operator is that of its own rounding; the source's several round more.
  const Outcome whole = mend(norm_in_parts, replaced(whole_norm, "=0.001", "=0.1"));
  EXPECT_EQ(whole.pattern, "epsilon");
  EXPECT_LT(whole.relative_error, 1e-6);
}

TEST(Structure, AnOperatorThatACanonicalFormTakesApartIsRepeated) {
  const auto twice = replaced(normalized, "%n = Layer", "%h2 = HardSwish(%h)\n%n = Layer");
  expect_mended(normalized, replaced(twice, "Normalization(%h,", "Normalization(%h2,"), "extra-operator");
}

TEST(Structure, AReductionOverOtherAxes) {
  const std::string reduced = R"(input %x float32[1,3,8,8]
const %w1 float32[6,3,3,3] {random 1}
const %axes int64[1] {2}
%c = Conv(%x, %w1) {pads=[1,1,1,1]}
%m = ReduceMean(%c, %axes)
%y = Sigmoid(%m)
output %y
)";
  expect_mended(reduced, replaced(reduced, "int64[1] {2}", "int64[1] {3}"), "axes");
}

TEST(Structure, AnotherAxis) {
  expect_mended(branches, replaced(branches, "Softmax(%k) {axis=1}", "Softmax(%k) {axis=2}"), "axis");
}

const std::string moved = R"(input %x float32[1,3,8,8]
const %w1 float32[6,3,3,3] {random 1}
const %w2 float32[384,4] {random 2}
const %w3 float32[4,5] {random 3}
const %sizes int64[2] {-1,384}
%c = Conv(%x, %w1) {pads=[1,1,1,1]}
%t = Transpose(%c) {perm=[0,2,3,1]}
%f = Reshape(%t, %sizes)
%m = MatMul(%f, %w2)
%r = Relu(%m)
%y = MatMul(%r, %w3)
output %y
)";

TEST(Structure, AnotherOrderOfDimensions) {
  const auto out =
      expect_mended(moved, replaced(moved, "perm=[0,2,3,1]", "perm=[0,3,2,1]"), "transpose-order");
  EXPECT_EQ(out.edits, 1u);
}

TEST(Structure, AnOperatorThatIsCalledByANameThatNobodyKnows) {
  expect_mended(branches, replaced(branches, "%c2 = Conv(%x, %w2)", "%c2 = Conv2D(%x, %w2)"),
                "operator-type");
}

const std::string pooled = R"(input %x float32[1,3,8,8]
const %w1 float32[6,3,3,3] {random 1}
const %w2 float32[6,4] {random 2}
const %frozen float32[1,6] {random 3}
const %sizes int64[2] {-1,6}
const %axes int64[2] {2,3}
%c = Conv(%x, %w1)
%p = GlobalAveragePool(%c)
%f = Reshape(%p, %sizes)
%y = MatMul(%f, %w2)
output %y
)";

TEST(Structure, AReductionOfAnotherKind) {
  const std::string target = replaced(pooled, "GlobalAveragePool(%c)", "ReduceSum(%c, %axes)");
  EXPECT_EQ(expect_mended(pooled, target, "operator-type").edits, 1u);
}

const std::string activated = R"(input %x float32[1,3,8,8]
const %w1 float32[6,3,3,3] {random 1}
const %w2 float32[4,6,1,1] {random 2}
%c = Conv(%x, %w1)
%r = Relu(%c)
%p = MaxPool(%r) {kernel_shape=[2,2], strides=[2,2]}
%y = Conv(%p, %w2)
output %y
)";

// Neither that one operator is too many nor one in place of both is believed: two small edits mend it.
TEST(Structure, TwoOperatorsNextToEachOther) {
  const std::string target =
      replaced(replaced(activated, "Relu(%c)", "LeakyRelu(%c) {alpha=0.5}"), "MaxPool", "AveragePool");
  const Aligned pair(activated, target);
  const auto faults = diagnose::diagnose(pair.source, pair.target, *pair.values, pair.alignment);
  ASSERT_EQ(faults.size(), 1u);
  const auto repairs = search(evaluator(), pair.target, *pair.values, pair.alignment, faults, {});
  ASSERT_TRUE(repairs.ok() && (*repairs)[0].kept >= 0);
  const Trial& kept = (*repairs)[0].trials[static_cast<size_t>((*repairs)[0].kept)];
  EXPECT_EQ(kept.outcome, repair::Outcome::accepted);
  ASSERT_EQ(kept.candidates.size(), 2u);
  for (const faults::Candidate* one : kept.candidates) EXPECT_EQ(one->pattern, "operator-type");
}

TEST(Structure, AConvolutionThatIsThereTwice) {
  const std::string source =
      replaced(activated, "%y = Conv(%p, %w2)",
               "%d = Conv(%p, %w3) {group=6, pads=[1,1,1,1]}\n%e = Relu(%d)\n%y = Conv(%e, %w2)");
  const std::string with = replaced(source, "const %w2", "const %w3 float32[6,1,3,3] {random 3}\nconst %w2");
  const std::string twice =
      replaced(with, "%e = Relu(%d)", "%g = Relu(%d)\n%e = Conv(%g, %w3) {group=6, pads=[1,1,1,1]}");
  EXPECT_EQ(expect_mended(with, twice, "extra-operator").edits, 1u);
}

// Nothing has been computed yet that says in which order height and width stand.
TEST(Structure, ATransposedKernelBehindAPad) {
  const std::string source = replaced(activated, "Conv(%x, %w1)", "Conv(%x, %w1) {pads=[0,0,1,1]}");
  std::string target = replaced(activated, "const %w1 float32[6,3,3,3] {random 1}",
                                "const %q int64[8] {0,0,0,0,0,0,1,1}\nconst %k float32[6,3,3,3] {random 1}");
  target = replaced(target, "%c = Conv(%x, %w1)",
                    "%w1 = Transpose(%k) {perm=[0,1,3,2]}\n%o = Pad(%x, %q)\n%c = Conv(%o, %w1)");
  const Aligned pair(source, target);
  for (const auto& edge : pair.alignment.edges)
    EXPECT_FALSE(edge.node >= 0 && pair.target.node(edge.node).type == "Pad");
  EXPECT_EQ(pair.paired("c"), "c");
}

TEST(Structure, ABorderOfAnotherNumber) {
  const std::string target =
      replaced(replaced(branches, "const %w3",
                        "const %p int64[8] {0,0,1,1,0,0,1,1}\nconst %one float32[1] {1}\nconst %w3"),
               "%c1 = Conv(%x, %w1) {pads=[1,1,1,1]}", "%d = Pad(%x, %p, %one)\n%c1 = Conv(%d, %w1)");
  EXPECT_EQ(expect_mended(branches, target, "pad-amounts").edits, 1u);
}

TEST(Structure, WhatWasFrozenToNumbersIsComputedAgain) {
  const std::string target = replaced(pooled, "MatMul(%f, %w2)", "MatMul(%frozen, %w2)");
  EXPECT_EQ(expect_mended(pooled, target, "rewired-operand").edits, 1u);
}

const std::string heads = R"(input %x float32[1,6,8]
const %w1 float32[8,8] {random 1}
const %w2 float32[8,5] {random 2}
const %split int64[4] {1,6,2,4}
const %joined int64[3] {1,6,8}
%a = MatMul(%x, %w1)
%h = Reshape(%a, %split)
%t = Transpose(%h) {perm=[0,2,1,3]}
%s = Sigmoid(%t)
%u = Transpose(%s) {perm=[0,2,1,3]}
%j = Reshape(%u, %joined)
%y = MatMul(%j, %w2)
output %y
)";

// A Reshape takes what it is given: nothing but the numbers shows it.
TEST(Structure, ALostTransposeBeforeAReshape) {
  const auto out = expect_mended(heads, replaced(heads, "Reshape(%u, %joined)", "Reshape(%s, %joined)"),
                                 "missing-transpose");
  EXPECT_EQ(out.edits, 1u);
}

const std::string padded = R"(input %x float32[1,3,8,8]
const %w1 float32[6,3,3,3] {random 1}
const %w2 float32[4,6,1,1] {random 2}
const %p int64[8] {0,0,1,1,0,0,1,1}
%c = Conv(%x, %w1)
%d = Pad(%c, %p)
%m = AveragePool(%d) {kernel_shape=[3,3], strides=[2,2]}
%y = Conv(%m, %w2)
output %y
)";

// It comes out right by itself: what is behind it does not.
TEST(Structure, APadThatPadsNothing) {
  const auto out =
      expect_mended(padded, replaced(padded, "{0,0,1,1,0,0,1,1}", "{0,0,0,0,0,0,0,0}"), "pad-amounts");
  EXPECT_EQ(out.edits, 1u);
}

TEST(Structure, ALostFlattenIsPutBack) {
  expect_mended(pooled, replaced(pooled, "MatMul(%f, %w2)", "MatMul(%p, %w2)"), "missing-reshape");
}

TEST(Structure, StoredNumbersOfAnotherSize) {
  expect_mended(
      branches,
      replaced(branches, "const %w2 float32[6,3,3,3] {random 2}", "const %w2 float32[6,27] {random 2}"),
      "misfit-tensor");
}

TEST(Structure, AnOperatorThatNoPatternKnows) {
  expect_mended(branches, replaced(branches, "%r2 = Sigmoid(%c2)", "%r2 = Cos(%c2)"), "replaced-segment");
}

const std::string written_out = R"(input %x float32[1,3,8,8]
const %w1 float32[6,3,3,3] {random 1}
const %w2 float32[4,6,3,3] {random 2}
const %three float32[] {3}
const %zero float32[] {0}
const %six float32[] {6}
const %sixth float32[] {0.16666667}
%c = Conv(%x, %w1) {pads=[1,1,1,1]}
%a = Add(%c, %three)
%l = Clip(%a, %zero, %six)
%m = Mul(%l, %sixth)
%h = Mul(%c, %m)
%y = Conv(%h, %w2) {pads=[1,1,1,1]}
output %y
)";

TEST(Structure, AWrittenOutActivationThatIsMissing) {
  const std::string target =
      "input %x float32[1,3,8,8]\nconst %w1 float32[6,3,3,3] {random 1}\nconst %w2 float32[4,6,3,3] {random "
      "2}\n"
      "%c = Conv(%x, %w1) {pads=[1,1,1,1]}\n%y = Conv(%c, %w2) {pads=[1,1,1,1]}\noutput %y\n";
  const auto out = mend(written_out, target);
  EXPECT_EQ(out.faults, 1u);
  EXPECT_EQ(out.pattern, "known-activation");
  EXPECT_LT(out.relative_error, 1e-7);  // one operator rounds otherwise than four
}

// On these samples the source's bound does nothing; taking the wrong one out would seem to be enough.
TEST(Structure, ABoundThatTheSamplesDoNotReachIsSetNotTakenOut) {
  const std::string source =
      "input %x float32[1,3,8,8]\nconst %w1 float32[6,3,3,3] {random 1}\nconst %w2 float32[4,6,3,3] {random "
      "2}\n"
      "const %low float32[] {-100}\nconst %high float32[] {100}\n"
      "%c = Conv(%x, %w1) {pads=[1,1,1,1]}\n%k = Clip(%c, %low, %high)\n"
      "%y = Conv(%k, %w2) {pads=[1,1,1,1]}\noutput %y\n";
  expect_mended(source, replaced(source, "{100}", "{0.5}"), "tensor");
}

// Two normalizations; the second reads the sum of the first one's operand and what follows from it.
const std::string residual = R"(input %x float32[1,16,8]
const %w0 float32[8,8] {random 1}
const %w1 float32[8,8] {random 2}
const %w2 float32[8,8] {random 3}
const %g1 float32[8] {random 4}
const %g2 float32[8] {random 5}
%t = MatMul(%x, %w0)
%n1 = LayerNormalization(%t, %g1)
%m = MatMul(%n1, %w1)
%sum = Add(%t, %m)
%n2 = LayerNormalization(%sum, %g2)
%y = MatMul(%n2, %w2)
output %y
)";

TEST(Structure, ABypassedJoinIsOneFaultAtItsPlace) {
  const auto out =
      mend(residual, replaced(residual, "LayerNormalization(%sum, %g2)", "LayerNormalization(%t, %g2)"));
  EXPECT_EQ(out.faults, 1u);
  EXPECT_TRUE(out.accepted);
}

TEST(Structure, TheEpsilonOfANormalizationIsAnAttributeOfIt) {
  expect_mended(
      residual,
      replaced(residual, "LayerNormalization(%sum, %g2)", "LayerNormalization(%sum, %g2) {epsilon=0.05}"),
      "tensor");
}

// A normalization of joined branches, and the Mul and Add that converters make of it. What it must be:
// scale = gamma / sqrt(variance + 0.001), shift = beta - mean * scale.
const std::string standing = R"(input %x float32[1,3,8,8]
const %w1 float32[2,3,3,3] {random 1}
const %w2 float32[2,3,3,3] {random 2}
const %w3 float32[5,4,1,1] {random 3}
const %g float32[4] {1, 2, 3, -1}
const %b float32[4] {0.5, -0.5, 1, 0}
const %m float32[4] {0.1, 0.2, -0.3, 0.4}
const %v float32[4] {0.999, 3.999, 0.249, 0.024}
%c1 = Conv(%x, %w1) {pads=[1,1,1,1]}
%c2 = Conv(%x, %w2) {pads=[1,1,1,1]}
%k = Concat(%c1, %c2) {axis=1}
%n = BatchNormalization(%k, %g, %b, %m, %v) {epsilon=0.001}
%r = Relu(%n)
%y = Conv(%r, %w3)
output %y
)";
const std::string multiplied =
    replaced(replaced(standing, "%n = BatchNormalization(%k, %g, %b, %m, %v) {epsilon=0.001}",
                      "%h = Mul(%k, %scale)\n%n = Add(%h, %shift)"),
             "const %g float32[4] {1, 2, 3, -1}",
             "const %scale float32[1,4,1,1] {1, 1, 6, -6.32455532}\n"
             "const %shift float32[1,4,1,1] {0.4, -0.7, 2.8, 2.52982213}\n"
             "const %g float32[4] {1, 2, 3, -1}");

TEST(Structure, ParametersOfANormalizationThatTheSourceHasMultipliedOut) {
  expect_mended(multiplied, replaced(standing, "{1, 2, 3, -1}", "{2, -1, 1, 3}"), "normalization-scale");
  expect_mended(multiplied, replaced(standing, "{1, 2, 3, -1}", "{0, 0, 0, 0}"), "normalization-scale");
  expect_mended(multiplied, replaced(standing, "{0.5, -0.5, 1, 0}", "{0, 0, 0, 0}"), "normalization-shift");
  expect_mended(multiplied, replaced(standing, "{0.1, 0.2, -0.3, 0.4}", "{0, 0, 0, 0}"),
                "normalization-shift");
  const auto epsilon =
      expect_mended(multiplied, replaced(standing, "epsilon=0.001", "epsilon=0.1"), "epsilon");
  EXPECT_EQ(epsilon.edits, 1u);
}

TEST(Structure, AMultipliedNormalizationThatTheSourceHasWhole) {
  expect_mended(standing, replaced(multiplied, "{1, 1, 6, -6.32455532}", "{1, 2, 3, 4}"),
                "normalization-scale");
  expect_mended(standing, replaced(multiplied, "{0.4, -0.7, 2.8, 2.52982213}", "{1, 2, 3, 4}"),
                "normalization-shift");
}

// What the source computes is only there again behind the normalization that it has folded.
TEST(Structure, AnActivationThatIsLostBeforeANormalizationWhichTheSourceHasFolded) {
  const std::string head =
      "input %x float32[1,3,8,8]\nconst %w1 float32[6,3,3,3] {random 1}\nconst %w2 float32[4,6,3,3] {random "
      "2}\n"
      "const %w3 float32[5,4,3,3] {random 3}\n%c = Conv(%x, %w1) {pads=[1,1,1,1]}\n";
  const std::string tail = "%e = Relu(%n)\n%y = Conv(%e, %w3)\noutput %y\n";
  const std::string folded =
      head +
      "const %k float32[4,1,1,1] {1, 0.5, 1, 1}\nconst %b float32[4] {-0.25, -1.0625, 0.25, -1}\n"
      "%r = Relu(%c)\n%kw = Mul(%w2, %k)\n%n = Conv(%r, %kw, %b) {dilations=[2,2], pads=[2,2,2,2]}\n" +
      tail;
  const std::string unfolded = head +
                               "const %s float32[4] {2, 0.5, 1, 1}\nconst %b float32[4] {0.25, -1, 0.5, 0}\n"
                               "const %m float32[4] {0.5, 0.125, 0.25, 1}\nconst %v float32[4] {4, 1, 1, 1}\n"
                               "%d = Conv(%c, %w2) {dilations=[2,2], pads=[2,2,2,2]}\n%n = "
                               "BatchNormalization(%d, %s, %b, %m, %v) {epsilon=0.0}\n" +
                               tail;
  EXPECT_EQ(expect_mended(folded, unfolded, "missing-operator").edits, 1u);
}

// A normalization as one operator, and as converters multiply it out: x * a + (beta - mean * a).
const std::string layer_norm = R"(input %x float32[1,6,8]
const %g float32[8] {random 1}
const %b float32[8] {random 2}
const %w1 float32[8,8] {random 3}
const %w2 float32[8,8] {random 4}
%n = LayerNormalization(%x, %g, %b) {epsilon=0.001}
%q = MatMul(%n, %w1)
%k = MatMul(%n, %w2)
%s = Sigmoid(%q)
%y = Mul(%s, %k)
output %y
)";
const std::string multiplied_out = R"(input %x float32[1,6,8]
const %g float32[8] {random 1}
const %b float32[8] {random 2}
const %w1 float32[8,8] {random 3}
const %w2 float32[8,8] {random 4}
const %axes int64[1] {2}
const %e float32[] {0.001}
%m = ReduceMean(%x, %axes)
%d = Sub(%x, %m)
%dd = Mul(%d, %d)
%v = ReduceMean(%dd, %axes)
%ve = Add(%v, %e)
%root = Sqrt(%ve)
%r = Reciprocal(%root)
%a = Mul(%r, %g)
%xa = Mul(%x, %a)
%ma = Mul(%m, %a)
%c = Sub(%b, %ma)
%n = Add(%xa, %c)
%q = MatMul(%n, %w1)
%k = MatMul(%n, %w2)
%s = Sigmoid(%q)
%y = Mul(%s, %k)
output %y
)";

TEST(Structure, TheScaleOfANormalizationThatIsMultipliedOut) {
  EXPECT_TRUE(Aligned(multiplied_out, layer_norm).wrong().empty());
  EXPECT_TRUE(Aligned(layer_norm, multiplied_out).wrong().empty());
  expect_mended(multiplied_out, replaced(layer_norm, "{random 1}", "{random 11}"), "scale-and-shift");
  expect_mended(layer_norm, replaced(multiplied_out, "{random 1}", "{random 11}"), "scale-and-shift");
}

// Read by one operator alone, and of zeros: what is added confirms nothing, and is what is wrong.
TEST(Structure, AShiftOfZerosThatOneOperatorReads) {
  const auto with_one_reader = [](const std::string& net) {
    return replaced(net, "%k = MatMul(%n, %w2)\n%s = Sigmoid(%q)\n%y = Mul(%s, %k)",
                    "%s = Sigmoid(%q)\n%y = MatMul(%s, %w2)");
  };
  const std::string wrong = replaced(with_one_reader(layer_norm), "{random 2}", "{0, 0, 0, 0, 0, 0, 0, 0}");
  expect_mended(with_one_reader(multiplied_out), wrong, "scale-and-shift");
}

TEST(Structure, TheShiftOfANormalizationThatIsMultipliedOut) {
  expect_mended(multiplied_out, replaced(layer_norm, "{random 2}", "{random 12}"), "scale-and-shift");
  expect_mended(layer_norm, replaced(multiplied_out, "{random 2}", "{random 12}"), "scale-and-shift");
  const std::string zeros = "{0, 0, 0, 0, 0, 0, 0, 0}";
  expect_mended(multiplied_out, replaced(layer_norm, "{random 2}", zeros), "scale-and-shift");
  expect_mended(layer_norm, replaced(multiplied_out, "{random 2}", zeros), "tensor");  // seems to be missing
  const auto reshaped = [](const std::string& net) {
    return replaced(replaced(net, "%q = MatMul(%n, %w1)",
                             "const %rows int64[2] {6, 8}\n%f = Reshape(%n, %rows)\n"
                             "%q = MatMul(%f, %w1)"),
                    "MatMul(%n, %w2)", "MatMul(%f, %w2)");
  };
  // The tolerance of what moves the sum is that of moving; that the sum rounds more does not count.
  const Outcome out = mend(reshaped(layer_norm), reshaped(replaced(multiplied_out, "{random 2}", zeros)));
  EXPECT_EQ(out.pattern, "tensor");
  EXPECT_LT(out.relative_error, 1e-6);
}

// Two layers that read the same: the second has the first's weights, whose product is a value of the source.
TEST(Structure, WeightsOfTheLayerBeside) {
  const std::string source = R"(input %x float32[1,6,8]
const %wq float32[8,8] {random 1}
const %wk float32[8,8] {random 2}
const %bq float32[8] {random 3}
const %bk float32[8] {random 4}
%q = MatMul(%x, %wq)
%qa = Add(%q, %bq)
%k = MatMul(%x, %wk)
%ka = Add(%k, %bk)
%t = Transpose(%ka) {perm=[0,2,1]}
%s = MatMul(%qa, %t)
%y = Softmax(%s) {axis=2}
output %y
)";
  const auto out = expect_mended(
      source, replaced(source, "const %wk float32[8,8] {random 2}", "const %wk float32[8,8] {random 1}"),
      "upstream-tensor");
  EXPECT_EQ(out.edits, 1u);
}

}  // namespace
}  // namespace fetafix::repair
