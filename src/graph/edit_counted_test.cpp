// Scales of computed tensors, and nodes put between quantized tensors.
#include <gtest/gtest.h>

#include "graph/edit_stored.h"
#include "graph/parse_text.h"

namespace fetafix::graph {
namespace {

// As a TFLite file lifts: operator 0 writes %q, operator 1 reads it and has a bias in steps of 0.5 * 0.25,
// operator 2 reads it too.
struct View {
  Graph graph;

  View() {
    auto parsed = parse_text(R"(input %x float32[2]
const %s float32[] {0.5}
const %z int8[] {3}
const %b int32[2] {8, -16}
const %bs float32[] {0.125}
%q = QuantizeLinear(%x, %s, %z)
%d1 = DequantizeLinear(%q, %s, %z)
%b1 = DequantizeLinear(%b, %bs)
%y = Add(%d1, %b1)
%d2 = DequantizeLinear(%q, %s, %z)
%n = Neg(%d2)
output %y
output %n
)");
    EXPECT_TRUE(parsed.ok()) << parsed.error().message;
    graph = std::move(parsed).value();
    for (Value& value : graph.values)
      if (value.dtype == DType::unknown) value.dtype = value.name == "q" ? DType::int8 : DType::float32;
    const int operators[] = {0, 1, 1, 1, 2, 2};
    const Role roles[] = {Role::quantize, Role::dequantize, Role::bias,
                          Role::core,     Role::dequantize, Role::core};
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      graph.nodes[n].native.index = operators[n];
      graph.nodes[n].role = roles[n];
    }
    graph.nodes[0].slots = {0, 3000, 4000};
    graph.nodes[1].slots = {0, 1000, 2000};
    graph.nodes[2].slots = {2, -1};
    graph.nodes[3].slots = {};
    graph.nodes[4].slots = {0, 1000, 2000};
    graph.nodes[5].slots = {};
  }

