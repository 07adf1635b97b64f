#include "tensor_bundle/table.h"

#include <leveldb/env.h>
#include <leveldb/iterator.h>
#include <leveldb/options.h>
#include <leveldb/table.h>

#include "tensor_bundle/crc32c.h"
#include "tensor_bundle/testing/bundles.h"

namespace fetafix::tensor_bundle {
namespace {

using testing::expect_error;

std::vector<Record> read(BytesView file) {
  auto records = read_table(file);
  EXPECT_TRUE(records.ok()) << records.error().message;
  return std::move(records).value();
}

// What LevelDB's own reader finds in the file.
std::vector<Record> read_by_leveldb(const std::filesystem::path& path) {
  leveldb::RandomAccessFile* opened = nullptr;
  EXPECT_TRUE(leveldb::Env::Default()->NewRandomAccessFile(path.string(), &opened).ok());
  const std::unique_ptr<leveldb::RandomAccessFile> file(opened);
  leveldb::Table* parsed = nullptr;
  EXPECT_TRUE(leveldb::Table::Open({}, file.get(), std::filesystem::file_size(path), &parsed).ok());
  const std::unique_ptr<leveldb::Table> table(parsed);
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  const std::unique_ptr<leveldb::Iterator> at(table->NewIterator(options));
  std::vector<Record> out;
  for (at->SeekToFirst(); at->Valid(); at->Next())
    out.push_back({at->key().ToString(), at->value().ToString()});
  EXPECT_TRUE(at->status().ok());
  return out;
}

// More than one block: 262144 bytes are the size of one.
std::vector<Record> many() {
  std::vector<Record> out;
  for (int i = 10000; i < 16000; ++i)
    out.push_back({"layer" + std::to_string(i), std::string(static_cast<size_t>(i % 150), 'v')});
  return out;
}

std::string varints(std::initializer_list<uint64_t> values) {
  std::string out;
  for (uint64_t value : values) {
    for (; value > 127; value >>= 7) out += static_cast<char>(value | 128);
    out += static_cast<char>(value);
  }
  return out;
}

std::string fixed(uint64_t value, size_t size) {
  return {reinterpret_cast<const char*>(&value), size};
}

std::string record(uint64_t shared, const std::string& key, const std::string& value) {
  return varints({shared, key.size(), value.size()}) + key + value;
}

// A block with its trailer. `whole_keys`: what it claims of the offsets at its end, of which there is one.
std::string block(const std::string& records, uint64_t whole_keys = 1, char compression = 0) {
  const std::string guarded = records + fixed(0, 4) + fixed(whole_keys, 4) + compression;
  return guarded + fixed(masked(crc32c(as_bytes(guarded))), 4);
}

// A file of one block of records, with the index that is given, or one that names the block rightly.
std::string file(const std::string& data, std::string index = "") {
  if (index.empty()) index = block(record(0, "z", varints({0, data.size() - 5})));
  std::string footer = varints({0, 0, data.size(), index.size() - 5});
  footer.resize(40);
  return data + index + footer + fixed(0xdb4775248b80fb57u, 8);
}

TEST(Table, IsReadAsLevelDBReadsIt) {
  for (const std::string& name : testing::bundle_names) {
    const auto path = index_path(testing::testdata / name);
    EXPECT_EQ(read(testing::bytes_of(path)), read_by_leveldb(path)) << name;
  }
}

TEST(Table, WhatTensorFlowWroteIsWrittenByteForByte) {
  for (const std::string& name : testing::bundle_names) {
    const Bytes bytes = testing::bytes_of(index_path(testing::testdata / name));
    EXPECT_EQ(*write_table(read(bytes)), bytes) << name;
  }
}

TEST(Table, WhatIsWrittenIsRead) {
  EXPECT_EQ(read(*write_table({})), std::vector<Record>());
  EXPECT_EQ(read(*write_table(many())), many());
  const auto odd =
      std::vector<Record>{{"", ""}, {std::string("\0", 1), "a"}, {"\x7f", "b"}, {"\xff\xff", "c"}};
  EXPECT_EQ(read(*write_table(odd)), odd);
}

TEST(Table, AnHonestFileMadeByHandIsRead) {
  const std::string made = file(block(record(0, "ab", "1") + record(1, "c", "2")));
  EXPECT_EQ(read(as_bytes(made)), (std::vector<Record>{{"ab", "1"}, {"ac", "2"}}));
}

TEST(Table, NoPartOfAFileIsOne) {
  const Bytes whole = testing::bytes_of(index_path(testing::testdata / "types"));
  for (size_t size = 0; size < whole.size(); ++size)
    expect_error(read_table(BytesView(whole).first(size)), ErrorKind::file, "not an index");
}

TEST(Table, AChangedByteIsFoundOrHarmless) {
  const Bytes whole = testing::bytes_of(index_path(testing::testdata / "types"));
  const auto records = read(whole);
  size_t refused = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    Bytes damaged = whole;
    damaged[at] ^= std::byte{1};
    const auto found = read_table(damaged);
    refused += !found.ok();
    if (found.ok()) {
      EXPECT_EQ(*found, records) << at;
    }
  }
  EXPECT_GT(refused, whole.size() - 60);  // all but the empty metaindex and the padding of the footer
}

TEST(Table, SizesThatAChecksumCoversAreNotBelieved) {
  const std::string good = block(record(0, "a", "1"));
  const auto refused = [](const std::string& made, const std::string& text) {
    expect_error(read_table(as_bytes(made)), ErrorKind::file, text);
  };
  const auto named = [](std::initializer_list<uint64_t> handle) {
    return block(record(0, "z", varints(handle)));
  };
  for (uint64_t size : {uint64_t{1} << 20, uint64_t{1} << 40, UINT64_MAX - 2, UINT64_MAX})
    refused(file(good, named({0, size})), "reaches beyond");
  for (uint64_t offset : {uint64_t{1} << 20, uint64_t{1} << 63, UINT64_MAX})
    refused(file(good, named({offset, 10})), "reaches beyond");
  refused(file(good, block(record(0, "z", "\x80"))), "names a block that is not");
  refused(file(good, block(record(0, "y", varints({0, good.size() - 5})) +
                           record(0, "z", varints({0, good.size() - 5})))),
          "not behind the one before");
  refused(file(good, block(record(0, "A", varints({0, good.size() - 5})))), "does not name the last key");
  refused(file(block(varints({0, 0xffffffffu, 2}) + "abcdef")), "beyond its block");
  refused(file(block(varints({0, 1, UINT64_MAX}) + "abcdef")), "beyond its block");
  refused(file(block(record(1, "a", "1"))), "beyond its block");
  refused(file(block("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")), "beyond its block");
  refused(file(block(record(0, "a", "1"), UINT32_MAX)), "too short for the offsets");
  refused(file(block(record(0, "b", "1") + record(0, "a", "2"))), "do not ascend");
  refused(file(block(record(0, "a", "1") + record(0, "a", "2"))), "do not ascend");
  refused(file(block(record(0, "a", "1"), 1, 2)), "compression 2");
  expect_error(read_table(as_bytes(file(block(record(0, "a", "1"), 1, 1)))), ErrorKind::unsupported,
               "compression 1");
}

TEST(Table, KeysDoNotGrowBeyondWhatTheFileCouldMean) {
  std::string key(1000, 'k'), records = record(0, key, "");
  for (uint64_t i = 1000; i < 4000; ++i) records += record(i, "k", "");
  const std::string made = file(block(records));
  expect_error(read_table(as_bytes(made)), ErrorKind::file, "repeat each other");
}

TEST(Table, ChecksumsAreIgnoredWhereThatIsAsked) {
  std::string made = file(block(record(0, "a", "1")));
  made[4] = '2';
  expect_error(read_table(as_bytes(made)), ErrorKind::file, "checksum");
  const auto found = read_table(as_bytes(made), Checksums::ignored);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(*found, (std::vector<Record>{{"a", "2"}}));
}

}  // namespace
}  // namespace fetafix::tensor_bundle
