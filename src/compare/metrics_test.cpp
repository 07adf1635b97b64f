#include "compare/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace fetafix::compare {
namespace {

using Floats = std::vector<float>;
constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

TEST(RelativeL2, IsTheDistanceOverTheLargerNorm) {
  EXPECT_DOUBLE_EQ(relative_l2(Floats{3, 4}, Floats{3, 4}), 0);
  EXPECT_DOUBLE_EQ(relative_l2(Floats{3, 4}, Floats{0, 0}), 1);
  EXPECT_DOUBLE_EQ(relative_l2(Floats{0, 0}, Floats{3, 4}), 1);
  EXPECT_DOUBLE_EQ(relative_l2(Floats{1, 0}, Floats{-1, 0}), 2);
  EXPECT_DOUBLE_EQ(relative_l2(Floats{0, 0}, Floats{0, 0}), 0);
  EXPECT_DOUBLE_EQ(relative_l2({}, {}), 0);
}

TEST(RelativeL2, NotANumberIsInfinitelyFar) {
  EXPECT_EQ(relative_l2(Floats{1, nan}, Floats{1, 2}), inf);
  EXPECT_EQ(relative_l2(Floats{1, 2}, Floats{nan, 2}), inf);
  EXPECT_EQ(relative_l2(Floats{1, 2}, Floats{inf, 2}), inf);
}

TEST(MaxErrors, FindTheWorstElement) {
  EXPECT_DOUBLE_EQ(max_absolute_error(Floats{1, -4}, Floats{1.5f, -3}), 1);
  EXPECT_DOUBLE_EQ(max_relative_error(Floats{1, -4}, Floats{1.5f, -3}), 0.25);
  EXPECT_DOUBLE_EQ(max_relative_error(Floats{0, 0}, Floats{0, 0}), 0);
  EXPECT_EQ(max_relative_error(Floats{0, 0}, Floats{1, 0}), inf);
}

TEST(MaxErrors, TheSameSpecialValueIsNoError) {
  EXPECT_EQ(max_absolute_error(Floats{nan, inf, -inf}, Floats{nan, inf, -inf}), 0);
  EXPECT_EQ(max_absolute_error(Floats{nan}, Floats{1}), inf);
  EXPECT_EQ(max_absolute_error(Floats{1}, Floats{nan}), inf);
  EXPECT_EQ(max_absolute_error(Floats{inf}, Floats{-inf}), inf);
}

TEST(Tolerance, CountsWhatIsAboveAndWhatIsFarAbove) {
  const auto ratio = tolerance_ratio(Floats{0, 0, 0, 0}, Floats{0, 1, 4, 16}, Floats{1, 2, 2, 1});
  EXPECT_DOUBLE_EQ(ratio.largest, 16);
  EXPECT_DOUBLE_EQ(ratio.fraction_above, 0.5);
  EXPECT_DOUBLE_EQ(ratio.fraction_far, 0.25);
}

TEST(Tolerance, ZeroDemandsEquality) {
  EXPECT_EQ(tolerance_ratio(Floats{1, nan, inf}, Floats{1, nan, inf}, Floats{0, 0, 0}).largest, 0);
  EXPECT_EQ(tolerance_ratio(Floats{1}, Floats{std::nextafter(1.0f, 2.0f)}, Floats{0}).largest, inf);
  EXPECT_EQ(tolerance_ratio(Floats{1}, Floats{nan}, Floats{100}).largest, inf);
  EXPECT_EQ(tolerance_ratio(Floats{1}, Floats{inf}, Floats{100}).largest, inf);
  EXPECT_EQ(tolerance_ratio({}, {}, {}).fraction_above, 0);
}

TEST(Sketches, DoNotDependOnTheOrderAndTellOthersApart) {
  const Sketch one = sketch(Floats{1, -2, 3, 0.5f}), moved = sketch(Floats{0.5f, 3, 1, -2});
  EXPECT_TRUE(sketches_agree(one, moved, 1e-6));
  EXPECT_FALSE(sketches_agree(one, sketch(Floats{1, -2, 3, 0.6f}), 1e-4));
  EXPECT_TRUE(sketches_agree(sketch({}), sketch({}), 0));
  EXPECT_DOUBLE_EQ(one.norm, std::sqrt(14.25));
}

}  // namespace
}  // namespace fetafix::compare
