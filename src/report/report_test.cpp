#include "report/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "report/words.h"

namespace fetafix::report {
namespace {

using results::Result;
using results::Verdict;

Result repaired() {
  Result r;
  r.version = "0.1.0";
  r.command = "repair";
  r.source = {"models/lite0.onnx", "onnx", "3f2a", 95, 18612224, "ONNX Runtime", "1.20.1"};
  r.target = {"models/a/rather/long/way/to/the/converted/lite0_float32.tflite",
              "tflite",
              "9b1c",
              93,
              1,
              "TFLite",
              "2.19"};
  r.samples = 250;
  r.held_back = 50;
  r.verdict = Verdict::repaired;
  r.before = {250, 212, 3, 240, 0.91, 12.5};
  r.after = results::Differences{250, 0, 3, 1, 1.1e-6, 2.3e-5};
  r.held_back_after = results::Differences{50, 0, 1, 0, 1e-6, 1.9e-5};
  r.coverage = {93, 90, 1, 2, 0, 0};
  r.faults.push_back(
      {"hyperparameters",
       "conv-pads",
       "/blocks.3/Conv",
       "operator 17 DEPTHWISE_CONV_2D",
       "the padding lies one pixel to the other side: the source pads above and left, the target below",
       "simplify the ONNX file before converting",
       {{"error / tolerance", 81234, "", "on 5 of 5 samples"}},
       0.99,
       true,
       1});
  r.faults.push_back(
      {"runtime", "", "", "operator 40 MEAN", "its kernel rounds otherwise", "", {}, 0.5, false, 0});
  r.output = "fixed.tflite";
  r.patch = "run/patch.json";
  r.seconds = {{"total", 41.2}, {"check", 3.1}};
  r.depth = {
      {17, "dw", "DEPTHWISE_CONV_2D", 0.7, 81234, results::SegmentState::faulty, 3e-7},
      {18, "relu", "RELU6", 0, 0, results::SegmentState::exact, {}},
      {19, "x", "MEAN", std::numeric_limits<double>::infinity(), 9, results::SegmentState::faulty, {}}};
  r.sample_list.push_back({"cat.png",
                           "cat",
                           "verdict",
                           true,
                           {{281, "tabby", 0.5}},
                           {{1, "goldfish", 0.4}},
                           {{281, "tabby", 0.5}},
                           3,
                           {},
                           "/9j/4AAQ"});
  r.sample_list.push_back(
      {"dog.png", "dog", "select", false, {{2, "", 0.5}}, {{2, "", 0.5}}, {{3, "", 0.4}}, 3, {}, ""});
  r.notes = {"layout NCHW taken from input 'x' float32[1,3,224,224]"};
  r.warnings = {"1 file no image and left out: labels.csv"};
  return r;
}

const char* const hostile = "<script>alert(1)</script>\"'&\x1b[31m\xe2\x80\xae\xff\n]]>";

// Hostile text wherever a file, a name or a message can bring it.
Result poisoned() {
  Result r = repaired();
  for (auto* text : {&r.source.path,
                     &r.target.path,
                     &r.target.format,
                     &r.target.runtime,
                     &r.reason,
                     &r.version,
                     &r.faults[0].fault_class,
                     &r.faults[0].pattern,
                     &r.faults[0].source_node,
                     &r.faults[0].target_node,
                     &r.faults[0].explanation,
                     &r.faults[0].advice,
                     &r.faults[0].left_because,
                     &r.faults[0].evidence[0].name,
                     &r.faults[0].evidence[0].text,
                     &r.depth[0].name,
                     &r.depth[0].type,
                     &r.sample_list[0].name,
                     &r.sample_list[0].set,
                     &r.sample_list[0].source_top5[0].text,
                     &r.sample_list[0].target_top5[0].text,
                     &r.sample_list[0].thumbnail,
                     &r.notes[0],
                     &r.warnings[0]})
    *text = hostile;
  r.patch = r.output = hostile;
  r.seconds.push_back({hostile, 1});
  return r;
}

std::string golden(const std::string& name) {
  std::ifstream file(std::string(FETAFIX_REPORT_TESTDATA) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Elements are closed in order, attributes are quoted, every & starts an entity: what XML demands. Empty when
// so.
std::string malformed(const std::string& page, bool is_html) {
  std::vector<std::string> open;
  for (size_t at = 0; at < page.size(); ++at) {
    if (page[at] == '&' && !open.empty() && open.back() != "style") {
      const size_t end = page.find(';', at);
      const std::string name = end == std::string::npos ? "" : page.substr(at + 1, end - at - 1);
      if (name != "amp" && name != "lt" && name != "gt" && name != "quot" && name != "#39")
        return "bad entity " + name;
    }
    if (page[at] != '<') continue;
    const size_t end = page.find('>', at);
    if (end == std::string::npos) return "open <";
    const std::string tag = page.substr(at + 1, end - at - 1);
    at = end;
    if (tag[0] == '?' || tag[0] == '!') continue;
    if (std::count(tag.begin(), tag.end(), '"') % 2) return "odd quotes in " + tag;
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return "unexpected " + tag;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  if (is_html && page.find("</html>") == std::string::npos) return "no end";
  return open.empty() ? "" : "not closed: " + open.back();
}

TEST(Text, Golden) {
  EXPECT_EQ(text(repaired()), golden("repaired.txt"));
}

TEST(JUnit, Golden) {
  Result r = repaired();
  r.verdict = Verdict::improved;
  EXPECT_EQ(junit(r), golden("improved.xml"));
}

TEST(Text, NoLineIsTooLong) {
  for (int width : {10, 40, 80, 120}) {
    for (const Result& r : {repaired(), poisoned(), Result{}}) {
      std::stringstream lines(text(r, width));
      for (std::string line; std::getline(lines, line);)
        EXPECT_LE(length(line), static_cast<size_t>(std::max(width, 40))) << line;
    }
  }
}

TEST(Text, ColorsOnlyWhenAsked) {
  EXPECT_EQ(text(poisoned()).find('\x1b'), std::string::npos);
  EXPECT_TRUE(text(repaired(), 80, true).starts_with("\x1b[1;32mRepaired"));
  EXPECT_EQ(text(poisoned(), 80, true).find("\x1b[31m"), std::string::npos);
}

TEST(Html, IsWellFormedAndInert) {
  for (const Result& r : {repaired(), poisoned(), Result{}}) {
    const std::string page = html(r);
    EXPECT_EQ(malformed(page, true), "");
    for (const char* bad :
         {"<script", "http:", "https:", "javascript:", "onload", "\x1b", "\xe2\x80\xae", "\xff"})
      EXPECT_EQ(page.find(bad), std::string::npos) << bad;
  }
}

TEST(Html, ShowsWhatMatters) {
  const std::string page = html(repaired());
  for (const char* part :
       {"2.3e-05", "conv-pads", "mended, 1 edit", "not mended", "17 DEPTHWISE_CONV_2D", "goldfish",
        "data:image/jpeg;base64,/9j/4AAQ", "90 exact", "fixed.tflite", "ONNX Runtime 1.20.1"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_LT(page.find("dog.png"), page.find("cat.png"));  // what still differs comes first
}

TEST(Html, ManyFaultsAndSamplesAreCut) {
  Result r = repaired();
  for (int i = 0; i < 300; ++i) r.faults.push_back(r.faults[0]), r.sample_list.push_back(r.sample_list[0]);
  const std::string page = html(r);
  EXPECT_NE(page.find("202 more are in the JSON result"), std::string::npos);
  EXPECT_NE(page.find("242 more are in the JSON result"), std::string::npos);
  EXPECT_LT(text(r).size(), 10000u);
}

TEST(JUnit, IsWellFormedAndCounts) {
  for (const Result& r : {repaired(), poisoned(), Result{}}) EXPECT_EQ(malformed(junit(r), false), "");
  Result r;
  r.verdict = Verdict::different;
  EXPECT_NE(junit(r).find("tests=\"1\" failures=\"1\""), std::string::npos);
}

TEST(JUnit, NothingFailsWhereTheCommandDoesNot) {
  EXPECT_NE(junit(repaired()).find("tests=\"5\" failures=\"0\""), std::string::npos);
  EXPECT_NE(junit(repaired()).find("its kernel rounds otherwise"), std::string::npos);
  Result r = repaired();
  r.verdict = Verdict::different;
  r.fail_on = {Verdict::broken};
  EXPECT_NE(junit(r).find("tests=\"5\" failures=\"0\""), std::string::npos);
  r.fail_on = {Verdict::broken, Verdict::different};
  EXPECT_NE(junit(r).find("tests=\"5\" failures=\"3\""), std::string::npos);
}

TEST(Words, Clean) {
  EXPECT_EQ(clean("a\tb\nc"), "a b c");
  EXPECT_EQ(clean("\x1b[0m\x7f"), "?[0m?");
  EXPECT_EQ(clean("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(clean("\xc3("), "?(");
  EXPECT_EQ(clean("\xc0\xaf\xed\xa0\x80\xf5"), "??????");  // overlong, surrogate, too large
  EXPECT_EQ(escaped("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
}

TEST(Words, WrapAndShorten) {
  EXPECT_EQ(wrapped("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrapped("abcdefghij k", 4), (std::vector<std::string>{"abcd", "efgh", "ij k"}));
  EXPECT_EQ(wrapped("abcdefgh", 4), (std::vector<std::string>{"abcd", "efgh"}));
  EXPECT_EQ(wrapped("", 4), (std::vector<std::string>{""}));
  EXPECT_EQ(shortened("abcdefghijkl", 9), "ab...ijkl");
  EXPECT_EQ(shortened("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 6),
            "\xc3\xbc...\xc3\xbc\xc3\xbc");
}

}  // namespace
}  // namespace fetafix::report
