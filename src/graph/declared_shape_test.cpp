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

TEST(DeclaredShape, PicturesOfAnotherSize) {
  EXPECT_TRUE(has_other_size({1, 3, 9, 9}, {1, 3, 8, 8}));
  EXPECT_TRUE(has_other_size({1, 9, 9, 3}, {1, 3, 8, 8}));
  EXPECT_TRUE(has_other_size({-1, 8, 6, 3}, {1, 3, 6, 8}));  // width and height in each other's place
  EXPECT_FALSE(has_other_size({1, 8, 8, 3}, {1, 3, 8, 8}));
  EXPECT_FALSE(has_other_size({4, 8, 8, 3}, {1, 3, 8, 8}));  // more samples at once
  EXPECT_FALSE(has_other_size({1, -1, -1, 3}, {1, 3, 8, 8}));
  EXPECT_FALSE(has_other_size({1, 9, 9, 7}, {1, 3, 8, 8}));
  EXPECT_FALSE(has_other_size({1, 16, 32, 64}, {1, 16, 32, 8}));  // no picture
  EXPECT_FALSE(has_other_size({1, 9}, {1, 8}));
}

TEST(DeclaredShape, ChannelsInBetween) {
  EXPECT_TRUE(has_other_order({1, 8, 3, 8}, {1, 8, 8, 3}));
  EXPECT_TRUE(has_other_order({-1, 6, 3, 8}, {1, 3, 6, 8}));
  EXPECT_FALSE(has_other_order({1, 8, 8, 3}, {1, 3, 8, 8}));
  EXPECT_FALSE(has_other_order({1, 3, 8, 3}, {1, 8, 3, 3}));      // a picture as it may lie
  EXPECT_FALSE(has_other_order({1, 16, 8, 32}, {1, 16, 32, 8}));  // no picture
  EXPECT_FALSE(has_other_order({1, 8, 3}, {8, 8, 3}));
}

}  // namespace
}  // namespace fetafix::graph
