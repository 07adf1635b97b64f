// The view of a fused operator computes what ONNX Runtime computes for it.
#include <set>

#include "formats/onnx/testing/models.h"

namespace fetafix::formats::onnx {
namespace {

using namespace testing;

struct Fused {
  const char* name;
  const char* type;
  graph::Attributes attributes;
  Shape shape;
  std::vector<Tensor> operands;
  std::set<std::string> becomes;
};

void PrintTo(const Fused& fused, std::ostream* out) {
  *out << fused.name;
}

class Contributed : public ::testing::TestWithParam<Fused> {};

TEST_P(Contributed, ComputesTheSame) {
  const Fused& fused = GetParam();
  ModelBuilder builder(17);
  auto* domain = builder.model.add_opset_import();
  domain->set_domain("com.microsoft");
  domain->set_version(1);
  builder.input("x", fused.shape).output("y");
  Names inputs{"x"};
  for (size_t i = 0; i < fused.operands.size(); ++i) {
    inputs.push_back("w" + std::to_string(i));
    builder.weights(inputs.back(), fused.operands[i]);
  }
  builder.node(fused.type, inputs, {"y"}, fused.attributes);
  builder.model.mutable_graph()->mutable_node(0)->set_domain("com.microsoft");
  const std::vector<channel::NamedTensor> samples{{"x", noise(fused.shape, 5)}};
  const auto expected = run_file(builder.bytes(), samples);
  ASSERT_TRUE(expected.ok()) << expected.error().message;
  auto model = read_bytes(builder.bytes());
  ASSERT_TRUE(model.ok()) << model.error().message;
  auto lifted = (*model)->lift();
  ASSERT_TRUE(lifted.ok()) << lifted.error().message;
  std::set<std::string> types;
  for (const auto& node : lifted->graph.nodes) {
    EXPECT_FALSE(node.opaque);
    types.insert(node.type);
  }
  EXPECT_EQ(types, fused.becomes);
  const auto actual = run_view(lifted->graph, samples);
  ASSERT_TRUE(actual.ok()) << actual.error().message << "\n" << graph::to_text(lifted->graph);
  // The runtime's own kernels take shortcuts for erf and tanh.
  expect_near(*expected, *actual, 2e-4);
}

std::vector<Fused> all() {
  const Tensor matrix = noise({6, 5}, 1), turned = noise({5, 6}, 2), row = noise({6}, 3),
               other = noise({6}, 4);
  return {
      {"MatMul", "FusedMatMul", {}, {2, 4, 6}, {matrix}, {"MatMul"}},
      {"MatMulScaled", "FusedMatMul", {{"alpha", 0.25f}}, {2, 4, 6}, {matrix}, {"MatMul", "Mul"}},
      {"MatMulTurned", "FusedMatMul", {{"transB", int64_t{1}}}, {2, 4, 6}, {turned}, {"MatMul", "Transpose"}},
      {"MatMulTurnedFirst",
       "FusedMatMul",
       {{"transA", int64_t{1}}},
       {2, 6, 4},
       {matrix},
       {"MatMul", "Transpose"}},
      {"SkipLayerNormalization",
       "SkipLayerNormalization",
       {{"epsilon", 1e-3f}},
       {2, 4, 6},
       {noise({2, 4, 6}, 6), row, other},
       {"Add", "LayerNormalization"}},
      {"SkipLayerNormalizationBiased",
       "SkipLayerNormalization",
       {{"epsilon", 1e-3f}},
       {2, 4, 6},
       {noise({2, 4, 6}, 6), row, other, noise({6}, 7)},
       {"Add", "LayerNormalization"}},
      {"Gelu", "Gelu", {}, {2, 4, 6}, {}, {"Gelu"}},
      {"BiasGelu", "BiasGelu", {}, {2, 4, 6}, {row}, {"Add", "Gelu"}},
      {"FastGelu", "FastGelu", {}, {2, 4, 6}, {row}, {"Add", "Gelu"}},
      {"QuickGelu", "QuickGelu", {{"alpha", 1.5f}}, {2, 4, 6}, {}, {"Mul", "Sigmoid"}},
  };
}

INSTANTIATE_TEST_SUITE_P(Operators, Contributed, ::testing::ValuesIn(all()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace fetafix::formats::onnx
