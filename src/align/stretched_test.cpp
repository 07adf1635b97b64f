#include "align/stretched.h"

#include <gtest/gtest.h>

namespace fetafix::align {
namespace {

int64_t size_of(const std::string& type, const std::vector<Shape>& operands) {
  graph::Node node;
  node.type = type;
  return stretched_size(node, operands);
}

TEST(Stretched, OperandsStretchEachOther) {
  EXPECT_EQ(size_of("Add", {{1, 96, 14, 14}, {96, 1, 1}}), 96 * 14 * 14);
  EXPECT_EQ(size_of("Mul", {{1, 900, 1}, {1, 1, 700}}), 900 * 700);
  EXPECT_EQ(size_of("Where", {{4, 1, 1}, {5, 1}, {6}}), 4 * 5 * 6);
  EXPECT_EQ(size_of("MatMul", {{8, 1, 3, 5}, {7, 5, 4}}), 8 * 7 * 3 * 4);
  constexpr int64_t large = int64_t{1} << 32;
  EXPECT_EQ(size_of("Sub", {{large, 1}, {1, large}}), std::numeric_limits<int64_t>::max());  // more than fits
}

TEST(Stretched, OthersAreNotForeseen) {
  EXPECT_EQ(size_of("Conv", {{1, 3, 8, 8}, {4, 3, 3, 3}}), 0);
  EXPECT_EQ(size_of("Add", {{3}, {4}}), 0);
  EXPECT_EQ(size_of("MatMul", {{3}, {3}}), 0);
}

}  // namespace
}  // namespace fetafix::align
