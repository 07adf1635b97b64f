#include "evaluate/clipped_lstm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "evaluate/testing/graphs.h"

namespace fetafix::evaluate {
namespace {

using graph::Graph;

Graph lstm(const std::string& clip, bool peepholes = false) {
  return testing::parse(
      "input %x float32[9,1,3]\nconst %w float32[1,8,3] {random 1}\nconst %r float32[1,8,2] {random 2}\n"
      "const %b float32[1,16] {random 3}\nconst %h float32[1,1,2] {random 4}\nconst %c float32[1,1,2] "
      "{random 5}\nconst %p float32[1,6] {random 6}\n%y = LSTM(%x, %w, %r, %b, _, %h, %c" +
      std::string(peepholes ? ", %p" : "") + ") {hidden_size=2" + clip + "}\noutput %y\n");
}

std::vector<float> run(const Graph& graph) {
  std::vector<float> x(27);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 1 + 0.1f * static_cast<float>(i % 5);
  const std::vector<graph::NodeId> nodes{0};
  auto out =
      testing::evaluator().run(graph, nodes, {{graph.inputs[0], Tensor::of(x, {9, 1, 3})}}, graph.outputs);
  EXPECT_TRUE(out.ok()) << out.error().message;
  if (!out.ok()) return {};
  EXPECT_EQ((*out)[0].shape(), (Shape{9, 1, 1, 2}));
  const auto values = (*out)[0].as<float>();
  return {values.begin(), values.end()};
}

double apart(const std::vector<float>& a, const std::vector<float>& b) {
  double out = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    out = std::max(out, static_cast<double>(std::fabs(a[i] - b[i])));
  return a.size() == b.size() && !a.empty() ? out : INFINITY;
}

TEST(ClippedLstm, IsAnLstmWhereNothingReachesTheBound) {
  for (bool peepholes : {false, true}) {
    EXPECT_LT(apart(run(lstm("", peepholes)), run(lstm(", cell_clip=50.0", peepholes))), 1e-6);
    EXPECT_EQ(apart(run(lstm("", peepholes)), run(lstm(", cell_clip=0.0", peepholes))), 0);
  }
}

TEST(ClippedLstm, KeepsTheCellWithinTheBound) {
  const auto clipped = run(lstm(", cell_clip=0.01"));
  EXPECT_GT(apart(run(lstm("")), clipped), 0.01);
  for (float v : clipped) EXPECT_LE(std::fabs(v), std::tanh(0.01f) + 1e-6f);
}

TEST(ClippedLstm, NothingElseIsReplaced) {
  EXPECT_FALSE(without_cell_clip(lstm("").node(0)));
  EXPECT_TRUE(without_cell_clip(lstm(", cell_clip=1.0").node(0)));
}

}  // namespace
}  // namespace fetafix::evaluate
