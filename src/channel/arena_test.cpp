#include "channel/arena.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <numeric>

namespace fetafix::channel {
namespace {

struct Ends {
  Arena writer;
  Arena reader;
};

Ends make_ends() {
  auto writer = Arena::create();
  EXPECT_TRUE(writer.ok());
  auto reader = Arena::adopt(Descriptor(fcntl(writer->descriptor(), F_DUPFD_CLOEXEC, 0)));
  EXPECT_TRUE(reader.ok());
  return {std::move(*writer), std::move(*reader)};
}

Tensor ramp(DType dtype, Shape shape) {
  Tensor tensor = *Tensor::zeros(dtype, std::move(shape));
  const auto bytes = tensor.mutable_bytes();
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
  return tensor;
}

TEST(Arena, CarriesEveryType) {
  Ends ends = make_ends();
  std::vector<NamedTensor> sent;
  for (DType dtype : {DType::float32, DType::float64, DType::float16, DType::bfloat16, DType::int8,
                      DType::uint8, DType::int16, DType::uint16, DType::int32, DType::uint32, DType::int64,
                      DType::uint64, DType::boolean})
    sent.push_back({std::string(dtype_name(dtype)), ramp(dtype, {3, 5})});
  sent.push_back({"scalar", Tensor::scalar(4.0f)});
  sent.push_back({"empty", *Tensor::zeros(DType::float32, {0, 4})});
  const auto entries = ends.writer.write(sent);
  ASSERT_TRUE(entries.ok()) << entries.error().message;
  for (const Json& entry : *entries) EXPECT_EQ(entry["offset"].get<int64_t>() % 64, 0);
  for (auto mode : {Arena::Mode::copy, Arena::Mode::view}) {
    const auto got = ends.reader.read(*entries, mode);
    ASSERT_TRUE(got.ok()) << got.error().message;
    ASSERT_EQ(got->size(), sent.size());
    for (size_t i = 0; i < sent.size(); ++i) {
      EXPECT_EQ((*got)[i].name, sent[i].name);
      EXPECT_TRUE((*got)[i].tensor.identical(sent[i].tensor)) << sent[i].name;
    }
  }
}

TEST(Arena, GrowsAndIsMappedAgain) {
  Ends ends = make_ends();
  for (int64_t size : {10, 5 << 20, 3, 100 << 20, 1, 100 << 20}) {
    const std::vector<NamedTensor> sent{{"x", ramp(DType::uint8, {size})}};
    const auto entries = ends.writer.write(sent);
    ASSERT_TRUE(entries.ok()) << entries.error().message;
    const auto got = ends.reader.read(*entries, Arena::Mode::view);
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_TRUE((*got)[0].tensor.identical(sent[0].tensor)) << size;
  }
}

TEST(Arena, ACopyOutlivesTheNextMessage) {
  Ends ends = make_ends();
  const std::vector<NamedTensor> first{{"x", ramp(DType::float32, {100})}};
  const std::vector<NamedTensor> second{{"x", *Tensor::zeros(DType::float32, {100})}};
  const auto got = ends.reader.read(*ends.writer.write(first), Arena::Mode::copy);
  ASSERT_TRUE(ends.writer.write(second).ok());
  EXPECT_TRUE((*got)[0].tensor.identical(first[0].tensor));
}

TEST(Arena, BelievesNothing) {
  Ends ends = make_ends();
  const std::vector<NamedTensor> sent{{"x", Tensor::vector<float>({1, 2, 3, 4})}};
  const Json good = *ends.writer.write(sent);
  const std::vector<std::pair<const char*, Json>> lies{
      {"offset", -64},    {"offset", 1},       {"offset", int64_t{1} << 62},
      {"offset", "0"},    {"bytes", -16},      {"bytes", 1 << 30},
      {"bytes", 15},      {"dtype", "string"}, {"dtype", "float128"},
      {"shape", {5}},     {"shape", {-4}},     {"shape", {1LL << 40, 1LL << 40}},
      {"shape", nullptr}, {"name", 3}};
  for (const auto& [key, value] : lies) {
    Json entries = good;
    entries[0][key] = value;
    EXPECT_FALSE(ends.reader.read(entries, Arena::Mode::copy).ok()) << dump_json(entries);
  }
  EXPECT_FALSE(ends.reader.read(Json("x"), Arena::Mode::copy).ok());
  EXPECT_TRUE(ends.reader.read(good, Arena::Mode::copy).ok());
}

TEST(Arena, RefusesWhatHasNoBytes) {
  Ends ends = make_ends();
  EXPECT_EQ(ends.writer.write(std::vector<NamedTensor>{{"x", Tensor()}}).error().kind,
            ErrorKind::unsupported);
}

TEST(Arena, CantBeShrunkUnderAReader) {
  Ends ends = make_ends();
  EXPECT_NE(ftruncate(ends.reader.descriptor(), 0), 0);
}

}  // namespace
}  // namespace fetafix::channel
