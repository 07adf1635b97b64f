#include "pipeline/certainty.h"

#include <gtest/gtest.h>

namespace fetafix::pipeline {
namespace {

// `top` of eight classes gets `score`, the others nothing.
Outputs answer(size_t top, float score) {
  std::vector<float> scores(8, 0.0f);
  scores[top] = score;
  return {Tensor::of<float>(scores, {1, 8})};
}

std::vector<Outputs> answers(float score, bool varied) {
  std::vector<Outputs> out;
  for (size_t i = 0; i < 8; ++i) out.push_back(answer(varied ? i : 3, score + 0.1f * static_cast<float>(i)));
  return out;
}

TEST(Certainty, CertainAndVariedAnswersTellMore) {
  EXPECT_TRUE(is_more_certain(answers(6, true), answers(1, true)));
  EXPECT_FALSE(is_more_certain(answers(1, true), answers(6, true)));
  // However sure a model is, the same answer to everything tells nothing.
  EXPECT_TRUE(is_more_certain(answers(4, true), answers(20, false)));
  EXPECT_FALSE(is_more_certain(answers(4, true), answers(4, true)));
}

TEST(Certainty, FewSamplesAndOtherOutputsSayNothing) {
  const auto sure = answers(6, true), unsure = answers(1, true);
  EXPECT_FALSE(is_more_certain({sure[0], sure[1]}, {unsure[0], unsure[1]}));
  const std::vector<Outputs> pictures(8, {Tensor::of<float>({1, 2, 3, 4}, {1, 2, 2})});
  EXPECT_FALSE(is_more_certain(pictures, pictures));
}

}  // namespace
}  // namespace fetafix::pipeline
