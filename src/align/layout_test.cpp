#include "align/layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "align/source_values.h"
#include "graph/parse_text.h"

namespace fetafix::align {
namespace {

TEST(Permutations, TheUnchangedOrderComesFirstAndTheOthersFitTheShape) {
  EXPECT_EQ(candidate_permutations({1, 3, 4, 5}, {1, 4, 5, 3}), (std::vector<Permutation>{{}, {1, 2, 0}}));
  EXPECT_EQ(candidate_permutations({1, 3, 3}, {3, 3}), (std::vector<Permutation>{{}, {1, 0}}));
  EXPECT_EQ(candidate_permutations({6}, {2, 3}), (std::vector<Permutation>{{}}));
  EXPECT_TRUE(candidate_permutations({6}, {7}).empty());
  EXPECT_TRUE(candidate_permutations({2, -1}, {2, 3}).empty());
  EXPECT_EQ(candidate_permutations({2, 2, 2, 2, 2}, {2, 2, 2, 2, 2}).size(), 120u);
}

TEST(Permutations, AgreeWithTryingThemAll) {
  std::mt19937 random(2);
  for (int round = 0; round < 100; ++round) {
    Shape source(2 + random() % 3);
    for (auto& d : source) d = 1 + static_cast<int64_t>(random() % 4);
    Shape target = source;
    std::shuffle(target.begin(), target.end(), random);
    const Shape from = squeezed(source), to = squeezed(target);
    std::vector<Permutation> expected{{}};
    Permutation p(from.size());
    std::iota(p.begin(), p.end(), 0);
    while (std::next_permutation(p.begin(), p.end())) {
      Shape moved;
      for (int k : p) moved.push_back(from[static_cast<size_t>(k)]);
      if (moved == to) expected.push_back(p);
    }
    EXPECT_EQ(candidate_permutations(source, target), expected);
  }
}

TEST(HandOver, MovesEveryElementToItsPlace) {
  Tensor nchw = *Tensor::zeros(DType::float32, {1, 2, 3, 4});
  auto values = nchw.mutable_as<float>();
  std::iota(values.begin(), values.end(), 0.0f);
  const Tensor nhwc = hand_over(nchw, {{1, 2, 0}, {}}, {1, 3, 4, 2});
  for (int c = 0; c < 2; ++c)
    for (int h = 0; h < 3; ++h)
      for (int w = 0; w < 4; ++w)
        EXPECT_EQ(nhwc.as<float>()[(h * 4 + w) * 2 + c], nchw.as<float>()[(c * 3 + h) * 4 + w]);
  EXPECT_EQ(hand_over(nchw, {}, {24}).shape(), Shape{24});
}

TEST(Evidence, IsFloatVariesAndDependsOnTheSample) {
  const auto f = [](std::vector<float> v) { return Tensor::vector(v); };
  EXPECT_TRUE(is_evidence(std::vector<Tensor>{f({1, 2}), f({2, 1})}));
  EXPECT_FALSE(is_evidence(std::vector<Tensor>{f({1, 2}), f({1, 2})}));
  EXPECT_FALSE(is_evidence(std::vector<Tensor>{f({1, 1}), f({2, 1})}));
  EXPECT_FALSE(is_evidence(std::vector<Tensor>{f({1}), f({2})}));
  EXPECT_FALSE(is_evidence(std::vector<Tensor>{Tensor::vector(std::vector<int64_t>{1, 2})}));
}

TEST(SourceValueClasses, TwinsAreOneClassNamedByTheEarliest) {
  const auto graph = graph::parse_text(
      "input %x float32[2,3]\n%t = Transpose(%x)\n%r = Reshape(%t)\n%y = Exp(%x)\noutput %y\n");
  std::vector<evaluate::Feeds> samples(2);
  for (int s = 0; s < 2; ++s) {
    const float k = static_cast<float>(s + 1);
    const Tensor x = Tensor::of(std::vector<float>{k, 2, 3, 4, 5, 6}, {2, 3});
    samples[s] = {{0, x},
                  {1, transpose(x, std::vector<int>{1, 0})},
                  {2, x.reshaped({6})},
                  {3, Tensor::of(std::vector<float>{k, 2, 3, 4, 5, 7}, {2, 3})}};
  }
  const SourceValues values(*graph, samples);
  EXPECT_EQ(values.class_of(1), 0);
  EXPECT_EQ(values.class_of(2), 0);
  EXPECT_EQ(values.class_of(3), 3);
  EXPECT_EQ(values.of_size(6).size(), 2u);
  EXPECT_EQ(values.position(0), -1);
  EXPECT_EQ(values.position(3), 2);
  const std::vector<Tensor> turned{samples[0].at(1), samples[1].at(1)};
  const auto matches = values.match(turned, 1e-6);
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0].source, 0);
  EXPECT_EQ(matches[0].arrangement.permutation, (Permutation{1, 0}));
}

}  // namespace
}  // namespace fetafix::align
