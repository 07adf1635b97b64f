#include "repair/repair.h"

#include <set>

#include "align/testing/pair.h"

namespace fetafix::repair {
namespace {

using namespace align::testing;

const std::string net =
    "input %x float32[2,8]\nconst %w float32[8,8] {random 1}\nconst %v float32[8,8] {random 2}\n"
    "%a = MatMul(%x, %w)\n%b = Sigmoid(%a)\n%y = MatMul(%b, %v)\noutput %y\n";

// The one faulty segment, with weights to try: of the seeds in their order.
diagnose::Fault fault_with(const Aligned& pair, const std::vector<unsigned>& seeds) {
  diagnose::Fault fault;
  for (const auto& segment : pair.alignment.segments)
    if (segment.state == align::State::faulty) fault.segment = &segment;
  EXPECT_NE(fault.segment, nullptr);
  if (!fault.segment) return fault;
  fault.target_node = fault.segment->target_nodes.back();
  fault.relative_error = fault.segment->relative_error;
  const graph::Address at{{"", 0}, graph::Role::core};
  for (unsigned seed : seeds) {
    faults::Candidate candidate;
    candidate.edits.push_back(graph::SetTensor{at, 1, noise({8, 8}, seed)});
    fault.candidates.push_back(candidate);
  }
  return fault;
}

TEST(RepairSearch, AcceptsWhatMendsAndRejectsWhatDoesNot) {
  const Aligned pair(net, replaced(net, "{random 1}", "{random 11}"));
  diagnose::Fault fault = fault_with(pair, {7, 1});
  faults::Candidate nowhere;
  nowhere.edits.push_back(graph::RemoveNode{{{"", 99}, graph::Role::core}, 0});
  fault.candidates.insert(fault.candidates.begin(), nowhere);
  const auto repairs = search(evaluator(), pair.target, *pair.values, pair.alignment, {fault}, {});
  ASSERT_TRUE(repairs.ok()) << repairs.error().message;
  const Repair& repair = (*repairs)[0];
  ASSERT_EQ(repair.trials.size(), 3u);
  EXPECT_EQ(repair.trials[0].outcome, Outcome::not_applicable);
  EXPECT_EQ(repair.trials[1].outcome, Outcome::rejected);
  EXPECT_EQ(repair.trials[2].outcome, Outcome::accepted);
  EXPECT_EQ(repair.kept, 2);
  EXPECT_FALSE(repair.cut_short);
}

TEST(RepairSearch, WhatTheFormatCantExpressGivesWayToWhatItCan) {
  const Aligned pair(net, replaced(net, "{random 1}", "{random 11}"));
  const diagnose::Fault fault = fault_with(pair, {1, 7, 1});
  Options options;
  int asked = 0;
  options.writable = [&](const std::vector<graph::EditGroup>&) {
    return ++asked == 1 ? Status(Error{ErrorKind::unsupported, "no layer does that"}) : Status();
  };
  auto repairs = search(evaluator(), pair.target, *pair.values, pair.alignment, {fault}, options);
  ASSERT_TRUE(repairs.ok()) << repairs.error().message;
  EXPECT_EQ((*repairs)[0].kept, 2);
  EXPECT_FALSE((*repairs)[0].trials[0].writable);
  EXPECT_EQ((*repairs)[0].trials[0].reason, "the edit could not be written: no layer does that");

  // Where nothing else mends it, it is kept to be told of.
  options.writable = [](const auto&) { return Status(Error{ErrorKind::unsupported, "no layer does that"}); };
  repairs = search(evaluator(), pair.target, *pair.values, pair.alignment, {fault}, options);
  ASSERT_TRUE(repairs.ok()) << repairs.error().message;
  EXPECT_EQ((*repairs)[0].kept, 0);
  EXPECT_FALSE((*repairs)[0].trials[0].writable);
}

const std::string two_constants =
    "input %x float32[2,8]\nconst %w float32[8,8] {random 1}\nconst %b float32[8] {random 2}\n"
    "%a = MatMul(%x, %w)\n%c = Add(%a, %b)\n%y = Sigmoid(%c)\noutput %y\n";

faults::Candidate tensor(graph::NodeId node, Shape shape, unsigned seed) {
  faults::Candidate out;
  const graph::Address at{{"", node}, graph::Role::core};
  out.edits.push_back(graph::SetTensor{at, 1, noise(std::move(shape), seed)});
  return out;
}

TEST(RepairSearch, TwoFaultsAtOnePlaceAreMendedTogether) {
  const Aligned pair(two_constants, replaced(replaced(two_constants, "{random 1}", "{random 11}"),
                                             "{random 2}", "{random 12}"));
  diagnose::Fault fault;
  fault.segment = &pair.alignment.segments[0];
  fault.relative_error = fault.segment->relative_error;
  fault.candidates = {tensor(0, {8, 8}, 7), tensor(1, {8}, 9), tensor(1, {8}, 2), tensor(0, {8, 8}, 1)};
  const std::vector<diagnose::Fault> faults{fault};
  const auto repairs = search(evaluator(), pair.target, *pair.values, pair.alignment, faults, {});
  ASSERT_TRUE(repairs.ok()) << repairs.error().message;
  const Repair& repair = (*repairs)[0];
  ASSERT_GE(repair.kept, 4);
  const Trial& kept = repair.trials[static_cast<size_t>(repair.kept)];
  EXPECT_EQ(kept.outcome, Outcome::accepted);
  EXPECT_EQ(std::set(kept.candidates.begin(), kept.candidates.end()),
            (std::set<const faults::Candidate*>{&faults[0].candidates[2], &faults[0].candidates[3]}));
  EXPECT_EQ(edits_of(repair).size(), 2u);
}

// The source takes the last step first, the target at the end: its product stands for that of one step.
TEST(RepairSearch, AWholeSequenceIsJudgedByItsLastStep) {
  const std::string inputs =
      "input %x float32[1,4,8]\nconst %w float32[8,8] {random 1}\nconst %i int64[1] {3}\n";
  const Aligned pair(
      inputs + "%last = Gather(%x, %i) {axis=1}\n%h = MatMul(%last, %w)\n%y = Sigmoid(%h)\noutput %y\n",
      replaced(inputs, "{random 1}", "{random 11}") +
          "%h = MatMul(%x, %w)\n%last = Gather(%h, %i) {axis=1}\n%y = Sigmoid(%last)\noutput %y\n");
  const auto value = [](const Graph& graph, graph::NodeId node) { return graph.node(node).outputs[0]; };
  align::Alignment alignment = pair.alignment;
  graph::Graph target = pair.target;
  target.value(value(target, 0)).shape = Shape{1, 4, 8};
  const align::Pair expected{value(pair.source, 1), {}, align::Evidence::tentative};
  alignment.pairs[value(target, 0)] = alignment.pairs[value(target, 1)] = expected;
  align::Segment segment;
  segment.target_nodes = {0};
  segment.target_end = value(target, 0);
  segment.source_end = expected.source;
  segment.state = align::State::faulty;
  segment.relative_error = 1;
  alignment.segments = {segment};
  diagnose::Fault fault;
  fault.segment = &alignment.segments[0];
  fault.target_node = 0;
  fault.relative_error = 1;
  fault.candidates = {tensor(0, {8, 8}, 7), tensor(0, {8, 8}, 1)};
  const auto repairs = search(evaluator(), target, *pair.values, alignment, {fault}, {});
  ASSERT_TRUE(repairs.ok()) << repairs.error().message;
  EXPECT_EQ((*repairs)[0].kept, 1);
  EXPECT_EQ((*repairs)[0].trials[0].outcome, Outcome::rejected);
}

TEST(RepairSearch, StopsWhenTold) {
  const Aligned pair(net, replaced(net, "{random 1}", "{random 11}"));
  const diagnose::Fault fault = fault_with(pair, {7, 8, 1});
  int asked = 0, kept = 0;
  Options options;
  options.on_kept = [&](const Repair&) { ++kept; };
  options.stop = [&] { return ++asked > 5; };  // after three trials of the first, two of the second
  const auto repairs =
      search(evaluator(), pair.target, *pair.values, pair.alignment, {fault, fault, fault}, options);
  ASSERT_TRUE(repairs.ok()) << repairs.error().message;
  EXPECT_FALSE((*repairs)[0].cut_short);
  EXPECT_EQ((*repairs)[0].kept, 2);
  EXPECT_TRUE((*repairs)[1].cut_short && (*repairs)[2].cut_short);
  EXPECT_EQ((*repairs)[1].trials.size(), 2u);
  EXPECT_EQ((*repairs)[1].kept, -1);
  EXPECT_TRUE((*repairs)[2].trials.empty());
  EXPECT_EQ(kept, 1);
}

}  // namespace
}  // namespace fetafix::repair
