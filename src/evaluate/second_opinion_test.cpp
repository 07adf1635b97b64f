#include "evaluate/second_opinion.h"

#include <gtest/gtest.h>

#include <cmath>

#include "evaluate/testing/graphs.h"

namespace fetafix::evaluate {
namespace {

using graph::Graph;
using graph::NodeId;
using testing::all;
using testing::evaluator;
using testing::parse;

// Between 0.1 and 0.9 where logarithms and roots are to be taken.
Tensor noise(const graph::Value& value, bool positive) {
  Tensor out = Tensor::zeros(value.dtype, *value.shape).value();
  uint32_t state = 7;
  for (float& v : out.mutable_as<float>()) {
    state = state * 1664525u + 1013904223u;
    const float x = static_cast<float>(state >> 8) / 16777216.0f;
    v = positive ? 0.1f + 0.8f * x : 4 * x - 2;
  }
  return out;
}

// Largest difference between the two evaluations of a text's only output; infinity for other shapes.
double apart(const std::string& text, bool positive) {
  const Graph graph = parse(text);
  Feeds feeds;
  for (graph::ValueId id : graph.inputs) feeds[id] = noise(graph.value(id), positive);
  auto ours = second_opinion(graph, all(graph), feeds, graph.outputs);
  auto other = evaluator().run(graph, all(graph), feeds, graph.outputs);
  EXPECT_TRUE(ours.ok()) << ours.error().message;
  EXPECT_TRUE(other.ok()) << other.error().message;
  if (!ours.ok() || !other.ok() || (*ours)[0].shape() != (*other)[0].shape()) return INFINITY;
  const auto a = to_doubles((*ours)[0]).value(), b = to_doubles((*other)[0]).value();
  double out = 0;
  for (size_t i = 0; i < a.size(); ++i) out = std::max(out, std::fabs(a[i] - b[i]));
  return out;
}

class Operators : public ::testing::TestWithParam<const char*> {};

// ONNX Runtime and the definitions were written by different people from the same text.
TEST_P(Operators, AreComputedAsTheEvaluatorComputesThem) {
  const std::string text = GetParam();
  bool positive = false;
  for (const char* type : {"Log(", "Sqrt", "Pow"})
    positive = positive || text.find(type) != std::string::npos;
  EXPECT_LT(apart(text, positive), 3e-6) << text;
}

#define X "input %x float32[2,4,7,6]\n"
#define END "\noutput %y\n"
INSTANTIATE_TEST_SUITE_P(
    All, Operators,
    ::testing::Values(
        X "const %w float32[6,4,3,2] {random 1}\nconst %b float32[6] {random 2}\n"
          "%y = Conv(%x, %w, %b) {pads=[1,0,2,1], strides=[2,1]}" END,
        X "const %w float32[4,2,3,3] {random 1}\n%y = Conv(%x, %w) {group=2, dilations=[2,1]}" END,
        X "const %w float32[8,1,3,3] {random 1}\n%y = Conv(%x, %w) {group=4, auto_pad='SAME_UPPER', "
          "strides=[2,2]}" END,
        X "const %w float32[8,1,2,3] {random 1}\n%y = Conv(%x, %w) {group=4, auto_pad='SAME_LOWER'}" END,
        "input %x float32[2,4,9]\nconst %w float32[3,4,3] {random 1}\n%y = Conv(%x, %w) {pads=[1,1]}" END,
        X "const %w float32[4,6,5] {random 1}\n%y = MatMul(%x, %w)" END,
        X "const %w float32[6] {random 1}\n%y = MatMul(%x, %w)" END,
        "input %x float32[3,4]\nconst %w float32[5,3] {random 1}\nconst %b float32[5] {random 2}\n"
        "%y = Gemm(%x, %w, %b) {transA=1, transB=1, alpha=0.5, beta=2.0}" END,
        X "const %w float32[4,1,6] {random 1}\n%y = Add(%x, %w)" END,
        X "const %w float32[7,1] {random 1}\n%y = Sub(%x, %w)" END, X "%y = Mul(%x, %x)" END,
        X "const %w float32[1] {1.75}\n%y = Div(%x, %w)" END, X "%y = Sqrt(%x)" END,
        X "const %w float32[1] {1.75}\n%y = Pow(%x, %w)" END, X "%y = Log(%x)" END,
        X "const %w float32[1] {0.2}\n%y = Max(%x, %w)" END, X "%y = Relu(%x)" END, X "%y = Sigmoid(%x)" END,
        X "%y = Tanh(%x)" END, X "%y = Erf(%x)" END, X "%y = HardSwish(%x)" END,
        X "%y = HardSigmoid(%x) {alpha=0.3}" END, X "%y = LeakyRelu(%x)" END, X "%y = Elu(%x)" END,
        X "%y = Gelu(%x)" END, X "%y = Gelu(%x) {approximate='tanh'}" END,
        X "const %a float32[] {-0.5}\nconst %b float32[] {1.5}\n%y = Clip(%x, %a, %b)" END,
        X "const %w float32[4,1,1] {random 4}\n%y = PRelu(%x, %w)" END,
        X "%y = MaxPool(%x) {kernel_shape=[3,2], strides=[2,2], pads=[1,0,1,1]}" END,
        X "%y = MaxPool(%x) {kernel_shape=[2,2], strides=[2,2], ceil_mode=1}" END,
        X "%y = AveragePool(%x) {kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]}" END,
        X "%y = AveragePool(%x) {kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1], count_include_pad=1}" END,
        X "%y = AveragePool(%x) {kernel_shape=[2,2], strides=[2,2], ceil_mode=1}" END,
        X "%y = AveragePool(%x) {kernel_shape=[2,2], auto_pad='SAME_UPPER'}" END,
        X "%y = GlobalAveragePool(%x)" END, X "%y = GlobalMaxPool(%x)" END, X "%y = Softmax(%x) {axis=1}" END,
        X "%y = LogSoftmax(%x)" END,
        X
        "const %s float32[4] {random 1}\nconst %b float32[4] {random 2}\nconst %m float32[4] {random 3}\n"
        "const %v float32[4] {0.5, 1, 2, 3}\n%y = BatchNormalization(%x, %s, %b, %m, %v) {epsilon=0.01}" END,
        X "const %s float32[6] {random 1}\nconst %b float32[6] {random 2}\n"
          "%y = LayerNormalization(%x, %s, %b) {epsilon=0.01}" END,
        X "const %a int64[2] {2, -1}\n%y = ReduceMean(%x, %a) {keepdims=0}" END, X "%y = ReduceMax(%x)" END,
        X "const %a int64[1] {1}\n%y = ReduceSum(%x, %a)" END, X "%y = Transpose(%x) {perm=[0,2,3,1]}" END,
        X "const %s int64[3] {0, -1, 6}\n%y = Reshape(%x, %s)" END, X "%y = Flatten(%x) {axis=2}" END,
        X "const %a int64[2] {0, 2}\n%u = Unsqueeze(%x, %a)\n%y = Squeeze(%u)" END,
        X "const %w float32[2,4,7,2] {random 1}\n%y = Concat(%x, %w, %x) {axis=-1}" END,
        X "const %a int64[2] {1, -1}\nconst %b int64[2] {100, -7}\nconst %c int64[2] {1, 3}\n"
          "const %d int64[2] {2, -2}\n%y = Slice(%x, %a, %b, %c, %d)" END,
        X "const %p int64[8] {0, 0, 1, 2, 0, 1, 0, -1}\nconst %v float32[] {0.25}\n%y = Pad(%x, %p, %v)" END,
        X "const %p int64[8] {0, 0, 1, 2, 0, 0, 2, 0}\n%y = Pad(%x, %p) {mode='reflect'}" END,
        X "const %s float32[] {0.03}\nconst %z int8[] {3}\n%q = QuantizeLinear(%x, %s, %z)\n"
          "%y = DequantizeLinear(%q, %s, %z)" END));

TEST(SecondOpinion, KnowsWhatItDoesNotKnow) {
  const Graph graph = parse("input %x float32[4]\n%y = Sign(%x)\noutput %y\n");
  const auto made = second_opinion(graph, all(graph),
                                   {{graph.inputs[0], Tensor::vector<float>({1, 2, 3, 4})}}, graph.outputs);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind, ErrorKind::unsupported);
}

TEST(SecondOpinion, DoesNotRoundToTheViewsType) {
  const Graph graph = parse("input %x float32[1]\n%s = Add(%x, %x)\n%y = Sub(%s, %x)\noutput %y\n");
  const float third = 1.0f / 3;
  const auto made =
      second_opinion(graph, all(graph), {{graph.inputs[0], Tensor::vector<float>({third})}}, graph.outputs);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ((*made)[0].as<double>()[0], static_cast<double>(third));
}

}  // namespace
}  // namespace fetafix::evaluate
