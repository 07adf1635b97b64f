// The walk on small pairs written as text.
#include "align/testing/pair.h"

#include <random>

namespace fetafix::align {
namespace {

using namespace testing;
using Names = std::vector<std::string>;

TEST(WalkOnTheSame, EverythingIsExact) {
  const Aligned pair(small_net, small_net);
  EXPECT_EQ(pair.wrong(), Names{});
  EXPECT_TRUE(pair.alignment.edges.empty());
  for (const char* name : {"c1", "r1", "c2", "s2", "a", "c3", "r3", "y"}) EXPECT_EQ(pair.paired(name), name);
  for (const auto& segment : pair.alignment.segments) EXPECT_EQ(segment.state, State::exact);
}

TEST(WalkOnNamedPairs, TheUserDecides) {
  EXPECT_EQ(Aligned(small_net, small_net, {}, {{"c3", "c3"}}).wrong(), Names{});
  const Aligned pair(small_net, small_net, {}, {{"r1", "s2"}});
  EXPECT_EQ(pair.paired("r1"), "s2");
  EXPECT_EQ(pair.wrong()[0], "r1");
}

TEST(WalkOnARewrite, FoldedNormalizationIsNoFault) {
  std::string source =
      "input %x float32[1,3,8,8]\nconst %w float32[2,3,3,3] {random 1}\n"
      "const %s float32[2] {2, 0.5}\nconst %b float32[2] {0.25, -1}\nconst %m float32[2] {0.5, 0.125}\nconst "
      "%v float32[2] {4, 1}\n"
      "const %w2 float32[4,2,3,3] {random 2}\n%c = Conv(%x, %w)\n%n = BatchNormalization(%c, %s, %b, %m, %v) "
      "{epsilon=0.0}\n"
      "%r = Relu(%n)\n%y = Conv(%r, %w2)\noutput %y\n";
  // scale / sqrt(variance) is 1 and 0.5; the bias is b - m * that.
  const std::string target =
      "input %x float32[1,3,8,8]\nconst %w float32[2,3,3,3] {random 1}\nconst %k float32[2,1,1,1] {1, 0.5}\n"
      "const %b float32[2] {-0.25, -1.0625}\nconst %w2 float32[4,2,3,3] {random 2}\n%kw = Mul(%w, %k)\n%c = "
      "Conv(%x, %kw, %b)\n"
      "%r = Relu(%c)\n%y = Conv(%r, %w2)\noutput %y\n";
  const Aligned pair(source, target);
  EXPECT_EQ(pair.wrong(), Names{});
  EXPECT_EQ(pair.paired("c"), "n");
  const Aligned unfolded(target, source);
  EXPECT_EQ(unfolded.wrong(), Names{});
  EXPECT_EQ(unfolded.paired("n"), "c");
}

// Nobody knows what an opaque operator computes, so that what follows it can't be told to be wrong.
TEST(WalkBehindAnOpaqueOperator, NothingIsAFaultThatCouldNotRun) {
  const std::string target = replaced(small_net, "%s2 = Sigmoid(%c2)",
                                      "%o = opaque my.domain::Odd(%c2)\n%q = Neg(%o)\n%s2 = Exp(%q)");
  const Aligned pair(small_net, target);
  for (const auto& segment : pair.alignment.segments) EXPECT_NE(segment.state, State::faulty);
  EXPECT_EQ(pair.paired("s2"), "s2");
  EXPECT_EQ(pair.paired("y"), "y");
}

// By how much a value is wrong is told where the walk goes on behind several operators, too.
TEST(WalkWhereItIsLost, TheErrorOfSeveralOperatorsIsMeasured) {
  const std::string source =
      "input %x float32[1,3,8,8]\nconst %w float32[2,3,3,3] {random 1}\n"
      "const %s float32[2] {2, 0.5}\nconst %b float32[2] {0.25, -1}\n"
      "const %m float32[2] {0.5, 0.125}\nconst %v float32[2] {4, 1}\n"
      "const %w2 float32[4,2,3,3] {random 2}\n%c = Conv(%x, %w)\n"
      "%n = BatchNormalization(%c, %s, %b, %m, %v) {epsilon=0.0}\n"
      "%r = Sigmoid(%n)\n%y = Conv(%r, %w2)\noutput %y\n";
  const std::string folded =
      "input %x float32[1,3,8,8]\nconst %w float32[2,3,3,3] {random 1}\n"
      "const %k float32[2,1,1,1] {1, 0.5}\nconst %b float32[2] {-0.25, -1.0625}\n"
      "const %w2 float32[4,2,3,3] {random 2}\n%kw = Mul(%w, %k)\n%c = Conv(%x, %kw, %b)\n"
      "%r = Sigmoid(%c)\n%y = Conv(%r, %w2)\noutput %y\n";
  const Aligned pair(folded, replaced(source, "{0.5, 0.125}", "{0.75, 0.125}"));
  int faulty = 0;
  for (const auto& segment : pair.alignment.segments) {
    if (segment.state != State::faulty) continue;
    ++faulty;
    EXPECT_EQ(segment.target_nodes.size(), 2u);
    EXPECT_GT(segment.relative_error, 0.01);
    EXPECT_LT(segment.relative_error, 0.9);
  }
  EXPECT_EQ(faulty, 1);
}

// What does not depend on the sample is judged with what it becomes part of, and its rounding with it.
TEST(WalkOnARewrite, RoundingOfWhatDoesNotDependOnTheSampleCounts) {
  const std::string head =
      "input %x float32[1,3,8,8]\nconst %w0 float32[64,3,1,1] {random 1}\nconst %five float32[] {5}\n"
      "const %w float32[4,64,3,3] {random 2}\nconst %s float32[4] {1.1, 0.7, 1.3, 0.3}\n"
      "const %b float32[4] {0.1, 0.2, 0.3, 0.4}\nconst %m float32[4] {0.7, -0.3, 0.1, 0.9}\n"
      "const %v float32[4] {1, 1, 1, 1}\nconst %shape int64[4] {4, 1, 1, 1}\n"
      "%c0 = Conv(%x, %w0)\n%k = Clip(%c0, %five, %five)\n";
  const std::string tail = "%cat = Concat(%n, %x) {axis=1}\n%y = Relu(%cat)\noutput %y\n";
  const std::string source = head +
                             "%a = Conv(%k, %w) {pads=[1,1,1,1]}\n"
                             "%n = BatchNormalization(%a, %s, %b, %m, %v) {epsilon=0.0}\n" +
                             tail;
  const std::string target = head +
                             "%g = Reshape(%s, %shape)\n%wf = Mul(%w, %g)\n%ms = Mul(%m, %s)\n"
                             "%bf = Sub(%b, %ms)\n%n = Conv(%k, %wf, %bf) {pads=[1,1,1,1]}\n" +
                             tail;
  EXPECT_EQ(Aligned(source, target).wrong(), Names{});
  EXPECT_EQ(Aligned(source, replaced(target, "Sub(%b", "Add(%b")).wrong(), (Names{"n", "cat"}));
}

TEST(WalkThroughLayouts, AnNhwcTargetPairsThroughItsBridges) {
  std::string target = replaced(small_net, "input %x float32[1,3,8,8]", "input %x float32[1,8,8,3]");
  target =
      replaced(target, "%c1 = Conv(%x,", "%x_ = Transpose(%x) {perm=[0,3,1,2]} : bridge\n%c1_ = Conv(%x_,");
  target = replaced(target, "%r1 = Relu(%c1)",
                    "%c1 = Transpose(%c1_) {perm=[0,2,3,1]} : bridge\n%r1_ = Relu(%c1)\n"
                    "%r1 = Transpose(%r1_) {perm=[0,3,1,2]} : bridge");
  const Aligned pair(small_net, target, {0, 2, 3, 1});
  EXPECT_EQ(pair.wrong(), Names{});
  EXPECT_EQ(pair.paired("r1_"), "r1");
  EXPECT_EQ(pair.paired("y"), "y");
}

TEST(WalkOnAFault, ADamagedWeightIsFoundWhereItIs) {
  EXPECT_EQ(Aligned(small_net, replaced(small_net, "{random 3}", "{random 33}")).wrong(), Names{"c2"});
  EXPECT_EQ(Aligned(small_net, replaced(small_net, "{random 2}", "{random 22}")).wrong(), Names{"c1"});
}

TEST(WalkOnAFault, TheLastOperatorToo) {
  EXPECT_EQ(Aligned(small_net, replaced(small_net, "{random 5}", "{random 55}")).wrong(), Names{"y"});
}

TEST(WalkOnAFault, AWrongActivationFunctionIsFound) {
  EXPECT_EQ(Aligned(small_net, replaced(small_net, "%s2 = Sigmoid", "%s2 = Tanh")).wrong(), Names{"s2"});
}

TEST(WalkOnAFault, TwoFaultsAreTwo) {
  const std::string target =
      replaced(replaced(small_net, "{random 3}", "{random 33}"), "{random 5}", "{random 55}");
  EXPECT_EQ(Aligned(small_net, target).wrong(), (Names{"c2", "y"}));
}

TEST(WalkOnAMissingNode, ADroppedActivationIsAnEdgeOrAFaultBesideIt) {
  const Aligned pair(small_net,
                     replaced(replaced(small_net, "%r3 = Relu(%c3)\n", ""), "Reshape(%r3", "Reshape(%c3"));
  EXPECT_TRUE(!pair.alignment.edges.empty() || !pair.wrong().empty());
  EXPECT_EQ(pair.paired("c3"), "c3");
  EXPECT_EQ(pair.paired("y"), "y");
}

TEST(WalkOnAnExtraNode, TheRestIsExact) {
  const Aligned pair(
      small_net,
      replaced(replaced(small_net, "%c2 = Conv(%r1", "%e = Tanh(%r1)\n%c2 = Conv(%e"), "%c3 =", "%c3 ="));
  for (const char* name : {"c1", "r1", "c2", "a", "c3", "y"}) EXPECT_EQ(pair.paired(name), name);
  EXPECT_TRUE(!pair.alignment.edges.empty() || !pair.wrong().empty());
}

TEST(WalkOnARewiredOperand, TheWrongOperandIsNamed) {
  const Aligned pair(small_net, replaced(small_net, "%a = Add(%s2, %r1)", "%a = Add(%s2, %c1)"));
  EXPECT_EQ(pair.paired("y"), "y");
  ASSERT_EQ(pair.alignment.edges.size(), 1u);
  const auto& edge = pair.alignment.edges[0];
  EXPECT_EQ(pair.target.value(pair.target.node(edge.node).outputs[0]).name, "a");
  EXPECT_EQ(edge.input, 1);
  EXPECT_EQ(pair.source.value(edge.expected).name, "r1");
  EXPECT_EQ(pair.source.value(edge.actual).name, "c1");
}

TEST(WalkOnABypassedAdd, TheRestIsPaired) {
  const Aligned pair(small_net,
                     replaced(replaced(small_net, "%a = Add(%s2, %r1)\n", ""), "Conv(%a", "Conv(%s2"));
  EXPECT_EQ(pair.paired("c3"), "c3");
  EXPECT_EQ(pair.paired("y"), "y");
  EXPECT_TRUE(!pair.alignment.edges.empty() || !pair.wrong().empty());
}

// A random graph of 4-channel operators; `damaged` names the Conv whose weights differ (-1: none).
std::string random_graph(unsigned seed, int damaged, int* convs) {
  std::mt19937 random(seed);
  std::string constants, nodes;
  Names values{"x"};
  int count = 0;
  for (int n = 0; n < 10; ++n) {
    const std::string in = values[values.size() - 1 - random() % std::min<size_t>(values.size(), 2)];
    const std::string name = "v" + std::to_string(n), w = "w" + std::to_string(n);
    const auto kind = n == 9 ? 0 : random() % 4;
    if (kind <= 1) {
      constants += "const %" + w + " float32[4,4,3,3] {random " +
                   std::to_string(seed * 100 + n + (count == damaged ? 50 : 0)) + "}\n";
      nodes += "%" + name + " = Conv(%" + in + ", %" + w + ") {pads=[1,1,1,1]}\n";
      ++count;
    } else if (kind == 2) {
      nodes += "%" + name + " = Sigmoid(%" + in + ")\n";
    } else {
      nodes += "%" + name + " = Add(%" + in + ", %" + values[random() % values.size()] + ")\n";
    }
    values.push_back(name);
  }
  if (convs) *convs = count;
  return "input %x float32[1,4,6,6]\n" + constants + nodes + "output %v9\n";
}

TEST(WalkOnRandomGraphs, AnUntouchedCopyIsExact) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    const std::string text = random_graph(seed, -1, nullptr);
    EXPECT_EQ(Aligned(text, text).wrong(), Names{}) << text;
  }
}

