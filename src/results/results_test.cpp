#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/json.h"
#include "results/result_json.h"
#include "results/sentences.h"

namespace fetafix::results {
namespace {

Result repaired() {
  Result r;
  r.version = "0.1.0";
  r.command = "repair";
  r.source.path = "a.onnx";
  r.source.format = "onnx";
  r.target.path = "b.tflite";
  r.target.format = "tflite";
  r.samples = 250;
  r.held_back = 50;
  r.verdict = Verdict::repaired;
  r.before = {250, 212, 3, 240, 0.91, 12.5};
  r.after = Differences{250, 0, 3, 1, 1e-6, 2e-5};
  r.held_back_after = Differences{50, 0, 1, 0, 1e-6, 1e-5};
  r.coverage = {95, 94, 1, 0, 0, 0};
  Fault fault;
  fault.fault_class = "hyperparameters";
  fault.pattern = "conv-pads";
  fault.source_node = "stem";
  fault.target_node = "op 3";
  fault.explanation = "the padding lies on the other side";
  fault.confidence = 0.99;
  fault.fixed = true;
  fault.edits = 1;
  r.faults = {fault};
  r.output = "fixed.tflite";
  r.seconds = {{"total", 12.5}, {"check", 3.0}};
  return r;
}

TEST(Verdicts, FailAsTheUserSays) {
  Result r = repaired();
  EXPECT_FALSE(fails(r));
  r.fail_on = {Verdict::repaired};
  EXPECT_TRUE(fails(r));
  r.verdict = Verdict::different;
  EXPECT_FALSE(fails(r));
  r.fail_on.clear();
  EXPECT_TRUE(fails(r));
}

TEST(ResultJson, HasTheKeysOfVersion1InOrder) {
  const Json json = to_json(repaired());
  std::vector<std::string> keys;
  for (const auto& item : json.items()) keys.push_back(item.key());
  const std::vector<std::string> expected = {
      "fetafix", "command", "source",  "target",      "samples",         "held_back", "preprocess",
      "verdict", "reason",  "before",  "after",       "held_back_after", "coverage",  "faults",
      "patch",   "output",  "seconds", "sample_list", "depth",           "notes",     "warnings"};
  EXPECT_EQ(keys, expected);
  EXPECT_EQ(json["verdict"], "repaired");
  EXPECT_EQ(dump_json(json["after"]),
            R"({"label_differences":0,"near_ties":3,"top5_differences":1,"max_relative_error":1e-06,)"
            R"("max_absolute_error":2e-05,"samples":250})");
  EXPECT_EQ(
      dump_json(json["faults"][0]),
      R"({"class":"hyperparameters","pattern":"conv-pads","source_node":"stem","target_node":"op 3",)"
      R"("explanation":"the padding lies on the other side","confidence":0.99,"fixed":true,"advice":"",)"
      R"("evidence":[],"edits":1,"left_because":""})");
  EXPECT_EQ(dump_json(json["seconds"]), R"({"total":12.5,"check":3.0})");
  EXPECT_TRUE(json["patch"].is_null());
}

TEST(ResultJson, CheckHasNoAfterAndListsAreArrays) {
  Result r;
  r.command = "check";
  r.before.max_relative_error = std::numeric_limits<double>::infinity();
  r.sample_list.push_back(
      {"cat.png", "cat.png", "verdict", false, {{281, "tabby", 0.5}}, {}, {}, NAN, {}, ""});
  r.depth.push_back({4, "conv", "CONV_2D", 0.5, 812, SegmentState::faulty, {}});
  const Json json = to_json(r);
  EXPECT_FALSE(json.contains("after"));
  EXPECT_TRUE(json["before"]["max_relative_error"].is_null());
  EXPECT_TRUE(json["faults"].is_array());
  EXPECT_EQ(dump_json(json["sample_list"][0]["source_top5"]),
            R"([{"index":281,"text":"tabby","score":0.5}])");
  EXPECT_EQ(json["depth"][0]["state"], "faulty");
  EXPECT_TRUE(parse_json(dump_json(json), "result").ok());
}

TEST(Verdict, NamesGoBothWays) {
  for (int i = 0; i <= static_cast<int>(Verdict::not_repaired); ++i) {
    const auto verdict = static_cast<Verdict>(i);
    EXPECT_EQ(verdict_from_name(verdict_name(verdict)), verdict);
  }
  EXPECT_EQ(verdict_name(Verdict::not_repaired), "not-repaired");
  EXPECT_EQ(verdict_from_name("fine"), std::nullopt);
}

TEST(Sentences, Repaired) {
  EXPECT_EQ(
      verdict_sentence(repaired()),
      "Repaired: 1 fault mended; 212 of 250 labels differed before, 0 after; verified on 50 samples that the "
      "search never saw.");
  EXPECT_EQ(what_now(repaired()), "Use fixed.tflite in place of the target.");
}

TEST(Sentences, WhatNeedsNoRepairIsNotCalledMended) {
  Result r = repaired();
  r.faults.clear();
  EXPECT_EQ(verdict_sentence(r), "Nothing to repair: the models are the same already.");
  EXPECT_EQ(
      what_now(r),
      "Nothing to do: the target computes what the source computes. fixed.tflite is a copy of the target; "
      "the patch is empty.");
}

TEST(Sentences, EveryVerdictHasOneSentenceAndAWayOut) {
  Result r = repaired();
  for (const char* command : {"check", "localize", "repair"}) {
    for (int i = 0; i <= static_cast<int>(Verdict::not_repaired); ++i) {
      r.command = command;
      r.verdict = static_cast<Verdict>(i);
      for (const std::string& text : {verdict_sentence(r), what_now(r)}) {
        ASSERT_FALSE(text.empty());
        EXPECT_EQ(text.back(), '.') << text;
        EXPECT_EQ(text.find(".."), std::string::npos) << text;
      }
    }
  }
}

TEST(Sentences, ReasonIsUsedAndStoppedOnce) {
  Result r;
  r.verdict = Verdict::broken;
  r.reason = "the runtime refuses operator TFL_GELU.";
  EXPECT_EQ(verdict_sentence(r), "Broken: the runtime refuses operator TFL_GELU.");
}

TEST(Sentences, Numbers) {
  EXPECT_EQ(number_text(0), "0");
  EXPECT_EQ(number_text(0.33412), "0.334");
  EXPECT_EQ(number_text(81234.4), "81234");
  EXPECT_EQ(number_text(1.2345e-6), "1.23e-06");
  EXPECT_EQ(number_text(std::numeric_limits<double>::infinity()), "infinite");
  EXPECT_EQ(count(1, "label"), "1 label");
  EXPECT_EQ(count(2, "entry", "entries"), "2 entries");
}

}  // namespace
}  // namespace fetafix::results
