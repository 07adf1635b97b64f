#include "pipeline/feed_adapter.h"

#include <gtest/gtest.h>

#include "evaluate/testing/graphs.h"

namespace fetafix::pipeline {
namespace {

using evaluate::testing::evaluator;

data::Preprocessing prepared(const std::string& text, const Shape& shape, DType dtype = DType::float32) {
  const auto spec = data::parse_preprocess("resize=input,channels=RGB," + text);
  EXPECT_TRUE(spec.ok()) << spec.error().message;
  auto out = data::resolve(*spec, {"x", dtype, shape, dtype == DType::float32 ? 0.0 : 0.5, 0});
  EXPECT_TRUE(out.ok()) << out.error().message;
  return std::move(out).value();
}

// 4 wide, 4 high, no two pixels alike.
data::Image picture() {
  data::Image out{4, 4, 3, {}};
  for (int i = 0; i < 48; ++i) out.pixels.push_back(static_cast<uint8_t>(i * 5));
  return out;
}

// What a model behind the adapter reads of the picture as `given` feeds it, and what it should.
void expect_adapted(const std::string& given_text, const std::string& right_text, const Shape& shape) {
  const auto given = prepared(given_text, shape), right = prepared(right_text, shape);
  auto group = adapter(0, given, right);
  ASSERT_TRUE(group.ok()) << group.error().message;
  graph::Graph graph =
      evaluate::testing::parse("input %x float32" + to_string(shape) + "\n%y = Neg(%x)\noutput %y\n");
  graph::Patch patch;
  patch.groups.push_back(std::move(group).value());
  ASSERT_TRUE(graph::apply(graph, patch).ok());
  std::vector<graph::NodeId> nodes(graph.nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) nodes[i] = static_cast<graph::NodeId>(i);
  evaluate::Feeds feeds{{graph.inputs[0], *data::apply(picture(), given)}};
  const auto made = evaluator().run(graph, nodes, feeds, graph.outputs);
  ASSERT_TRUE(made.ok()) << made.error().message;
  const Tensor expected = *data::apply(picture(), right);
  ASSERT_EQ((*made)[0].shape(), expected.shape());
  for (size_t i = 0; i < expected.as<float>().size(); ++i)
    EXPECT_NEAR(-(*made)[0].as<float>()[i], expected.as<float>()[i], 1e-3) << given_text << " " << i;
}

TEST(FeedAdapter, MakesTheRightInputOfTheGivenOne) {
  const std::string right = "scale=1/255,mean=0.1:0.2:0.3,std=0.4:0.5:0.6";
  for (const Shape& shape : {Shape{1, 3, 4, 4}, Shape{1, 4, 4, 3}}) {
    const std::string other = shape[1] == 3 ? "NHWC" : "NCHW";
    for (const std::string given :
         {"scale=1,mean=0,std=1", "channels=BGR,scale=1/255,mean=0.1:0.2:0.3,std=0.4:0.5:0.6",
          "axes=WH,scale=1/255,mean=0.1:0.2:0.3,std=0.4:0.5:0.6",
          "order=OTHER,scale=1/255,mean=0.1:0.2:0.3,std=0.4:0.5:0.6",
          "order=OTHER,axes=WH,channels=BGR,scale=1/127.5,mean=1:2:3,std=1"}) {
      std::string text = given;
      if (const size_t at = text.find("OTHER"); at != std::string::npos) text.replace(at, 5, other);
      expect_adapted(text, right, shape);
    }
  }
}

TEST(FeedAdapter, SaysWhatCantBeDoneInsideAModel) {
  const Shape shape{1, 3, 4, 4};
  const auto right = prepared("scale=1", shape);
  EXPECT_FALSE(adapter(0, prepared("resize=input:nearest,scale=1", shape), right).ok());
  EXPECT_FALSE(
      adapter(0, prepared("scale=2", shape, DType::int8), prepared("scale=1", shape, DType::int8)).ok());
}

}  // namespace
}  // namespace fetafix::pipeline
