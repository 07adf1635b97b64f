#include "diagnose/diagnose.h"

#include "faults/testing/quantized.h"

namespace fetafix::diagnose {
namespace {

using faults::testing::Quantized;

std::vector<Fault> found_in(Quantized& pair, const std::string& made) {
  pair.alignment.segments = {pair.segment(made)};
  return diagnose(pair.source, pair.target, pair.values, pair.alignment);
}

TEST(Diagnose, AnExactOperatorWithAContradictedScaleIsAFaultOfTheScale) {
  Quantized damaged("0.5", "-128", "0.25");
  const auto faults = found_in(damaged, "y");
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].candidates.at(0).pattern, "activation-scale");
  EXPECT_EQ(faults[0].target_node, damaged.maker("q"));  // who writes the tensor, not who reads it
}

TEST(Diagnose, AMovedZeroPointIsAFaultOfTheTensor) {
  Quantized damaged("0.023529412", "-125", "0.023529412");
  const auto faults = found_in(damaged, "q");
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].candidates.at(0).pattern, "activation-zero-point");
}

TEST(Diagnose, ExactOperatorsAreNoFaults) {
  Quantized right("0.5", "-128", "0.5");
  EXPECT_TRUE(found_in(right, "y").empty());
  EXPECT_TRUE(found_in(right, "q").empty());
}

}  // namespace
}  // namespace fetafix::diagnose
