// For tests: bundles by name, files of any bytes, indexes that TensorFlow would not write.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "bundle.pb.h"
#include "tensor_bundle/bundle.h"
#include "tensor_bundle/shard.h"

namespace fetafix::tensor_bundle::testing {

inline const std::filesystem::path testdata = FETAFIX_TENSOR_BUNDLE_TESTDATA;
inline const std::vector<std::string> bundle_names{"types", "sharded", "sliced"};

inline Bytes bytes_of(const std::filesystem::path& path) {
  auto bytes = read_file(path);
  EXPECT_TRUE(bytes.ok()) << bytes.error().message;
  return std::move(bytes).value();
}

inline Bundle bundle(const std::filesystem::path& prefix) {
  auto opened = Bundle::open(prefix);
  EXPECT_TRUE(opened.ok()) << opened.error().message;
  return std::move(opened).value();
}

// A copy of a bundle of the test data that a test may damage.
struct Copy {
  explicit Copy(const std::string& name) : folder(TemporaryFolder::make()), prefix(folder->path() / name) {
    for (const auto& file : std::filesystem::directory_iterator(testdata))
      if (file.path().stem() == name) std::filesystem::copy(file.path(), folder->path());
  }
  std::filesystem::path shard(int i, int count = 1) const { return shard_path(prefix, i, count); }

  Result<TemporaryFolder> folder;
  std::filesystem::path prefix;
};

// Of one shard and one float32[2,3] at 4 that is called "w"; `change` says what is wrong with it.
inline std::vector<Record> small_index(const std::function<void(wire::Header&, wire::Entry&)>& change = {}) {
  wire::Header header;
  header.set_num_shards(1);
  wire::Entry entry;
  entry.set_dtype(1);
  for (int size : {2, 3}) entry.mutable_shape()->add_dim()->set_size(size);
  entry.set_offset(4);
  entry.set_size(24);
  if (change) change(header, entry);
  return {{"", header.SerializeAsString()}, {"w", entry.SerializeAsString()}};
}

template <class T>
void expect_error(const Result<T>& result, ErrorKind kind, const std::string& text) {
  ASSERT_FALSE(result.ok()) << text;
  EXPECT_EQ(result.error().kind, kind) << result.error().message;
  EXPECT_NE(result.error().message.find(text), std::string::npos)
      << result.error().message << "\nhas no: " << text;
}

}  // namespace fetafix::tensor_bundle::testing
