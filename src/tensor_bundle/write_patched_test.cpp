#include "tensor_bundle/write_patched.h"

#include "tensor_bundle/testing/bundles.h"

namespace fetafix::tensor_bundle {
namespace {

using testing::bundle;
using testing::bytes_of;
using testing::Copy;
using testing::expect_error;

using Tensors = std::map<std::string, Tensor>;

struct Target {
  Result<TemporaryFolder> folder = TemporaryFolder::make();
  std::filesystem::path prefix = folder->path() / "new" / "variables";

  Bundle written(const Bundle& from, const Tensors& replaced) const {
    const Status status = write_patched(from, replaced, prefix);
    EXPECT_TRUE(status.ok()) << status.error().message;
    return bundle(prefix);
  }
};

// Replaced tensors are read back; all others are the entries and the bytes that they were.
void expect_patched(const Bundle& before, const Bundle& after, const Tensors& replaced) {
  ASSERT_EQ(before.entries().size(), after.entries().size());
  EXPECT_EQ(before.index().records[0], after.index().records[0]);
  for (size_t i = 0; i < before.entries().size(); ++i) {
    const Entry& entry = after.entries()[i];
    const auto found = replaced.find(entry.key);
    if (found == replaced.end()) {
      EXPECT_EQ(before.index().records[i + 1], after.index().records[i + 1]);
      EXPECT_EQ(*before.raw(before.entries()[i]), *after.raw(entry)) << entry.key;
    } else {
      const auto tensor = after.read(entry);
      ASSERT_TRUE(tensor.ok()) << tensor.error().message;
      EXPECT_TRUE(tensor->identical(found->second)) << to_text(*tensor);
    }
  }
}

TEST(WritePatched, WithoutATensorItIsACopy) {
  for (const std::string& name : testing::bundle_names) {
    const Target target;
    const Bundle from = bundle(testing::testdata / name);
    target.written(from, {});
    EXPECT_EQ(bytes_of(index_path(target.prefix)), bytes_of(index_path(from.prefix())));
    for (int i = 0; i < from.index().shard_count; ++i)
      EXPECT_EQ(bytes_of(shard_path(target.prefix, i, from.index().shard_count)),
                bytes_of(shard_path(from.prefix(), i, from.index().shard_count)));
  }
}

TEST(WritePatched, TheSameSizeStaysInItsPlace) {
  const Target target, back;
  const Bundle from = bundle(testing::testdata / "types");
  const Tensors other{
      {"layer/float32/.ATTRIBUTES/VARIABLE_VALUE", Tensor::of<int32_t>({9, 8, 7, 6, 5, 4}, {3, 2})},
      {"scalar", Tensor::scalar(1.5f)}};
  const Bundle patched = target.written(from, other);
  expect_patched(from, patched, other);
  EXPECT_EQ(bytes_of(shard_path(target.prefix, 0, 1)).size(),
            bytes_of(shard_path(from.prefix(), 0, 1)).size());
  Tensors old;
  for (const auto& [key, tensor] : other) old.emplace(key, *from.read(*from.find(key)));
  back.written(patched, old);
  EXPECT_EQ(bytes_of(index_path(back.prefix)), bytes_of(index_path(from.prefix())));
  EXPECT_EQ(bytes_of(shard_path(back.prefix, 0, 1)), bytes_of(shard_path(from.prefix(), 0, 1)));
}

TEST(WritePatched, AnotherSizeGoesToTheEndOfItsShard) {
  const Target target;
  const Bundle from = bundle(testing::testdata / "sharded");
  const Tensors other{{"a", Tensor::of<int8_t>({1, 2}, {1, 2})}};
  const Bundle patched = target.written(from, other);
  expect_patched(from, patched, other);
  EXPECT_EQ(patched.find("a")->offset, 16);
  EXPECT_EQ(patched.find("a")->shard, 0);
  EXPECT_EQ(bytes_of(shard_path(target.prefix, 0, 2)).size(), 18u);
  EXPECT_EQ(bytes_of(shard_path(target.prefix, 1, 2)), bytes_of(shard_path(from.prefix(), 1, 2)));
}

TEST(WritePatched, BytesThatTwoTensorsShareAreNotOverwritten) {
  const Copy copy("types");
  auto records = testing::small_index();
  records.push_back({"x", records[1].value});
  ASSERT_TRUE(write_file(index_path(copy.prefix), *write_table(records)).ok());
  const Target target;
  const Bundle from = bundle(copy.prefix);
  const Tensors other{{"w", *Tensor::zeros(DType::float32, {2, 3})}};
  const Bundle patched = target.written(from, other);
  EXPECT_TRUE(patched.read(*patched.find("w"))->identical(other.at("w")));
  EXPECT_EQ(patched.find("w")->offset, static_cast<int64_t>(bytes_of(copy.shard(0)).size()));
  EXPECT_EQ(*patched.find("x"), *from.find("x"));
}

TEST(WritePatched, WhatCannotBeReplacedIsNotWritten) {
  const Target target;
  const Bundle types = bundle(testing::testdata / "types"), sliced = bundle(testing::testdata / "sliced");
  const Tensor one = Tensor::scalar(1.0f);
  expect_error(write_patched(types, {{"no", one}}, target.prefix), ErrorKind::usage,
               "there is no tensor 'no' to replace");
  expect_error(write_patched(types, {{"text", one}}, target.prefix), ErrorKind::unsupported,
               "tensor 'text' can't be replaced");
  expect_error(write_patched(sliced, {{"table", one}}, target.prefix), ErrorKind::unsupported,
               "it is partitioned");
  expect_error(write_patched(types, {{"scalar", Tensor()}}, target.prefix), ErrorKind::unsupported,
               "by one of type");
  EXPECT_FALSE(std::filesystem::exists(target.prefix.parent_path()));
  expect_error(write_patched(types, {}, types.prefix()), ErrorKind::usage, "is the bundle that is copied");
}

TEST(WritePatched, ACopyThatFailsHasNoIndex) {
  const Copy copy("sharded");
  const Target target;
  target.written(bundle(copy.prefix), {});
  std::filesystem::remove(copy.shard(1, 2));
  expect_error(write_patched(bundle(copy.prefix), {}, target.prefix), ErrorKind::file,
               "data-00001-of-00002: can't copy");
  EXPECT_FALSE(std::filesystem::exists(index_path(target.prefix)));
  std::filesystem::resize_file(copy.shard(0, 2), 10);
  expect_error(write_patched(bundle(copy.prefix), {{"a", Tensor::scalar(1.0f)}}, target.prefix),
               ErrorKind::file, "has 10 bytes and should have 16 at 0");
  for (const auto& file : std::filesystem::directory_iterator(target.prefix.parent_path()))
    EXPECT_EQ(file.path().stem(), "variables") << file.path();  // nothing temporary is left
}

}  // namespace
}  // namespace fetafix::tensor_bundle
