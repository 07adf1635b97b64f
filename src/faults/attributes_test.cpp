#include "faults/attributes.h"

#include <gtest/gtest.h>

namespace fetafix::faults {
namespace {

using Ints = std::vector<int64_t>;

graph::Node node(const std::string& type, graph::Attributes attributes) {
  graph::Node out;
  out.type = type;
  out.attributes = std::move(attributes);
  return out;
}

TEST(DifferingAttributes, DefaultsAreNoDifference) {
  EXPECT_TRUE(differing_attributes(node("Conv", {}), node("Conv", {{"strides", Ints{1, 1}}})).empty());
  EXPECT_TRUE(differing_attributes(node("LeakyRelu", {{"alpha", 0.01f}}), node("LeakyRelu", {})).empty());
}

TEST(DifferingAttributes, AListThatIsLeftOutIsWrittenOut) {
  const auto found = differing_attributes(node("Conv", {}), node("Conv", {{"dilations", Ints{2, 3}}}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "dilations");
  EXPECT_EQ(std::get<Ints>(found[0].source), (Ints{1, 1}));
  const auto pads = differing_attributes(node("MaxPool", {}), node("MaxPool", {{"pads", Ints{0, 0, 1, 1}}}));
  ASSERT_EQ(pads.size(), 1u);
  EXPECT_EQ(std::get<Ints>(pads[0].source), (Ints{0, 0, 0, 0}));
}

}  // namespace
}  // namespace fetafix::faults
