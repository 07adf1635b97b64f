#include "repair/repair.h"

#include "align/testing/pair.h"

namespace fetafix::repair {
namespace {

using namespace align::testing;

const std::string net =
    "input %x float32[2,8]\nconst %w float32[8,8] {random 1}\nconst %v float32[8,8] {random 2}\n"
    "%a = MatMul(%x, %w)\n%b = Sigmoid(%a)\n%y = MatMul(%b, %v)\noutput %y\n";

TEST(RepairSearch, AcceptsWhatMendsAndRejectsWhatDoesNot) {
  const Aligned pair(net, replaced(net, "{random 1}", "{random 11}"));
  diagnose::Fault fault;
  for (const auto& segment : pair.alignment.segments)
    if (segment.state == align::State::faulty) fault.segment = &segment;
  ASSERT_NE(fault.segment, nullptr);
  fault.target_node = fault.segment->target_nodes.back();
  fault.relative_error = fault.segment->relative_error;
  const graph::Address at{{"", 0}, graph::Role::core};
  for (unsigned seed : {7u, 1u}) {
    faults::Candidate candidate;
    candidate.edits.push_back(graph::SetTensor{at, 1, noise({8, 8}, seed)});
    fault.candidates.push_back(candidate);
  }
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
}

}  // namespace
}  // namespace fetafix::repair
