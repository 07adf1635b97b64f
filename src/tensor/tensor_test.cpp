#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

namespace fetafix {
namespace {

constexpr DType held[] = {DType::float32, DType::float64, DType::float16, DType::bfloat16, DType::int8,
                          DType::uint8,   DType::int16,   DType::uint16,  DType::int32,    DType::uint32,
                          DType::int64,   DType::uint64,  DType::boolean};

TEST(DTypes, NamesReadBack) {
  for (DType dtype : held) EXPECT_EQ(dtype_from_name(dtype_name(dtype)), dtype);
  EXPECT_EQ(dtype_name(DType::boolean), "bool");
  EXPECT_EQ(dtype_from_name("float8"), DType::unknown);
  EXPECT_EQ(dtype_from_name(""), DType::unknown);
}

TEST(DTypes, SizesAndKinds) {
  EXPECT_EQ(element_size(DType::bfloat16), 2u);
  EXPECT_EQ(element_size(DType::boolean), 1u);
  EXPECT_EQ(element_size(DType::string), 0u);
  EXPECT_TRUE(is_floating(DType::float16));
  EXPECT_FALSE(is_floating(DType::boolean));
  EXPECT_TRUE(is_integer(DType::uint64));
  EXPECT_FALSE(is_integer(DType::boolean));
}

TEST(Shapes, CountElementsOrSayThatTheyCannot) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({2, 3}), 6);
  EXPECT_EQ(element_count({2, 0, 3}), 0);
  EXPECT_EQ(element_count({2, -1}), std::nullopt);
  EXPECT_EQ(element_count({0, -1}), std::nullopt);
  EXPECT_EQ(element_count({int64_t{1} << 32, int64_t{1} << 32}), std::nullopt);
  EXPECT_EQ(element_count({std::numeric_limits<int64_t>::max()}), std::nullopt);
  EXPECT_EQ(to_string(Shape{1, -1, 3}), "[1,?,3]");
}

TEST(TensorMaking, RefusesHugeNegativeAndSizelessOnes) {
  EXPECT_FALSE(Tensor::zeros(DType::float32, {-1, 3}).ok());
  EXPECT_FALSE(Tensor::zeros(DType::float32, {int64_t{1} << 40, int64_t{1} << 40}).ok());
  EXPECT_FALSE(Tensor::zeros(DType::string, {1}).ok());
  EXPECT_FALSE(Tensor::zeros(DType::unknown, {}).ok());
}

TEST(TensorMaking, FromBytesWantsExactlyTheShapesSize) {
  const std::vector<std::byte> eight(8);
  EXPECT_TRUE(Tensor::from_bytes(DType::float32, {2}, eight).ok());
  for (const Shape& shape : {Shape{1}, Shape{3}, Shape{-1}, Shape{}, Shape{0}, Shape{int64_t{1} << 61}}) {
    const auto made = Tensor::from_bytes(DType::float32, shape, eight);
    ASSERT_FALSE(made.ok()) << to_string(shape);
    EXPECT_NE(made.error().message.find("8 bytes"), std::string::npos);
  }
  EXPECT_FALSE(Tensor::from_bytes(DType::unknown, {2}, {}).ok());
  EXPECT_FALSE(Tensor::view(DType::string, {2}, {}, nullptr).ok());
}

TEST(TensorMaking, NoElementsIsATensorToo) {
  const Tensor none = Tensor::of(std::vector<float>{}, {2, 0});
  EXPECT_EQ(none.size(), 0);
  EXPECT_FALSE(none.empty());
  EXPECT_TRUE(none.identical(transpose(transpose(none, std::vector<int>{1, 0}), std::vector<int>{1, 0})));
}

