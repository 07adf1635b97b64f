#include "graph/patch_delta.h"

#include <gtest/gtest.h>

#include <random>

namespace fetafix::graph {
namespace {

using Bytes = std::vector<std::byte>;

Bytes noise(size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Bytes out(size);
  for (auto& b : out) b = static_cast<std::byte>(random());
  return out;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes part(const Bytes& of, size_t from, size_t size) {
  return {of.begin() + static_cast<std::ptrdiff_t>(from),
          of.begin() + static_cast<std::ptrdiff_t>(from + size)};
}

size_t expect_round_trip(const Bytes& base, const Bytes& wanted) {
  const Bytes delta = make_delta(base, wanted);
  auto back = apply_delta(base, delta);
  EXPECT_TRUE(back.ok() && *back == wanted);
  return delta.size();
}

TEST(PatchDelta, GivesTheWantedBytes) {
  const Bytes a = noise(5000, 1), b = noise(700, 2);
  expect_round_trip({}, {});
  expect_round_trip({}, b);
  expect_round_trip(a, {});
  expect_round_trip(b, a);
  expect_round_trip(noise(31, 3), noise(31, 3));
  for (size_t size : {1, 31, 32, 33, 64, 65}) expect_round_trip(a, part(a, 17, size));
}

TEST(PatchDelta, CopiesWhatTheBaseHas) {
  const Bytes a = noise(100000, 1), b = noise(300, 2);
  EXPECT_LT(expect_round_trip(a, a), 16u);
  // Something replaced, something gone, something moved by an odd number of bytes.
  EXPECT_LT(expect_round_trip(a, joined({part(a, 0, 50000), b, part(a, 50300, 49700)})), 400u);
  EXPECT_LT(expect_round_trip(a, joined({part(a, 70001, 20000), part(a, 3, 60000), b})), 400u);
  EXPECT_LT(expect_round_trip(joined({b, a}), a), 16u);
}

TEST(PatchDelta, RunsOfOneByteAndRepetitions) {
  const Bytes zeros(10000), a = noise(64, 1);
  expect_round_trip(zeros, joined({zeros, a, zeros}));
  expect_round_trip(joined({a, a, a}), joined({a, zeros, a}));
}

TEST(PatchDelta, ManyCopiesOfOnePieceAreLimited) {
  const Bytes a = noise(64, 1);
  Bytes many;
  for (int i = 0; i < 100; ++i) many.insert(many.end(), a.begin(), a.end());
  expect_round_trip(a, many);
  Bytes hostile{std::byte{0xff}, std::byte{0xff}, std::byte{0x7f}};  // two million bytes, it says
  for (int i = 0; i < 100; ++i)
    for (int number : {0, 64, 0}) hostile.push_back(static_cast<std::byte>(number));
  EXPECT_FALSE(apply_delta(a, hostile).ok());
}

TEST(PatchDelta, DamageIsAnErrorNotACrash) {
  const Bytes a = noise(3000, 1), b = joined({part(a, 1000, 1000), noise(50, 2), part(a, 0, 500)});
  const Bytes delta = make_delta(a, b);
  for (size_t size = 0; size < delta.size(); ++size) EXPECT_FALSE(apply_delta(a, part(delta, 0, size)).ok());
  for (size_t i = 0; i < delta.size(); ++i)
    for (int x : {0x01, 0x80, 0xff}) {
      Bytes hurt = delta;
      hurt[i] ^= static_cast<std::byte>(x);
      (void)apply_delta(a, hurt).ok();
    }
  EXPECT_FALSE(apply_delta(part(a, 0, 900), delta).ok());
}

}  // namespace
}  // namespace fetafix::graph
