#include "pipeline/output_order.h"

#include <gtest/gtest.h>

namespace fetafix::pipeline {
namespace {

Tensor list(std::vector<float> values) {
  return Tensor::vector<float>(values);
}

TEST(OrderByValue, FindsWhatTheSizesLeaveOpen) {
  const std::vector<Outputs> source{{list({1, 2, 3}), list({4, 5}), list({6, 7})}};
  const std::vector<Outputs> target{{list({6, 7}), list({4, 5.01f}), list({1, 2, 3})}};
  EXPECT_EQ(order_by_value(source, target), (std::vector<size_t>{2, 1, 0}));
  const std::vector<Outputs> other{{list({4.5f, 5}), list({1, 2, 3}), list({6, 7})}};
  EXPECT_EQ(order_by_value(source, other), (std::vector<size_t>{1, 0, 2}));
}

TEST(OrderByValue, OutputsOfOneSizeThatAreExchangedStayAFault) {
  EXPECT_TRUE(order_by_value({{list({1, 2}), list({3, 4})}}, {{list({3, 4}), list({1, 2})}}).empty());
}

TEST(OrderByValue, WhatHasNoCounterpartHasNoOrder) {
  EXPECT_TRUE(order_by_value({{list({1, 2}), list({3})}}, {{list({1}), list({2})}}).empty());
  EXPECT_TRUE(
      order_by_value({{list({1}), list({2, 3})}}, {{list({2, 3}), Tensor::vector<int64_t>({1})}}).empty());
}

}  // namespace
}  // namespace fetafix::pipeline