TEST(TensorSharing, WritingMakesAPrivateCopy) {
  Tensor a = Tensor::vector(std::vector<float>{1, 2, 3});
  Tensor b = a;
  EXPECT_EQ(a.bytes().data(), b.bytes().data());
  b.mutable_as<float>()[0] = 9;
  EXPECT_EQ(a.as<float>()[0], 1);
  EXPECT_EQ(b.as<float>()[0], 9);
  const void* before = b.bytes().data();
  b.mutable_as<float>()[1] = 8;  // ours alone now: no further copy
  EXPECT_EQ(b.bytes().data(), before);
}

TEST(TensorSharing, AViewKeepsItsOwnerAliveAndIsNeverWrittenThrough) {
  auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2});
  std::weak_ptr<std::vector<float>> watch = owner;
  auto made = Tensor::view(DType::float32, {2}, std::as_bytes(std::span(*owner)), owner);
  ASSERT_TRUE(made.ok());
  Tensor view = std::move(made).value();
  owner.reset();
  ASSERT_FALSE(watch.expired());
  Tensor copy = view;
  copy.mutable_as<float>()[0] = 7;
  EXPECT_EQ((*watch.lock())[0], 1);
  view.mutable_as<float>()[0] = 8;  // the last one that borrows lets go
  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(view.as<float>()[1], 2);
}

TEST(TensorSharing, AnUnalignedViewIsCopied) {
  auto owner = std::make_shared<std::vector<std::byte>>(9);
  auto made = Tensor::view(DType::float32, {2}, std::span(*owner).subspan(1), owner);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(made->bytes().data()) % 4, 0u);
  EXPECT_EQ(owner.use_count(), 1);
}

TEST(TensorComparing, IdenticalIsTypeShapeAndBytes) {
  const Tensor a = Tensor::vector(std::vector<float>{1, 2});
  EXPECT_TRUE(a.identical(Tensor::vector(std::vector<float>{1, 2})));
  EXPECT_FALSE(a.identical(a.reshaped({2, 1})));
  EXPECT_FALSE(a.identical(Tensor::vector(std::vector<double>{1, 2})));
  EXPECT_FALSE(Tensor::scalar(0.0f).identical(Tensor::scalar(-0.0f)));
  EXPECT_TRUE(Tensor().identical(Tensor()));
}

TEST(TensorCasting, IsTheIdentityForSmallWholeNumbersBetweenAllTypes) {
  const std::vector<float> values{0, 1, 2, 100};
  const Tensor start = Tensor::of(values, {2, 2});
  for (DType from : held)
    for (DType to : held) {
      if (from == DType::boolean || to == DType::boolean) continue;
      auto there = cast(start, from);
      ASSERT_TRUE(there.ok());
      auto on = cast(*there, to);
      ASSERT_TRUE(on.ok());
      EXPECT_EQ(on->dtype(), to);
      EXPECT_EQ(on->shape(), start.shape());
      auto back = cast(*on, DType::float32);
      ASSERT_TRUE(back.ok());
      EXPECT_TRUE(back->identical(start)) << dtype_name(from) << " " << dtype_name(to);
    }
}

TEST(TensorCasting, TruncatesTowardsZeroAndKeepsLargeIntegers) {
  EXPECT_EQ(*to_int64s(*cast(Tensor::vector(std::vector<float>{-1.9f, 1.9f}), DType::int32)), (Shape{-1, 1}));
  const int64_t large = (int64_t{1} << 53) + 1;
  EXPECT_EQ((*to_int64s(Tensor::scalar(large)))[0], large);
  EXPECT_EQ((*to_doubles(Tensor::scalar(-3.25)))[0], -3.25);
}

TEST(TensorCasting, AnythingButZeroIsTrue) {
  const Tensor truth = Tensor::vector(std::vector<bool>{false, true, true, true});
  EXPECT_TRUE(
      cast(Tensor::vector(std::vector<float>{0, 0.5f, -0.25f, 256}), DType::boolean)->identical(truth));
  EXPECT_TRUE(
      cast(Tensor::vector(std::vector<int32_t>{0, 256, -1, 65536}), DType::boolean)->identical(truth));
  EXPECT_EQ(*to_int64s(truth), (Shape{0, 1, 1, 1}));
}

