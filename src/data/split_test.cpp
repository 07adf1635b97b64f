#include "data/split.h"

#include <gtest/gtest.h>

#include <set>

namespace fetafix::data {
namespace {

std::vector<std::string> names(size_t n) {
  std::vector<std::string> out;
  for (size_t i = 0; i < n; ++i) out.push_back("picture" + std::to_string(i));
  return out;
}

TEST(Split, SizesOfTheTable) {
  const std::vector<std::array<size_t, 4>> table{{1, 1, 0, 0}, {2, 1, 1, 0},  {3, 1, 1, 1},
                                                 {4, 2, 1, 1}, {5, 2, 2, 1},  {6, 3, 2, 1},
                                                 {8, 3, 3, 2}, {10, 4, 4, 2}, {100, 40, 40, 20}};
  for (const auto& [n, diagnose, select, verdict] : table) {
    const Sets sets = split(names(n), 7);
    EXPECT_EQ(sets.diagnose.size(), diagnose) << n;
    EXPECT_EQ(sets.select.size(), select) << n;
    EXPECT_EQ(sets.verdict.size(), verdict) << n;
  }
  EXPECT_TRUE(split({}, 1).diagnose.empty());
}

TEST(Split, DisjointAndGroupedByOriginal) {
  std::vector<std::string> originals;
  for (size_t i = 0; i < 60; ++i) originals.push_back("picture" + std::to_string(i % 10));
  const Sets sets = split(originals, 3);
  std::set<size_t> seen;
  std::set<std::string> homes[3];
  int which = 0;
  for (const auto* set : {&sets.diagnose, &sets.select, &sets.verdict}) {
    for (size_t i : *set) {
      EXPECT_TRUE(seen.insert(i).second);
      homes[which].insert(originals[i]);
    }
    ++which;
  }
  EXPECT_EQ(seen.size(), 60u);
  EXPECT_EQ(homes[0].size() + homes[1].size() + homes[2].size(), 10u);
}

TEST(Split, OnlyNamesAndSeedDecide) {
  auto forward = names(20);
  std::vector<std::string> backward(forward.rbegin(), forward.rend());
  const Sets a = split(forward, 1), b = split(backward, 1), c = split(forward, 2);
  std::set<std::string> in_a, in_b;
  for (size_t i : a.verdict) in_a.insert(forward[i]);
  for (size_t i : b.verdict) in_b.insert(backward[i]);
  EXPECT_EQ(in_a, in_b);
  EXPECT_NE(a.verdict, c.verdict);
}

TEST(Split, HeldBackIsHonored) {
  EXPECT_TRUE(split(names(10), 1, 0).verdict.empty());
  EXPECT_EQ(split(names(10), 1, 0.5).verdict.size(), 5u);
  EXPECT_EQ(split(names(10), 1, 1.0).verdict.size(), 8u);
}

}  // namespace
}  // namespace fetafix::data
