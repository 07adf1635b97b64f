#include "graph/order.h"

#include <gtest/gtest.h>

namespace fetafix::graph {
namespace {

using Sequence = std::vector<size_t>;

TEST(ExecutionOrder, AnOrderThatIsRightIsKept) {
  const auto out = execution_order({{}, {0}, {}, {1, 2}});
  EXPECT_TRUE(out.whole());
  EXPECT_EQ(out.sequence, (Sequence{0, 1, 2, 3}));
}

TEST(ExecutionOrder, OnlyWhatMustWaitComesLater) {
  const auto out = execution_order({{2}, {}, {1}, {0}});
  EXPECT_TRUE(out.whole());
  EXPECT_EQ(out.sequence, (Sequence{1, 2, 0, 3}));
}

TEST(ExecutionOrder, WhatLiesOnACycleOrBehindOneWaits) {
  const auto out = execution_order({{}, {2}, {1}, {2}, {0}});
  EXPECT_FALSE(out.whole());
  EXPECT_EQ(out.sequence, (Sequence{0, 4, 1, 2, 3}));
  EXPECT_EQ(out.waiting(), (Sequence{1, 2, 3}));
}

TEST(ExecutionOrder, AnOperatorThatReadsItselfWaits) {
  EXPECT_EQ(execution_order({{0}, {}}).waiting(), Sequence{0});
}

}  // namespace
}  // namespace fetafix::graph