TEST(WalkOnRandomGraphs, ADamagedWeightIsFoundAtItsNode) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    int convs = 0;
    const std::string text = random_graph(seed, -1, &convs);
    const int damaged = static_cast<int>(seed) % convs;
    const Aligned pair(text, random_graph(seed, damaged, nullptr));
    Names expected;
    int seen = 0;
    const auto live = graph::live_nodes(pair.target);
    for (size_t n = 0; n < pair.target.nodes.size(); ++n)
      if (pair.target.nodes[n].type == "Conv" && seen++ == damaged && live[n])
        expected.push_back(pair.target.value(pair.target.nodes[n].outputs[0]).name);
    EXPECT_EQ(pair.wrong(), expected) << text;
  }
}

// Nobody reads the model's output: an operator before it that the source does not have is told by its
// operand.
TEST(WalkAtTheEnd, AnExtraOperatorPassesItsOperandOn) {
  const std::string start = "input %x float32[2,6]\nconst %w float32[6,4] {random 1}\n%m = MatMul(%x, %w)\n";
  const Aligned pair(start + "output %m\n", start + "%r = Relu(%m)\n%i = Identity(%r)\noutput %i\n");
  ASSERT_EQ(pair.wrong(), std::vector<std::string>{"r"});
  for (const auto& segment : pair.alignment.segments)
    EXPECT_EQ(segment.evidence, segment.state == State::faulty ? Evidence::passed : Evidence::matched);
}

