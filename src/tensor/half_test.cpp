#include "tensor/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace fetafix {
namespace {

bool is_nan_half(unsigned h) {
  return (h & 0x7c00) == 0x7c00 && (h & 0x3ff);
}
bool is_nan_bfloat(unsigned h) {
  return (h & 0x7f80) == 0x7f80 && (h & 0x7f);
}

TEST(Half, EveryValueSurvivesTheRoundTrip) {
  for (unsigned h = 0; h < 65536; ++h) {
    const auto half = static_cast<uint16_t>(h);
    if (is_nan_half(h)) {
      EXPECT_TRUE(std::isnan(half_to_float(half))) << h;
      EXPECT_TRUE(is_nan_half(float_to_half(half_to_float(half)))) << h;
    } else {
      ASSERT_EQ(float_to_half(half_to_float(half)), half) << h;
    }
  }
}

TEST(Half, EveryBfloat16SurvivesTheRoundTrip) {
  for (unsigned h = 0; h < 65536; ++h) {
    const auto half = static_cast<uint16_t>(h);
    if (is_nan_bfloat(h))
      EXPECT_TRUE(is_nan_bfloat(float_to_bfloat16(bfloat16_to_float(half)))) << h;
    else
      ASSERT_EQ(float_to_bfloat16(bfloat16_to_float(half)), half) << h;
  }
}

// Halfway between two neighbors the even one wins; a hair beside it the nearer one does.
TEST(Half, RoundsToNearestEven) {
  for (unsigned h = 0; h < 0x7bff; ++h) {
    const double low = half_to_float(static_cast<uint16_t>(h)),
                 high = half_to_float(static_cast<uint16_t>(h + 1));
    const auto middle = static_cast<float>((low + high) / 2);  // exact: float has more bits
    ASSERT_EQ(float_to_half(middle), h % 2 ? h + 1 : h);
    ASSERT_EQ(float_to_half(std::nextafter(middle, 0.0f)), h);
    ASSERT_EQ(float_to_half(std::nextafter(middle, 1e9f)), h + 1);
    ASSERT_EQ(float_to_half(-middle), 0x8000 | (h % 2 ? h + 1 : h));
  }
}

TEST(Half, Bfloat16RoundsToNearestEven) {
  EXPECT_EQ(float_to_bfloat16(std::bit_cast<float>(0x3f808000u)), 0x3f80);
  EXPECT_EQ(float_to_bfloat16(std::bit_cast<float>(0x3f818000u)), 0x3f82);
  EXPECT_EQ(float_to_bfloat16(std::bit_cast<float>(0x3f808001u)), 0x3f81);
}

TEST(Half, OverflowsToInfinityAtHalfAStepAboveTheLargest) {
  EXPECT_EQ(float_to_half(65504.0f), 0x7bff);
  EXPECT_EQ(float_to_half(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_half(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_EQ(float_to_half(std::numeric_limits<float>::denorm_min()), 0);
}

}  // namespace
}  // namespace fetafix
