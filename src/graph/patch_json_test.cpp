#include <gtest/gtest.h>

#include <limits>

#include "base/json.h"
#include "graph/edit.h"

namespace fetafix::graph {
namespace {

Address at(int index, Role role = Role::core) {
  return {{"", index}, role};
}

Patch everything() {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor tensor = Tensor::of(std::vector<float>{1, -0.0f, infinity, 1e-42f}, {2, 2});
  const Attributes attributes{{"f", 0.1f},
                              {"fs", std::vector<float>{1, 0.1f}},
                              {"i", std::numeric_limits<int64_t>::min()},
                              {"is", std::vector<int64_t>{-1, std::numeric_limits<int64_t>::max()}},
                              {"none", std::vector<int64_t>{}},
                              {"s", std::string("it's")},
                              {"ss", std::vector<std::string>{"", "b"}},
                              {"t", Tensor::vector(std::vector<int64_t>{3})}};
  Address nested = at(2, Role::bridge);
  nested.op.graph = "then";
  nested.nth = 1;
  Patch patch{"onnx", "abc", {}};
  patch.groups.push_back({{SetTensor{at(1, Role::bias), 2, tensor}, SetAttribute{nested, "k", 2.5f},
                           SetAttribute{at(3), "gone", std::nullopt}},
                          "a reason"});
  InsertNode insert;
  insert.edge.node = at(8);
  insert.only_consumer = std::pair(at(9), 1);
  insert.type = "Clip";
  insert.attributes = attributes;
  insert.operands = {std::nullopt, tensor, Tensor::of(std::vector<float>{}, {0})};
  insert.other_operands = {{0, {1, {}, 0}}};
  patch.groups.emplace_back();
  for (const Edit& edit :
       std::vector<Edit>{SetOperand{at(4), 1, {0, {}, 0}}, SetOperand{at(4), 1, {-1, at(2), 1}},
                         ChangeType{at(5), "MaxPool", attributes}, RemoveNode{at(6), 1},
                         KeepOutputs{at(7), 1}, insert, SetTensor{at(1), 2, tensor, true},
                         SetMetadata{"opset", 17, {}}, SetMetadata{"operator_code", 3, at(9)},
                         SetOutput{1, {-1, at(3), 0}}, SeparateOutput{at(3), 1}, SortOperators{}})
    patch.groups[1].edits.push_back(edit);
  Redeclare declared;
  declared.value.node = at(2);
  declared.dtype = DType::int8;
  patch.groups[1].edits.emplace_back(declared);
  declared.shape = Shape{-1, 3};
  patch.groups[1].edits.emplace_back(declared);
  patch.operators[{"", 4}] = {"digest", {}};
  patch.operators[{"then", 2}] = {"digest", {"one", "two"}};
  patch.inputs[1] = {"of an input", {}};
  patch.reverse = Reverse{"def", {std::byte{0}, std::byte{255}}};
  return patch;
}

TEST(PatchJson, EveryEditAndAttributeTypeSurvivesAsText) {
  const std::string text = dump_json(to_json(everything()));
  auto read = patch_from_json(*parse_json(text, "patch"));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(dump_json(to_json(*read)), text);
  EXPECT_EQ(read->groups[0].reason, "a reason");
  const auto& set = std::get<SetTensor>(read->groups[0].edits[0]);
  EXPECT_TRUE(set.value.identical(std::get<SetTensor>(everything().groups[0].edits[0]).value));
  EXPECT_EQ(set.at, at(1, Role::bias));
  const auto& type = std::get<ChangeType>(read->groups[1].edits[2]);
  EXPECT_EQ(std::get<float>(type.attributes.at("f")), 0.1f);
  EXPECT_EQ(std::get<int64_t>(type.attributes.at("i")), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(read->operators, everything().operators);
  EXPECT_EQ(read->inputs, everything().inputs);
  ASSERT_TRUE(read->reverse.has_value());
  EXPECT_EQ(read->reverse->patched_sha256, "def");
  EXPECT_EQ(read->reverse->delta, everything().reverse->delta);
}

TEST(PatchJson, InfiniteAttributesSurvive) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Patch patch{
      "onnx",
      "",
      {{{SetAttribute{at(0), "min", -infinity}, SetAttribute{at(0), "all", std::vector<float>{infinity, 1}}},
        ""}}};
  auto read = patch_from_json(*parse_json(dump_json(to_json(patch)), "patch"));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(std::get<float>(*std::get<SetAttribute>(read->groups[0].edits[0]).value), -infinity);
  EXPECT_EQ(std::get<std::vector<float>>(*std::get<SetAttribute>(read->groups[0].edits[1]).value)[0],
            infinity);
}

// Whatever member is left out or replaced: a patch or an error, never a crash.
void disturb(Json& whole, Json& part, int depth) {
  if (!part.is_structured() || depth > 8) return;
  for (auto& member : part) {
    const Json kept = member;
    for (const Json& other :
         {Json(nullptr), Json(-7), Json(1e300), Json("x"), Json("===="), Json::array(), Json::object(),
          Json(uint64_t{0xffffffffffffffff}), Json::array({Json(1), Json("a")})}) {
      member = other;
      (void)patch_from_json(whole);
    }
    member = kept;
    disturb(whole, member, depth + 1);
  }
}

TEST(PatchJson, HostileMembersAreErrorsNotCrashes) {
  Json json = to_json(everything());
  disturb(json, json, 0);
  EXPECT_TRUE(patch_from_json(json).ok());
}

TEST(PatchJson, RefusesWhatItDoesNotKnow) {
  const auto refused = [](const char* group) {
    const std::string text =
        std::string(R"({"patch":1,"format":"onnx","model_sha256":"","groups":[)") + group + "]}";
    return !patch_from_json(*parse_json(text, "patch")).ok();
  };
  EXPECT_FALSE(refused(R"({"reason":"","edits":[]})"));
  EXPECT_TRUE(refused(R"(7)"));
  EXPECT_TRUE(refused(R"({"reason":"","edits":[7]})"));
  EXPECT_TRUE(refused(R"({"reason":"","edits":[{"edit":"erase-disk"}]})"));
  EXPECT_TRUE(refused(
      R"({"reason":"","edits":[{"edit":"remove-node","at":{"operator":1,"role":"chef"},"through":0}]})"));
  EXPECT_TRUE(refused(
      R"({"reason":"","edits":[{"edit":"remove-node","at":{"operator":-2,"role":"core"},"through":0}]})"));
  EXPECT_TRUE(refused(
      R"({"reason":"","edits":[{"edit":"remove-node","at":{"operator":1,"role":"core"},"through":-1}]})"));
  EXPECT_TRUE(
      refused(R"({"reason":"","edits":[{"edit":"set-tensor","at":{"operator":1,"role":"core"},"slot":0,
                          "tensor":{"dtype":"float32","shape":[1000000000000],"data":"AAAA"}}]})"));
  EXPECT_FALSE(
      patch_from_json(*parse_json(R"({"patch":2,"format":"","model_sha256":"","groups":[]})", "p")).ok());
  EXPECT_FALSE(patch_from_json(Json::array()).ok());
}

}  // namespace
}  // namespace fetafix::graph