  float number(size_t node, size_t input) const {
    return static_cast<float>((*to_doubles(graph.value(graph.nodes[node].inputs[input]).constant))[0]);
  }
  std::string types() const {
    std::string out;
    for (const Node& node : graph.nodes) out += node.type + " ";
    return out;
  }
};

InsertNode relu(ValueAddress edge) {
  InsertNode out;
  out.edge = edge;
  out.type = "Relu";
  out.operands = {std::nullopt};
  out.attributes = {{"output_scale", 0.25f}, {"output_zero_point", int64_t{-128}}};
  return out;
}

TEST(EditCounted, AScaleBelongsToAllWhoReadTheTensor) {
  View view;
  const SetTensor edit{address_of(view.graph, 0), 3000, Tensor::scalar(1.0f)};
  ASSERT_TRUE(fetafix::graph::apply(view.graph, Edit(edit)).ok());
  for (size_t node : {0u, 1u, 4u}) EXPECT_EQ(view.number(node, 1), 1.0f) << node;
  EXPECT_EQ(view.number(2, 1), 0.25f);  // the bias counts in twice the steps
  const SetTensor zero{address_of(view.graph, 0), 4000, *cast(Tensor::scalar<int64_t>(-7), DType::int8)};
  ASSERT_TRUE(fetafix::graph::apply(view.graph, Edit(zero)).ok());
  for (size_t node : {0u, 1u, 4u}) EXPECT_EQ(view.number(node, 2), -7.0f) << node;
}

TEST(EditCounted, InFloatFormAScaleMovesTheBounds) {
  View view;
  Node& clip = view.graph.nodes[0];
  clip.type = "Clip";
  clip.inputs = {clip.inputs[0], view.graph.add_constant("low", Tensor::scalar(-65.5f)),
                 view.graph.add_constant("high", Tensor::scalar(62.0f))};
  Value& out = view.graph.value(clip.outputs[0]);
  out.dtype = DType::float32;
  out.stored = DType::int8;
  out.step = 0.5f;
  const auto set = [&](int slot, const Tensor& value) {
    return fetafix::graph::apply(view.graph, Edit(SetTensor{address_of(view.graph, 0), slot, value}));
  };
  ASSERT_TRUE(set(3000, Tensor::scalar(1.0f)).ok());
  EXPECT_EQ(view.number(0, 1), -131.0f);  // the zero point stays 3
  EXPECT_EQ(view.number(0, 2), 124.0f);
  ASSERT_TRUE(set(4000, *cast(Tensor::scalar<int64_t>(-128), DType::int8)).ok());
  EXPECT_EQ(view.number(0, 1), 0.0f);
  EXPECT_EQ(view.number(0, 2), 255.0f);
}

TEST(EditCounted, AnInsertedNodeComputesInRealNumbers) {
  View view;
  ValueAddress edge;
  edge.node = address_of(view.graph, 1);  // what operator 1 reads
  ASSERT_TRUE(fetafix::graph::apply(view.graph, Edit(relu(edge))).ok());
  EXPECT_TRUE(verify(view.graph).ok());
  EXPECT_EQ(view.types(),
            "QuantizeLinear DequantizeLinear Relu QuantizeLinear DequantizeLinear DequantizeLinear Add "
            "DequantizeLinear Neg ");
  EXPECT_TRUE(view.graph.nodes[2].attributes.empty());
  EXPECT_EQ(view.number(3, 1), 0.25f);
  EXPECT_EQ(view.number(4, 1), 0.25f);
  EXPECT_EQ(view.number(4, 2), -128.0f);
  EXPECT_EQ(view.number(5, 1), 0.0625f);  // the bias counts in half the steps
  EXPECT_EQ(view.number(7, 1), 0.5f);     // the other reader reads what it did
}

TEST(EditCounted, BehindTheTensorAllReadersReadIt) {
  View view;
  ValueAddress edge;
  edge.node = address_of(view.graph, 0);
  ASSERT_TRUE(fetafix::graph::apply(view.graph, Edit(relu(edge))).ok());
  EXPECT_TRUE(verify(view.graph).ok());
  EXPECT_EQ(view.graph.nodes[4].inputs[0], view.graph.nodes[7].inputs[0]);
  EXPECT_EQ(view.number(7, 1), 0.25f);
}

TEST(EditCounted, OneReaderAlone) {
  View view;
  ValueAddress edge;
  edge.node = address_of(view.graph, 0);
  InsertNode edit = relu(edge);
  edit.only_consumer = std::pair(address_of(view.graph, 5), 0);
  ASSERT_TRUE(fetafix::graph::apply(view.graph, Edit(edit)).ok());
  EXPECT_EQ(view.types(),
            "QuantizeLinear DequantizeLinear DequantizeLinear Add DequantizeLinear Relu QuantizeLinear "
            "DequantizeLinear Neg ");
  EXPECT_EQ(view.number(1, 1), 0.5f);
}

TEST(EditCounted, AnotherTensorIsReadInItsOwnSteps) {
  View view;
  // Operator 3 writes a tensor in steps of 2.
  Node node = view.graph.nodes[0];
  node.native.index = 3;
  node.inputs[1] = view.graph.add_constant("s3", Tensor::scalar(2.0f));
  Value made;
  made.dtype = DType::int8;
  node.outputs = {view.graph.add_value(made)};
  view.graph.nodes.insert(view.graph.nodes.begin() + 1, node);
  const NodeId add = 4;
  ValueAddress other;
  other.node = address_of(view.graph, 1);
  ASSERT_TRUE(
      fetafix::graph::apply(view.graph, Edit(SetOperand{address_of(view.graph, add), 0, other})).ok());
  EXPECT_TRUE(verify(view.graph).ok());
  EXPECT_EQ(view.graph.nodes[2].inputs[0], node.outputs[0]);
  EXPECT_EQ(view.number(2, 1), 2.0f);
  EXPECT_EQ(view.number(3, 1), 0.5f);  // the bias counts in four times the steps
  EXPECT_EQ(view.number(5, 1), 0.5f);  // another reader of the first tensor
}

TEST(EditCounted, AScaleHasToBePositive) {
  View view;
  ValueAddress edge;
  edge.node = address_of(view.graph, 1);
  InsertNode edit = relu(edge);
  edit.attributes["output_scale"] = 0.0f;
  EXPECT_FALSE(fetafix::graph::apply(view.graph, Edit(edit)).ok());
}

}  // namespace
}  // namespace fetafix::graph