// One branch is stuck; that its normalization is the folded convolution shows only where it is joined with
// another branch, which the walk has not reached by then.
TEST(WalkBeforeAJoin, TheFoldedConvolutionIsFound) {
  const std::string common =
      "input %x float32[1,3,6,6]\nconst %w2 float32[4,3,1,1] {random 2}\n"
      "const %w3 float32[3,6,3,3] {random 3}\nconst %w4 float32[3,3,3,3] {random 4}\n";
  const std::string behind =
      "%d = Conv(%x, %w2)\n%e = Relu(%d)\n%j = Concat(%r, %e) {axis=1}\n"
      "%k = Conv(%j, %w3)\n%l = Relu(%k)\n%y = Conv(%l, %w4)\noutput %y\n";
  const std::string source = common +
                             "const %w float32[2,3,1,1] {random 1}\nconst %b float32[2] {-0.25, -1.0625}\n" +
                             "%c = Conv(%x, %w, %b)\n%r = Relu(%c)\n" + behind;
  const std::string target = common + "const %w float32[2,3,1,1] {random 9}\nconst %s float32[2] {2, 0.5}\n" +
                             "const %b float32[2] {0.25, -1}\nconst %m float32[2] {0.5, 0.125}\n"
                             "const %v float32[2] {4, 1}\n%c = Conv(%x, %w)\n"
                             "%n = BatchNormalization(%c, %s, %b, %m, %v) {epsilon=0.0}\n%r = Relu(%n)\n" +
                             behind;
  const Aligned pair(source, target);
  EXPECT_EQ(pair.paired("n"), "c");
  EXPECT_EQ(pair.paired("r"), "r");
  EXPECT_EQ(pair.paired("y"), "y");
}

