// Constants of graphs within nodes, by the way that leads there.
#include "formats/onnx/edit_nested.h"

#include <gtest/gtest.h>

namespace fetafix::formats::onnx {
namespace {

// A Loop whose body holds an If in node 1, whose branch multiplies with a constant in node 0.
struct Nested {
  onnx_wire::Node loop;
  onnx_wire::Graph *body, *branch;

  Nested() {
    body = graph_of(loop, "body");
    body->add_node()->set_op_type("Neg");
    branch = graph_of(*body->add_node(), "then_branch");
    add_product(*branch, "a");
    onnx_wire::write_tensor(Tensor::vector<float>({1, 2}), *branch->add_initializer());
    branch->mutable_initializer(0)->set_name("w");
  }
  static onnx_wire::Graph* graph_of(onnx_wire::Node& node, const std::string& name) {
    auto* attribute = node.add_attribute();
    attribute->set_name(name);
    return attribute->mutable_g();
  }
  static void add_product(onnx_wire::Graph& graph, const std::string& made) {
    auto* node = graph.add_node();
    node->set_op_type("Mul");
    node->add_input("x");
    node->add_input("w");
    node->add_output(made);
  }
  Status set(const std::string& path, int node, int slot) {
    const auto step = first_step(path);
    if (!step) return Error{ErrorKind::usage, "no way"};
    const graph::SetTensor edit{{{path, node}}, slot, Tensor::vector<float>({3, 4})};
    return set_nested(loop, *step, edit);
  }
  std::string held() const {
    const auto tensor = onnx_wire::read_tensor(branch->initializer(0), {});
    return tensor.ok() ? to_text(*tensor) : tensor.error().message;
  }
};

TEST(FirstStep, SaysNodeAttributeAndRest) {
  const auto step = first_step("/8:body/1:then_branch");
  ASSERT_TRUE(step);
  EXPECT_EQ(step->node, 8);
  EXPECT_EQ(step->attribute, "body");
  EXPECT_EQ(step->rest, "/1:then_branch");
  EXPECT_EQ(first_step("/8:body")->rest, "");
  for (const char* wrong : {"", "body", "/8", "/x:body", "/8/1:body"})
    EXPECT_FALSE(first_step(wrong)) << wrong;
}

TEST(SetNested, WritesTheConstantAndKeepsItsName) {
  Nested nested;
  ASSERT_TRUE(nested.set("/0:body/1:then_branch", 0, 1).ok());
  EXPECT_EQ(nested.held(), "float32[2] {3, 4}");
  EXPECT_EQ(nested.branch->initializer(0).name(), "w");
}

TEST(SetNested, WhatIsComputedOrSharedOrNotThereIsRefused) {
  Nested nested;
  EXPECT_FALSE(nested.set("/0:body/1:then_branch", 0, 0).ok());
  EXPECT_FALSE(nested.set("/0:body/1:then_branch", 5, 1).ok());
  EXPECT_FALSE(nested.set("/0:body/7:then_branch", 0, 1).ok());
  EXPECT_FALSE(nested.set("/0:else", 0, 1).ok());
  Nested::add_product(*nested.branch, "b");
  EXPECT_FALSE(nested.set("/0:body/1:then_branch", 0, 1).ok());
  EXPECT_EQ(nested.held(), "float32[2] {1, 2}");
}

}  // namespace
}  // namespace fetafix::formats::onnx
