#include <gtest/gtest.h>

#include <cmath>

#include "evaluate/build.h"
#include "evaluate/testing/graphs.h"
#include "evaluate/tolerance.h"

namespace fetafix::evaluate {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::ValueId;
using testing::all;
using testing::evaluator;
using testing::parse;

ValueId id(const Graph& graph, const std::string& name) {
  for (size_t i = 0; i < graph.values.size(); ++i)
    if (graph.values[i].name == name) return static_cast<ValueId>(i);
  return graph::no_value;
}

Tensor noise(const std::string& shape, int seed) {
  return parse("const %c float32" + shape + " {random " + std::to_string(seed) + "}\n").value(0).constant;
}

Graph product(int seed) {
  return parse("input %x float32[2,3]\nconst %w float32[3,4] {random " + std::to_string(seed) +
               "}\n%y = MatMul(%x, %w)\n%z = Relu(%y)\noutput %z\n");
}

TEST(Build, TheSameStructureWithOtherWeightsIsTheSameModel) {
  const Graph one = product(1), two = product(2);
  const auto build = [](const Graph& g, DType dtype = DType::float32) {
    return build_model(g, all(g), {{g.inputs[0], dtype}}, g.outputs)->bytes;
  };
  EXPECT_EQ(build(one), build(two));
  EXPECT_NE(build(one), build(one, DType::float64));
  Graph other = product(1);
  other.node(1).type = "Sigmoid";
  EXPECT_NE(build(one), build(other));
}

TEST(Build, RefusesOpaqueMissingAndForeignValues) {
  Graph graph = product(1);
  EXPECT_FALSE(build_model(graph, all(graph), {}, graph.outputs).ok());  // x is not given
  EXPECT_FALSE(build_model(graph, std::vector<NodeId>{0}, {{0, DType::float32}}, graph.outputs).ok());
  graph.node(1).opaque = true;
  const auto refused = build_model(graph, all(graph), {{0, DType::float32}}, graph.outputs);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::unsupported);
  EXPECT_FALSE(to_onnx(graph).ok());
}

TEST(Evaluate, FedValuesOverrideComputedOnes) {
  const Graph graph = product(1);
  const Tensor y = noise("[2,4]", 5);
  auto z = evaluator().run(graph, all(graph), {{graph.inputs[0], noise("[2,3]", 3)}, {id(graph, "y"), y}},
                           graph.outputs);
  ASSERT_TRUE(z.ok()) << z.error().message;
  for (int i = 0; i < 8; ++i) EXPECT_EQ((*z)[0].as<float>()[i], std::max(0.0f, y.as<float>()[i]));
}

TEST(Evaluate, AFailedRunIsAnErrorAndTheNextOneWorks) {
  const Graph graph = product(1);
  EXPECT_FALSE(
      evaluator().run(graph, all(graph), {{graph.inputs[0], noise("[2,7]", 3)}}, graph.outputs).ok());
  EXPECT_TRUE(evaluator().run(graph, all(graph), {{graph.inputs[0], noise("[2,3]", 3)}}, graph.outputs).ok());
}

// The largest error / tolerance of the first node's result against float64.
double worst(const Graph& graph, const Tensor& x, const std::vector<double>& reference) {
  const Feeds feeds{{graph.inputs[0], x}};
  auto y = evaluator().run(graph, std::vector<NodeId>{0}, feeds, graph.node(0).outputs);
  EXPECT_TRUE(y.ok()) << y.error().message;
  auto tolerance = node_tolerance(evaluator(), graph, 0, feeds, *y);
  EXPECT_TRUE(tolerance.ok()) << tolerance.error().message;
  double out = 0;
  for (size_t i = 0; i < reference.size(); ++i)
    out = std::max(out, std::fabs((*y)[0].as<float>()[i] - reference[i]) / (*tolerance)[0].as<float>()[i]);
  return out;
}

std::vector<double> matmul64(const Tensor& a, const Tensor& b) {
  const int64_t m = a.shape()[0], k = a.shape()[1], n = b.shape()[1];
  std::vector<double> out(static_cast<size_t>(m * n), 0);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j)
      for (int64_t l = 0; l < k; ++l)
        out[i * n + j] += static_cast<double>(a.as<float>()[i * k + l]) * b.as<float>()[l * n + j];
  return out;
}

