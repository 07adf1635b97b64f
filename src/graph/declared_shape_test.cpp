#include "graph/declared_shape.h"

#include <gtest/gtest.h>

namespace fetafix::graph {
namespace {

using Shapes = std::vector<Shape>;

TEST(DeclaredShape, AnImageMayLieInBothLayouts) {
  EXPECT_EQ(other_declarations({8, 8, 3}, {1, 3, 8, 8}), (Shapes{{1, 3, 8, 8}, {1, 8, 8, 3}}));
  EXPECT_EQ(other_declarations({1, 8, 8, 3}, {1, 3, 8, 8}), (Shapes{{1, 3, 8, 8}}));
  EXPECT_EQ(other_declarations({1, 3, 8, 8}, {-1, 8, 8, 3}), (Shapes{{-1, 8, 8, 3}}));
}

TEST(DeclaredShape, TheLikestComesFirst) {
  EXPECT_EQ(other_declarations({1, 8, 8, 7}, {1, 3, 8, 8}), (Shapes{{1, 8, 8, 3}, {1, 3, 8, 8}}));
}

TEST(DeclaredShape, WhatSaysNothingAsksForNothing) {
  EXPECT_TRUE(other_declarations({1, 3}, {-1, -1}).empty());
  EXPECT_TRUE(other_declarations({5, 16}, {-1, 16}).empty());
}

TEST(DeclaredShape, ChannelsThatNoPictureHas) {
  EXPECT_TRUE(has_other_channels({1, 8, 8, 7}, {1, 3, 8, 8}));
  EXPECT_TRUE(has_other_channels({1, 7, 8, 8}, {-1, 8, 8, 3}));
  EXPECT_FALSE(has_other_channels({1, 8, 8, 1}, {1, 3, 8, 8}));  // a grey one may be meant
  EXPECT_FALSE(has_other_channels({1, 9, 9, 3}, {1, 3, 8, 8}));
  EXPECT_FALSE(has_other_channels({1, 8, 8, 3}, {1, 3, 8, 8}));
}

}  // namespace
}  // namespace fetafix::graph
