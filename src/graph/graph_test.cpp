#include "graph/graph.h"

#include <gtest/gtest.h>

#include "graph/parse_text.h"

namespace fetafix::graph {
namespace {

const char* const everything = R"(input %x float32[1,?,4]
input %any float32[...]
const %w float32[2,2] {1, -2.5, 3, 9.53674316e-07}
const %ends int64[1] {9223372036854775807}
%a, _, %c = Split(%x, _, %ends) {axis=1, floats=[1.0,0.5], ints=[1,-2], s='keep', strings=['a','b'], t=float32[1] {2}}
%y = opaque my.domain::Odd(%a, %any) {alpha=2.0} : activation
%z = Add(%y, %w) {limit=inf, none=[]}
output %z
output %c
)";

TEST(GraphText, ReadsBackWhatItWrites) {
  auto graph = parse_text(everything);
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  EXPECT_EQ(to_text(*graph), everything);
  EXPECT_EQ(graph->node(1).domain, "my.domain");
  EXPECT_TRUE(graph->node(1).opaque);
  EXPECT_EQ(graph->node(1).role, Role::activation);
  EXPECT_EQ(graph->node(0).inputs[1], no_value);
}

TEST(GraphText, SaysWhichLineCannotBeRead) {
  for (const char* line :
       {"%y = Relu(%nobody)", "%x = Relu(%x)", "%y = ", "%y Relu(%x)", "%y = Relu(%x) {a=}", "output %q",
        "const %c float32[2] {1}", "const %c float9[1] {1}", "const %c float32[1] {1, ...}",
        "%y = Relu(%x) : chef", "%y = Relu(%x) {a=[1,'b']}", "input x float32[1]", "%y = Relu(%x"}) {
    auto graph = parse_text(std::string("input %x float32[1]\n") + line + "\n");
    ASSERT_FALSE(graph.ok()) << line;
    EXPECT_NE(graph.error().message.find("line 2"), std::string::npos) << line;
  }
}

TEST(GraphNames, AreMadeUnique) {
  Graph graph;
  const auto named = [&](const char* name) {
    Value value;
    value.name = name;
    return graph.value(graph.add_value(value)).name;
  };
  EXPECT_EQ(named("a"), "a");
  EXPECT_EQ(named("a"), "a#1");
  EXPECT_EQ(named("a#1"), "a#1#1");
  EXPECT_EQ(named("a"), "a#2");
  EXPECT_EQ(named("b#1"), "b#1");
  EXPECT_EQ(named("b"), "b");
  EXPECT_EQ(named("b"), "b#2");
  EXPECT_EQ(named(""), "v");
  EXPECT_EQ(named(""), "v#1");
  EXPECT_TRUE(verify(graph).ok()) << verify(graph).error().message;
}

class Verify : public ::testing::Test {
 protected:
  Graph graph = *parse_text("input %x float32[2]\n%y = Relu(%x)\n%z = Relu(%y)\noutput %z\n");
  std::string complaint() {
    const Status status = verify(graph);
    return status.ok() ? "" : status.error().message;
  }
  void expect(const char* part) { EXPECT_NE(complaint().find(part), std::string::npos) << complaint(); }
};

TEST_F(Verify, AcceptsAWholeGraph) {
  EXPECT_EQ(complaint(), "");
}
TEST_F(Verify, RefusesANodeBeforeItsProducer) {
  std::swap(graph.nodes[0], graph.nodes[1]);
  expect("before it is computed");
}
TEST_F(Verify, RefusesTwoProducers) {
  graph.node(1).outputs = graph.node(0).outputs;
  expect("exists already");
}
TEST_F(Verify, RefusesAProducedInput) {
  graph.node(0).outputs = graph.inputs;
  expect("exists already");
}
TEST_F(Verify, RefusesIdsOutOfRange) {
  graph.node(0).inputs[0] = 99;
  expect("out of range");
  graph.node(0).inputs[0] = -2;
  expect("out of range");
  graph.inputs = {99};
  expect("out of range");
}
TEST_F(Verify, RefusesAnOutputThatNothingComputes) {
  graph.nodes.pop_back();
  expect("never computed");
  graph.outputs = {-1};
  expect("never computed");
}
TEST_F(Verify, RefusesDoubleAndMissingNames) {
  graph.value(1).name = graph.value(0).name;
  expect("two values");
  graph.value(1).name = "";
  expect("no name");
}
TEST_F(Verify, RefusesMoreSlotsThanInputs) {
  graph.node(0).slots = {0, 1};
  expect("slots");
}

// Two values, of which the loop's body reads %w and makes %o.
Graph with_body(size_t input) {
  Graph body = *parse_text("input %v float32[1]\ninput %k float32[1]\n%o = Add(%v, %k)\noutput %o\n");
  body.inputs.pop_back();
  Graph graph =
      *parse_text("input %x float32[1]\nconst %w float32[1] {1}\n%y = Loop(%x, %w) {a=1}\noutput %y\n");
  graph.node(0).bodies["body"] = {std::make_shared<Graph>(std::move(body)), {{1, input}}};
  return graph;
}

TEST(GraphBodies, AreShownBySizeAndChecked) {
  Graph graph = with_body(1);
  EXPECT_TRUE(verify(graph).ok());
  EXPECT_EQ(own_inputs(graph.node(0)), 1u);
  EXPECT_EQ(to_text(graph, graph.node(0)), "%y = Loop(%x, %w) {a=1, body=graph of 1}");
  EXPECT_NE(verify(with_body(2)).error().message.find("captures an input"), std::string::npos);
  graph.node(0).bodies["body"].captures.clear();
  EXPECT_NE(verify(graph).error().message.find("reads 'k' before"), std::string::npos);
}

TEST(GraphBodies, AppendedGraphsKeepWhatTheyCompute) {
  const Graph from = *parse_text(
      "input %x float32[1]\nconst %c float32[1] {2}\n%a = Mul(%x, %c)\noutput %a\noutput %x\noutput %c\n");
  Graph into = *parse_text("input %x float32[1]\n%a = Relu(%x)\noutput %a\n");
  into.outputs = append(into, from, {into.outputs[0]}, {"", 7}, Role::bridge);
  ASSERT_TRUE(verify(into).ok()) << verify(into).error().message;
  EXPECT_EQ(to_text(into),
            "input %x float32[1]\nconst %c float32[1] {2}\n%a = Relu(%x)\n%a#1 = Mul(%a, %c) : bridge\n"
            "output %a#1\noutput %a\noutput %c\n");
  EXPECT_EQ(into.node(1).native.index, 7);
}

TEST(GraphUses, KnowsProducersConsumersAndOutputs) {
  const Graph graph = *parse_text(
      "input %x float32[2]\n%y = Mul(%x, %x)\n%a, %b = Split(%y)\n%z = Add(%y, _, %b)\noutput %z\n");
  const Uses uses(graph);
  EXPECT_EQ(uses.producer, (std::vector<NodeId>{-1, 0, 1, 1, 2}));
  EXPECT_EQ(uses.consumers[0].size(), 2u);
  EXPECT_EQ(uses.consumers[1].size(), 2u);
  EXPECT_EQ(uses.consumers[3][0].node, 2);
  EXPECT_EQ(uses.consumers[3][0].input, 2);
  EXPECT_TRUE(uses.consumers[2].empty());
  EXPECT_EQ(uses.is_output, (std::vector<bool>{false, false, false, false, true}));
}

TEST(GraphLife, OnlyWhatLeadsToAnOutputIsAlive) {
  const Graph graph = *parse_text(
      "input %x float32[2]\n%a = Relu(%x)\n%dead = Exp(%a)\n%deader = Exp(%dead)\n%l, %r = Split(%a)\noutput "
      "%r\n");
  EXPECT_EQ(live_nodes(graph), (std::vector<bool>{true, false, false, true}));
}

TEST(GraphAttributes, AWrongTypeCountsAsMissing) {
  const Graph graph = *parse_text("input %x float32[2]\n%y = A(%x) {f=1.0, i=1}\noutput %y\n");
  EXPECT_EQ(attribute_or(graph.node(0), "i", int64_t{7}), 1);
  EXPECT_EQ(attribute_or(graph.node(0), "f", int64_t{7}), 7);
  EXPECT_EQ(attribute_or(graph.node(0), "none", 2.0f), 2.0f);
}

}  // namespace
}  // namespace fetafix::graph