// Without padding; [n,c,h,w] with [o,c,3,3].
std::vector<double> conv64(const Tensor& x, const Tensor& w) {
  const int64_t c = x.shape()[1], h = x.shape()[2], v = x.shape()[3], o = w.shape()[0];
  std::vector<double> out;
  for (int64_t q = 0; q < o; ++q)
    for (int64_t i = 0; i + 2 < h; ++i)
      for (int64_t j = 0; j + 2 < v; ++j) {
        double sum = 0;
        for (int64_t p = 0; p < c; ++p)
          for (int64_t a = 0; a < 9; ++a)
            sum += static_cast<double>(x.as<float>()[(p * h + i + a / 3) * v + j + a % 3]) *
                   w.as<float>()[(q * c + p) * 9 + a];
        out.push_back(sum);
      }
  return out;
}

TEST(ToleranceOfLinearNodes, CoversRoundingAndNoMore) {
  for (int seed = 1; seed <= 3; ++seed) {
    Graph dot =
        parse("input %x float32[8,64]\nconst %w float32[64,16] {random 7}\n%y = MatMul(%x, %w)\noutput %y\n");
    Graph conv = parse(
        "input %x float32[1,16,8,8]\nconst %w float32[8,16,3,3] {random 8}\n%y = Conv(%x, %w)\noutput %y\n");
    const Tensor a = noise("[8,64]", seed), b = noise("[1,16,8,8]", seed);
    const auto dot64 = matmul64(a, dot.value(id(dot, "w")).constant);
    const auto c64 = conv64(b, conv.value(id(conv, "w")).constant);
    EXPECT_LT(worst(dot, a, dot64), 1);
    EXPECT_LT(worst(conv, b, c64), 1);
    dot.value(id(dot, "w")).constant.mutable_as<float>()[5] += 1e-3f;
    conv.value(id(conv, "w")).constant.mutable_as<float>()[5] += 1e-3f;
    EXPECT_GT(worst(dot, a, dot64), 1);
    EXPECT_GT(worst(conv, b, c64), 1);
  }
}

// A plain loop over a surface of one color: every addition rounds in the same direction.
TEST(ToleranceOfMeans, CoversRoundingThatAddsUp) {
  const Graph graph = parse("input %x float32[1,1,48,48]\n%y = GlobalAveragePool(%x)\noutput %y\n");
  const Tensor plain = Tensor::of(std::vector<float>(48 * 48, 0.7f), {1, 1, 48, 48});
  float sum = 0;
  for (float one : plain.as<float>()) sum += one;
  EXPECT_LT(worst(graph, plain, {static_cast<double>(sum / (48 * 48))}), 1);
  EXPECT_GT(worst(graph, plain, {0.7 * (1 + 2e-4)}), 1);
}

