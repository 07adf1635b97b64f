// How a place that is wrong is told.
#include "evaluate/testing/graphs.h"
#include "pipeline/analysis.h"

namespace fetafix::pipeline {
namespace {

struct Described : ::testing::Test {
  Described() {
    analysis.source = analysis.target = evaluate::testing::parse(
        "input %x float32[1,4,8,8]\n%y = MaxPool(%x) {kernel_shape=[2,2]}\noutput %y\n");
    fault.target_node = fault.source_node = 0;
    faults::Candidate guess;
    guess.pattern = "mode";
    guess.fault_class = "hyperparameters";
    guess.explanation = "mode is another";
    guess.guess = true;
    fault.candidates.push_back(guess);
  }

  Analysis analysis;
  diagnose::Fault fault;
};

TEST_F(Described, AGuessIsToldAsOneUntilItIsTried) {
  EXPECT_EQ(describe(analysis, fault).explanation, "perhaps mode is another");
  repair::Repair failed;
  failed.fault = &fault;
  repair::Trial& trial = failed.trials.emplace_back();
  trial.candidates = {&fault.candidates[0]};
  trial.reason = "does not help";
  const auto told = describe(analysis, fault, failed);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].pattern, "");
  EXPECT_NE(told[0].explanation.find("no known pattern"), std::string::npos);
  failed.trials[0].outcome = repair::Outcome::accepted;
  failed.kept = 0;
  EXPECT_EQ(describe(analysis, fault, failed)[0].explanation, "mode is another");
}

TEST_F(Described, WhatTheFilesShowStandsThoughItsEditFails) {
  fault.candidates.push_back(fault.candidates[0]);
  fault.candidates[1].guess = false;
  fault.candidates[1].pattern = "tensor";
  fault.candidates[1].explanation = "the weights are not the source's";
  repair::Repair failed;
  failed.fault = &fault;
  EXPECT_EQ(describe(analysis, fault, failed)[0].pattern, "tensor");
}

// A canonical form takes operators apart; users know the one that the file has.
TEST_F(Described, APartOfAnOperatorIsCalledByTheOperatorsName) {
  graph::Node& part = analysis.target.node(0);
  part.type = "Transpose";
  part.native.index = 21;
  part.name = "fc";
  analysis.target_types[part.native] = {"Gemm"};
  EXPECT_EQ(describe(analysis, fault).target_node, "Gemm #21 'fc'");
  analysis.target_types[part.native] = {"Conv", "Transpose"};  // several nodes in the file's own view
  EXPECT_EQ(describe(analysis, fault).target_node, "Transpose #21 'fc'");
}

}  // namespace
}  // namespace fetafix::pipeline
