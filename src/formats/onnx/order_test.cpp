#include "formats/onnx/order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace fetafix::formats::onnx {
namespace {

// Nodes as "reads>computes"; names are single letters.
onnx_wire::Graph graph_of(const std::vector<std::string>& nodes) {
  onnx_wire::Graph graph;
  for (const std::string& text : nodes) {
    auto* node = graph.add_node();
    node->set_op_type("Op");
    const size_t arrow = text.find('>');
    for (size_t i = 0; i < text.size(); ++i)
      if (i != arrow) *(i < arrow ? node->add_input() : node->add_output()) = text.substr(i, 1);
  }
  return graph;
}

// What the order is by definition: again and again through the file, taking those that are ready.
std::vector<int> slow_order(const onnx_wire::Graph& graph, std::set<std::string> known) {
  std::vector<int> order;
  std::vector<bool> taken(static_cast<size_t>(graph.node_size()), false);
  for (bool more = true; more;) {
    more = false;
    for (int i = 0; i < graph.node_size(); ++i) {
      bool ready = !taken[static_cast<size_t>(i)];
      for (const auto& name : graph.node(i).input()) ready = ready && known.contains(name);
      if (!ready) continue;
      taken[static_cast<size_t>(i)] = more = true;
      order.push_back(i);
      known.insert(graph.node(i).output().begin(), graph.node(i).output().end());
    }
  }
  return order;
}

TEST(Order, FilesInOrderStayAsTheyAre) {
  auto order = execution_order(graph_of({"x>a", "x>b", "ab>c"}), {"x"});
  ASSERT_TRUE(order.ok());
  EXPECT_EQ(*order, (std::vector<int>{0, 1, 2}));
}

TEST(Order, WhatMustWaitComesLater) {
  auto order = execution_order(graph_of({"b>c", "x>d", "a>b", "x>a"}), {"x"});
  ASSERT_TRUE(order.ok());
  EXPECT_EQ(*order, (std::vector<int>{1, 3, 2, 0}));
}

TEST(Order, AgreesWithTheDefinition) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> nodes;
    const std::string names = "abcdefghijklmnopqrstuvw";
    for (size_t i = 0; i < names.size(); ++i) {
      std::string reads;
      for (size_t k = 0; k < random() % 3; ++k) reads += i ? names[random() % i] : 'x';
      nodes.push_back(reads + ">" + names[i]);
    }
    std::shuffle(nodes.begin(), nodes.end(), random);
    const auto graph = graph_of(nodes);
    auto order = execution_order(graph, {"x"});
    ASSERT_TRUE(order.ok()) << order.error().message;
    EXPECT_EQ(*order, slow_order(graph, {"x"}));
  }
}

TEST(Order, CyclesAndUnknownNamesAreNamed) {
  auto cycle = execution_order(graph_of({"x>a", "c>b", "b>c"}), {"x"});
  ASSERT_FALSE(cycle.ok());
  EXPECT_EQ(cycle.error().kind, ErrorKind::file);
  EXPECT_NE(cycle.error().message.find("node 1 (Op) reads 'c'"), std::string::npos) << cycle.error().message;
  auto unknown = execution_order(graph_of({"x>a", "q>b"}), {"x"});
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message.find("node 1 (Op) reads 'q', which nothing computes"), std::string::npos);
  EXPECT_FALSE(execution_order(graph_of({"a>a"}), {}).ok());
}

// Ten thousand nodes in the wrong order were a matter of minutes once.
TEST(Order, TakesTimeInProportionToTheFile) {
  onnx_wire::Graph graph;
  constexpr int count = 20000;
  for (int i = 0; i < count; ++i) {
    auto* node = graph.add_node();
    node->add_input(std::to_string(i + 1));
    node->add_output(std::to_string(i));
  }
  auto order = execution_order(graph, {std::to_string(count)});
  ASSERT_TRUE(order.ok());
  EXPECT_EQ(order->front(), count - 1);
  EXPECT_EQ(order->back(), 0);
}

TEST(Order, NestedGraphsReadOfTheGraphAround) {
  onnx_wire::Graph graph = graph_of({"f>y"});
  auto* branch = graph.mutable_node(0)->add_attribute()->mutable_g();
  *branch = graph_of({"w>t", "t>u"});
  auto* inner = branch->mutable_node(1)->add_attribute()->mutable_g();
  *inner = graph_of({"tz>t"});
  inner->add_output()->set_name("t");
  branch->add_output()->set_name("u");
  EXPECT_EQ(names_read(graph.node(0)), (std::set<std::string>{"f", "w", "z"}));
}

TEST(Order, WhatHasNoNameIsNotCaptured) {
  onnx_wire::Graph nested = graph_of({"w>t"});
  nested.add_output()->set_name("");
  EXPECT_EQ(names_captured(nested), std::set<std::string>{"w"});
}

}  // namespace
}  // namespace fetafix::formats::onnx
