#include "tensor_bundle/index.h"

#include "tensor_bundle/crc32c.h"
#include "tensor_bundle/testing/bundles.h"

namespace fetafix::tensor_bundle {
namespace {

using testing::expect_error;
using testing::small_index;

Result<Index> read(const std::vector<Record>& records) {
  return read_index(*write_table(records));
}

TEST(Index, SaysWhatEachTensorIs) {
  const auto index = read(small_index([](auto&, auto& entry) { entry.set_crc32c(masked(7)); }));
  ASSERT_TRUE(index.ok()) << index.error().message;
  EXPECT_EQ(index->shard_count, 1);
  EXPECT_EQ(index->records, small_index([](auto&, auto& entry) { entry.set_crc32c(masked(7)); }));
  const Entry expected{.key = "w",
                       .dtype_code = 1,
                       .dtype = DType::float32,
                       .shape = {2, 3},
                       .offset = 4,
                       .size = 24,
                       .crc32c = 7};
  EXPECT_EQ(index->entries, std::vector<Entry>{expected});
}

TEST(Index, WhatNoBundleCanBeIsRefused) {
  using H = wire::Header;
  using E = wire::Entry;
  const auto refused = [](const std::function<void(H&, E&)>& change, const std::string& text,
                          ErrorKind kind = ErrorKind::file) {
    expect_error(read(small_index(change)), kind, text);
  };
  refused([](H& h, E&) { h.set_endianness(1); }, "big-endian", ErrorKind::unsupported);
  refused([](H& h, E&) { h.mutable_version()->set_min_consumer(2); }, "for readers of version 2",
          ErrorKind::unsupported);
  refused([](H& h, E&) { h.set_num_shards(-1); }, "-1 shards");
  refused([](H& h, E&) { h.set_num_shards(INT32_MAX); }, "2147483647 shards");
  refused([](H& h, E&) { h.set_num_shards(0); }, "tensor 'w': is in shard 0 of 0");
  refused([](H&, E& e) { e.set_shard_id(1); }, "is in shard 1 of 1");
  refused([](H&, E& e) { e.set_shard_id(-1); }, "is in shard -1 of 1");
  refused([](H&, E& e) { e.set_offset(-1); }, "24 bytes at -1");
  refused([](H&, E& e) { e.set_offset(INT64_MAX - 23); }, "24 bytes at 9223372036854775784");
  refused([](H&, E& e) { e.set_size(-24); }, "-24 bytes at 4");
  refused([](H&, E& e) { e.set_size(20); }, "has 20 bytes, which are not [2,3] of float32");
  refused([](H&, E& e) { e.set_size(25); }, "has 25 bytes");
  refused([](H&, E& e) { e.mutable_shape()->mutable_dim(0)->set_size(-1); }, "has the shape [?,3]");
  refused([](H&, E& e) { e.mutable_shape()->mutable_dim(0)->set_size(INT64_MAX); }, "has the shape");
  refused([](H&, E& e) { e.mutable_shape()->set_unknown_rank(true); }, "has no known rank");
}

TEST(Index, ARecordThatIsNoMessageIsRefused) {
  auto records = small_index();
  records[1].value = "\x0a\xff";
  expect_error(read(records), ErrorKind::file, "tensor 'w': can't be parsed");
  records[0].value = "\x0a\xff";
  expect_error(read(records), ErrorKind::file, "how many shards there are is missing or damaged");
}

TEST(Index, WithoutAHeaderItIsNone) {
  expect_error(read({}), ErrorKind::file, "holds nothing");
  expect_error(read({small_index()[1]}), ErrorKind::file, "how many shards there are is missing");
}

TEST(Index, AValueThatDoesNotChangeKeepsItsBytes) {
  for (const std::string& name : testing::bundle_names) {
    const Bundle bundle = testing::bundle(testing::testdata / name);
    for (size_t i = 0; i < bundle.entries().size(); ++i) {
      const std::string& value = bundle.index().records[i + 1].value;
      if (bundle.entries()[i].sliced) continue;
      EXPECT_EQ(*changed_value(value, bundle.entries()[i]), value) << bundle.entries()[i].key;
    }
  }
}

TEST(Index, WhatAChangedValueHoldsBesidesStays) {
  const std::string later = "\xf2\x3f\x03new";  // field 1022, as a version to come may have it
  const auto records = small_index();
  const auto index = read(records);
  ASSERT_TRUE(index.ok());
  Entry entry = index->entries[0];
  entry.dtype = DType::int64;
  entry.dtype_code = 9;
  entry.shape = {};
  entry.size = 8;
  entry.offset = 28;
  entry.crc32c = 5;
  const auto value = changed_value(records[1].value + later, entry);
  ASSERT_TRUE(value.ok());
  EXPECT_NE(value->find(later), std::string::npos);
  const auto again = read({records[0], {"w", *value}});
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->entries[0], entry);
}

}  // namespace
}  // namespace fetafix::tensor_bundle