TEST(ToleranceOfElementwiseNodes, CoversRoundingAgainstFloat64) {
  for (const auto& [type, f] : std::vector<std::pair<std::string, double (*)(double)>>{
           {"Sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
           {"Tanh", [](double x) { return std::tanh(x); }},
           {"Erf", [](double x) { return std::erf(x); }},
           {"Relu", [](double x) { return std::max(x, 0.0); }}}) {
    const Graph graph = parse("input %x float32[64]\n%y = " + type + "(%x)\noutput %y\n");
    Tensor x = noise("[64]", 3);
    for (float& v : x.mutable_as<float>()) v = 4 * v + 1e-3f;
    auto y = evaluator().run(graph, all(graph), {{graph.inputs[0], x}}, graph.outputs);
    auto tolerance = node_tolerance(evaluator(), graph, 0, {{graph.inputs[0], x}}, *y);
    ASSERT_TRUE(tolerance.ok());
    for (size_t i = 0; i < 64; ++i)
      EXPECT_LE(std::fabs((*y)[0].as<float>()[i] - f(x.as<float>()[i])), (*tolerance)[0].as<float>()[i])
          << type;
  }
}

// y = x * 2^3 as a loop of three steps; the factor 2 is captured. Also gives all three steps.
Graph powers() {
  Graph body = parse(
      "input %step int64[]\ninput %go bool[]\ninput %v float32[2]\ninput %factor float32[1]\n"
      "%next = Mul(%v, %factor)\noutput %go\noutput %next\noutput %next\n");
  body.inputs.pop_back();  // the factor comes from outside
  Graph graph = parse(
      "input %x float32[2]\nconst %steps int64[] {3}\nconst %two float32[1] {2}\n"
      "%y, %all = Loop(%steps, _, %x, %two)\noutput %y\noutput %all\n");
  const ValueId factor = id(body, "factor");
  graph.node(0).bodies["body"] = {std::make_shared<Graph>(std::move(body)), {{factor, 3}}};
  return graph;
}

TEST(Evaluator, RunsALoopWithWhatItCaptures) {
  Graph graph = powers();
  ASSERT_TRUE(graph::verify(graph).ok());
  EXPECT_EQ(graph::own_inputs(graph.node(0)), 3u);
  const Feeds feeds{{graph.inputs[0], Tensor::vector(std::vector<float>{1, -3})}};
  auto out = evaluator().run(graph, all(graph), feeds, graph.outputs);
  ASSERT_TRUE(out.ok()) << out.error().message;
  EXPECT_EQ(to_text((*out)[0]), "float32[2] {8, -24}");
  EXPECT_EQ(to_text((*out)[1]), "float32[3,2] {2, -6, 4, -12, 8, -24}");
  graph.value(id(graph, "two")).constant = Tensor::vector(std::vector<float>{1});
  EXPECT_EQ(to_text((*evaluator().run(graph, all(graph), feeds, graph.outputs))[0]), "float32[2] {1, -3}");
  EXPECT_TRUE(to_onnx(graph).ok());
}

TEST(Evaluator, RefusesALoopWithAnOpaquePart) {
  Graph graph = powers();
  Graph body = *graph.node(0).bodies["body"].graph;
  body.node(0).opaque = true;
  graph.node(0).bodies["body"].graph = std::make_shared<Graph>(std::move(body));
  const Feeds feeds{{graph.inputs[0], Tensor::vector(std::vector<float>{1, -3})}};
  auto out = evaluator().run(graph, all(graph), feeds, graph.outputs);
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().kind, ErrorKind::unsupported);
  EXPECT_FALSE(to_onnx(graph).ok());
}

// exp(x) - 1 near zero: its error is that of a number near one.
TEST(ToleranceOfExponentials, DoesNotShrinkWithTheResult) {
  const Graph graph = parse("input %x float32[3]\n%y = Elu(%x) {alpha=0.5}\noutput %y\n");
  const Tensor x = Tensor::vector<float>({-1e-4f, -3, 2});
  const std::vector<Tensor> y{Tensor::vector<float>({-0.5e-4f, -0.475f, 2})};
  auto tolerance = node_tolerance(evaluator(), graph, 0, {{graph.inputs[0], x}}, y);
  ASSERT_TRUE(tolerance.ok());
  const auto allowed = (*tolerance)[0].as<float>();
  EXPECT_FLOAT_EQ(allowed[0], static_cast<float>(1.5 * unit_roundoff));
  EXPECT_FLOAT_EQ(allowed[1], allowed[0]);
  EXPECT_FLOAT_EQ(allowed[2], static_cast<float>(8 * unit_roundoff));
}

TEST(ToleranceOfLoops, GrowsWithTheLargestNumber) {
  const Graph graph = powers();
  const Feeds feeds{{graph.inputs[0], Tensor::vector(std::vector<float>{1, -3})}};
  auto out = evaluator().run(graph, all(graph), feeds, graph.outputs);
  auto tolerance = node_tolerance(evaluator(), graph, 0, feeds, *out);
  ASSERT_TRUE(tolerance.ok());
  const float first = (*tolerance)[0].as<float>()[0];
  EXPECT_FLOAT_EQ(first, (*tolerance)[0].as<float>()[1]);
  EXPECT_GT(first, 24 * unit_roundoff);
  EXPECT_LT(first, 1e-4);
}

TEST(ToleranceOfOtherTypes, IsEmptyForWhatIsNotFloat) {
  const Graph graph =
      parse("input %x float32[2,3]\nconst %k int64[1] {2}\n%v, %i = TopK(%x, %k)\noutput %v\n");
  const Feeds feeds{{graph.inputs[0], noise("[2,3]", 1)}};
  auto out = evaluator().run(graph, all(graph), feeds, graph.node(0).outputs);
  ASSERT_TRUE(out.ok());
  auto tolerance = node_tolerance(evaluator(), graph, 0, feeds, *out);
  ASSERT_TRUE(tolerance.ok());
  EXPECT_FALSE((*tolerance)[0].empty());
  EXPECT_TRUE((*tolerance)[1].empty());
}

}  // namespace
}  // namespace fetafix::evaluate
