#include "pipeline/mapping.h"

#include <gtest/gtest.h>

namespace fetafix::pipeline {
namespace {

using Order = std::vector<size_t>;

// Two inputs, two outputs and a value between, each with `prefix` before its name.
graph::Graph model(const std::string& prefix) {
  graph::Graph out;
  const auto value = [&](const std::string& name) {
    graph::Value one;
    one.name = one.native_name = prefix + name;
    return out.add_value(one);
  };
  const auto a = value("in_a"), b = value("in_b"), mid = value("mid=way"), x = value("out_x"),
             y = value("out_y");
  const auto node = [&](const char* type, std::vector<graph::ValueId> in, graph::ValueId made) {
    graph::Node one;
    one.type = type;
    one.inputs = std::move(in);
    one.outputs = {made};
    out.add_node(std::move(one));
  };
  node("Add", {a, b}, mid);
  node("Relu", {mid}, x);
  node("Neg", {mid}, y);
  out.inputs = {a, b};
  out.outputs = {x, y};
  return out;
}

TEST(Mapping, SortsNamesByWhatTheyAre) {
  const auto source = model("s_"), target = model("t_");
  const auto map = Mapping::make({"s_in_a=t_in_b", "s_out_x=t_out_y", "s_mid=way=t_mid=way"}, source, target);
  ASSERT_TRUE(map.ok()) << map.error().message;
  EXPECT_EQ(map->inputs, (Mapping::Names{{"s_in_a", "t_in_b"}}));
  EXPECT_EQ(map->outputs, (Mapping::Names{{"s_out_x", "t_out_y"}}));
  EXPECT_EQ(map->values, (Mapping::Names{{"s_mid=way", "t_mid=way"}}));
  EXPECT_EQ(map->values_of(source, target), (std::map<graph::ValueId, graph::ValueId>{{2, 2}}));
}

TEST(Mapping, SaysWhatIsWrong) {
  const auto source = model("s_"), target = model("t_");
  const auto error = [&](const std::string& word) {
    const auto map = Mapping::make({word}, source, target);
    EXPECT_FALSE(map.ok());
    if (map.ok()) return std::string();
    EXPECT_EQ(map.error().kind, ErrorKind::usage);
    return map.error().message;
  };
  EXPECT_NE(error("s_in_a").find("expected SOURCE=TARGET"), std::string::npos);
  EXPECT_NE(error("s_inn_a=t_in_a").find("the source has no value 's_inn_a'; names near it are s_in_a"),
            std::string::npos);
  EXPECT_NE(error("s_in_a=t_ina").find("the target has no value 't_ina'"), std::string::npos);
  EXPECT_NE(error("s_in_a=t_out_x").find("'s_in_a' is a model input, 't_out_x' is computed"),
            std::string::npos);
}

TEST(Mapping, TheRestKeepsItsOrder) {
  const std::vector<std::string> source{"a", "b", "c"}, target{"x", "y", "z"};
  EXPECT_EQ(*paired_order(source, target, {}), (Order{0, 1, 2}));
  EXPECT_EQ(*paired_order(source, target, {{"a", "z"}}), (Order{2, 0, 1}));
  EXPECT_EQ(*paired_order(source, target, {{"a", "z"}, {"c", "x"}}), (Order{2, 1, 0}));
  EXPECT_FALSE(paired_order(source, target, {{"a", "z"}, {"b", "z"}}).ok());
  EXPECT_FALSE(paired_order(source, {"x"}, {{"b", "x"}}).ok());
}

}  // namespace
}  // namespace fetafix::pipeline
