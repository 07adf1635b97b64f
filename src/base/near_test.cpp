#include "base/near.h"

#include <gtest/gtest.h>

namespace fetafix {
namespace {

TEST(Near, EditDistance) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("same", "same"), 0u);
}

TEST(Near, TheNearestComeFirst) {
  const std::vector<std::string> names{"conv_1", "conv_2", "conv_11", "relu", "model/conv_1/kernel"};
  EXPECT_EQ(near_names("conv_1", names, 2), (std::vector<std::string>{"conv_1", "conv_2"}));
  EXPECT_EQ(near_names("kernel", names), (std::vector<std::string>{"model/conv_1/kernel"}));
  EXPECT_EQ(near_names("relo", names), (std::vector<std::string>{"relu"}));
  EXPECT_TRUE(near_names("softmax", names).empty());
}

TEST(Near, Joined) {
  EXPECT_EQ(joined({}), "");
  EXPECT_EQ(joined({"a", "b"}), "a, b");
}

}  // namespace
}  // namespace fetafix