TEST(WalkOnAMissingNode, BeforeAnOutputThatIsHandedOnToo) {
  const std::string start =
      "input %x float32[1,8]\nconst %w float32[8,5] {random 1}\nconst %b float32[5] {random 2}\n"
      "%m = MatMul(%x, %w)\n";
  const Aligned pair(start + "%a = Add(%m, %b)\n%y = Softmax(%a) {axis=-1}\noutput %y\n",
                     start + "%s = Softmax(%m) {axis=-1}\n%i = Identity(%s)\n%y = Identity(%i)\noutput %y\n");
  ASSERT_EQ(pair.alignment.edges.size(), 1u);
  EXPECT_EQ(pair.target.node(pair.alignment.edges[0].node).type, "Softmax");
  EXPECT_EQ(pair.source.value(pair.alignment.edges[0].expected).name, "a");
}

// What the source computes elsewhere makes the consumers right as well; what the linear operator is there
// comes first.
TEST(WalkOnAFault, AFoldedBiasIsLookedForAtItsOperator) {
  const std::string behind =
      "const %size int64[3] {1, 36, 4}\nconst %g float32[4] {random 5}\nconst %z float32[4] {random 6}\n"
      "%r = Reshape(%h, %size)\n%n = LayerNormalization(%r, %g, %z)\n"
      "const %w2 float32[4,4] {random 7}\n%q = MatMul(%n, %w2)\n%t = Add(%r, %q)\n"
      "const %g2 float32[4] {random 8}\nconst %z2 float32[4] {random 9}\n"
      "%n2 = LayerNormalization(%t, %g2, %z2)\nconst %w3 float32[4,3] {random 10}\n"
      "%y = MatMul(%n2, %w3)\noutput %y\n";
  const std::string start =
      "input %x float32[1,3,6,6]\nconst %b float32[4] {random 2}\nconst %w float32[4,3,1,1] {random ";
  const std::string source =
      start + "1}\n%c = Conv(%x, %w, %b)\n%h = Transpose(%c) {perm=[0,2,3,1]}\n" + behind;
  const std::string target =
      start + "3}\n%m = Conv(%x, %w)\n%i = Transpose(%m) {perm=[0,2,3,1]}\n%h = Add(%i, %b)\n" + behind;
  const Aligned pair(source, target);
  EXPECT_EQ(pair.paired("h"), "c");
}

}  // namespace
}  // namespace fetafix::align
