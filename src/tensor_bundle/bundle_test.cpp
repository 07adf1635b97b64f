#include "tensor_bundle/bundle.h"

#include "tensor_bundle/testing/bundles.h"

namespace fetafix::tensor_bundle {
namespace {

using testing::bundle;
using testing::Copy;
using testing::expect_error;

Tensor counting(DType dtype) {
  return *cast(Tensor::of<int64_t>({0, 1, 2, 3, 4, 5}, {2, 3}), dtype);
}

void expect_tensor(const Bundle& from, const std::string& key, const Tensor& expected) {
  const Entry* entry = from.find(key);
  ASSERT_TRUE(entry) << key;
  const auto found = from.read(*entry);
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_TRUE(found->identical(expected)) << key << ": " << to_text(*found);
  const auto raw = from.raw(*entry);
  ASSERT_TRUE(raw.ok()) << raw.error().message;
  EXPECT_TRUE(std::ranges::equal(*raw, expected.bytes())) << key;
}

TEST(Bundle, EveryTypeThatWeHoldIsRead) {
  const Bundle types = bundle(testing::testdata / "types");
  EXPECT_EQ(types.entries().size(), 17u);
  for (DType dtype : {DType::float16, DType::float32, DType::float64, DType::int8, DType::int16, DType::int32,
                      DType::int64, DType::uint8, DType::uint16, DType::uint32, DType::uint64})
    expect_tensor(types, "layer/" + std::string(dtype_name(dtype)) + "/.ATTRIBUTES/VARIABLE_VALUE",
                  counting(dtype));
  expect_tensor(types, "bfloat16", counting(DType::bfloat16));
  expect_tensor(types, "bool", *cast(Tensor::of<int32_t>({1, 0, 1, 0, 1, 0}, {2, 3}), DType::boolean));
  expect_tensor(types, "empty", *Tensor::zeros(DType::float32, {0, 3}));
  expect_tensor(types, "scalar", Tensor::scalar(0.5f));
}

TEST(Bundle, ShardsArePutTogether) {
  const Bundle sharded = bundle(testing::testdata / "sharded");
  expect_tensor(sharded, "a", Tensor::vector<float>({0, 1, 2, 3}));
  expect_tensor(sharded, "b", Tensor::vector<int64_t>({0, 1, 2, 3, 4}));
  EXPECT_FALSE(sharded.find("c"));
  EXPECT_FALSE(sharded.find(""));
}

TEST(Bundle, WhatIsNotReadSaysWhy) {
  const Bundle types = bundle(testing::testdata / "types");
  expect_error(types.read(*types.find("text")), ErrorKind::unsupported, "tensor 'text' holds strings");
  expect_error(types.read(*types.find("complex")), ErrorKind::unsupported,
               "tensor 'complex' has TensorFlow's type 18");
  const auto text = types.raw(*types.find("text"));
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(text->data()) + text->size() - 9, 9), "two words");
  EXPECT_TRUE(types.raw(*types.find("complex")).ok());
}

TEST(Bundle, APartitionedVariableIsReadByItsPartsAlone) {
  const Bundle sliced = bundle(testing::testdata / "sliced");
  ASSERT_EQ(sliced.entries().size(), 3u);
  const Entry* whole = sliced.find("table");
  ASSERT_TRUE(whole && whole->sliced);
  EXPECT_EQ(whole->shape, (Shape{4, 3}));
  expect_error(sliced.read(*whole), ErrorKind::unsupported, "partitioned");
  EXPECT_TRUE(sliced.raw(*whole)->empty());
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(sliced.read(sliced.entries()[static_cast<size_t>(i)])->as<float>()[0],
              6.0f * static_cast<float>(i));
}

TEST(Bundle, OtherBytesThanWereWrittenAreFound) {
  const Copy copy("sharded");
  Bytes shard = testing::bytes_of(copy.shard(0, 2));
  shard[3] ^= std::byte{1};
  ASSERT_TRUE(write_file(copy.shard(0, 2), shard).ok());
  const Bundle damaged = bundle(copy.prefix);
  expect_error(damaged.read(*damaged.find("a")), ErrorKind::file,
               "tensor 'a': its bytes are not those that were written: checksum ");
  expect_error(damaged.raw(*damaged.find("a")), ErrorKind::file, "tensor 'a'");
  EXPECT_TRUE(damaged.read(*damaged.find("b")).ok());
}

TEST(Bundle, AShardThatIsMissingOrTooShortIsNamed) {
  const Copy copy("sharded");
  std::filesystem::remove(copy.shard(0, 2));
  std::filesystem::resize_file(copy.shard(1, 2), 39);
  const Bundle damaged = bundle(copy.prefix);
  expect_error(damaged.read(*damaged.find("a")), ErrorKind::file, "sharded.data-00000-of-00002: can't open");
  expect_error(damaged.read(*damaged.find("b")), ErrorKind::file,
               "sharded.data-00001-of-00002: has 39 bytes and should have 40 at 0");
  std::filesystem::create_directory(copy.shard(0, 2));
  expect_error(damaged.raw(*damaged.find("a")), ErrorKind::file, "not a regular file");
}

// A terabyte is not made room for because an index asks for it.
TEST(Bundle, AShardIsMeasuredBeforeItIsRead) {
  const Copy copy("types");
  const auto records = testing::small_index([](auto&, wire::Entry& entry) {
    entry.mutable_shape()->mutable_dim(0)->set_size(int64_t{1} << 38);
    entry.set_size(int64_t{3} << 40);
  });
  ASSERT_TRUE(write_file(index_path(copy.prefix), *write_table(records)).ok());
  const Bundle huge = bundle(copy.prefix);
  expect_error(huge.read(*huge.find("w")), ErrorKind::file, "should have 3298534883328 at 4");
  expect_error(huge.raw(*huge.find("w")), ErrorKind::file, "should have 3298534883328 at 4");
}

TEST(Bundle, AnIndexThatIsNoneIsNamed) {
  const Copy copy("types");
  expect_error(Bundle::open(copy.folder->path() / "other"), ErrorKind::file, "other.index: can't open");
  ASSERT_TRUE(write_file(index_path(copy.prefix), std::string(100, 'x')).ok());
  expect_error(Bundle::open(copy.prefix), ErrorKind::file,
               "types.index: not an index of TensorFlow's checkpoints");
}

}  // namespace
}  // namespace fetafix::tensor_bundle