TEST(TensorCasting, RefusesWhatIsNoNumber) {
  EXPECT_FALSE(cast(Tensor::scalar(1.0f), DType::string).ok());
  EXPECT_FALSE(cast(Tensor(), DType::float32).ok());
}

// The obvious way: every index by itself.
Tensor naive_transpose(const Tensor& in, const std::vector<int>& permutation) {
  const size_t rank = permutation.size();
  Shape shape(rank);
  for (size_t k = 0; k < rank; ++k) shape[k] = in.shape()[static_cast<size_t>(permutation[k])];
  Tensor out = *Tensor::zeros(in.dtype(), shape);
  const size_t size = element_size(in.dtype());
  for (int64_t flat = 0; flat < out.size(); ++flat) {
    std::vector<int64_t> at(rank);
    int64_t rest = flat, source = 0;
    for (size_t k = rank; k-- > 0; rest /= shape[k])
      at[static_cast<size_t>(permutation[k])] = rest % shape[k];
    for (size_t k = 0; k < rank; ++k) source = source * in.shape()[k] + at[k];
    std::memcpy(out.mutable_bytes().data() + static_cast<size_t>(flat) * size,
                in.bytes().data() + static_cast<size_t>(source) * size, size);
  }
  return out;
}

TEST(Transposing, AgreesWithTheObviousWayOnRandomShapes) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const size_t rank = random() % 6;
    Shape shape(rank);
    for (auto& d : shape) d = static_cast<int64_t>(random() % 5) + (random() % 20 != 0);
    Tensor in = *Tensor::zeros(held[random() % std::size(held)], shape);
    for (auto& b : in.mutable_bytes()) b = static_cast<std::byte>(random());
    std::vector<int> permutation(rank);
    std::iota(permutation.begin(), permutation.end(), 0);
    std::shuffle(permutation.begin(), permutation.end(), random);
    const Tensor out = transpose(in, permutation);
    ASSERT_TRUE(out.identical(naive_transpose(in, permutation))) << to_string(shape);
    ASSERT_TRUE(transpose(out, inverse_permutation(permutation)).identical(in)) << to_string(shape);
  }
}

// Longer than the blocks that are turned at once, and in parts of them.
TEST(Transposing, AgreesWithTheObviousWayOnLargerShapes) {
  const std::vector<std::pair<Shape, std::vector<int>>> cases{{{70, 45}, {1, 0}},
                                                              {{3, 3, 40, 70}, {3, 2, 0, 1}},
                                                              {{1, 1, 65, 33}, {3, 2, 0, 1}},
                                                              {{2, 50, 3, 40}, {0, 3, 1, 2}},
                                                              {{40, 2, 1, 35}, {2, 3, 1, 0}},
                                                              {{0, 40}, {1, 0}}};
  for (const auto& [shape, permutation] : cases) {
    Tensor in = *Tensor::zeros(DType::float32, shape);
    int32_t next = 0;
    for (float& v : in.mutable_as<float>()) v = static_cast<float>(++next);
    ASSERT_TRUE(transpose(in, permutation).identical(naive_transpose(in, permutation))) << to_string(shape);
  }
}

TEST(TensorText, ShowsTypeShapeAndTheFirstElements) {
  EXPECT_EQ(to_text(Tensor::of(std::vector<float>{1, 0.5f, -2}, {3, 1}), 2), "float32[3,1] {1, 0.5, ...}");
  EXPECT_EQ(to_text(Tensor::scalar(std::numeric_limits<int64_t>::max())), "int64[] {9223372036854775807}");
  EXPECT_EQ(to_text(Tensor::vector(std::vector<bool>{true, false})), "bool[2] {1, 0}");
}

}  // namespace
}  // namespace fetafix
