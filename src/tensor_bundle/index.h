// What an index file says: how many shards there are, and what each tensor is and where.
#pragma once

#include <string>
#include <vector>

#include "tensor/tensor.h"
#include "tensor_bundle/table.h"

namespace fetafix::tensor_bundle {

struct Entry {
  std::string key;
  int dtype_code = 0;            // DataType of TensorFlow
  DType dtype = DType::unknown;  // unknown: a type that we don't hold
  Shape shape;                   // fixed
  int shard = 0;                 // below Index::shard_count
  int64_t offset = 0, size = 0;  // bytes in its shard; neither negative, their sum neither
  uint32_t crc32c = 0;           // of those bytes, unmasked
  bool sliced = false;           // a partitioned variable: its parts have keys of their own, it has no bytes
  bool operator==(const Entry&) const = default;
};

// The bytes in the shard are the elements, and the checksum is theirs. Not so for strings, resources and
// variants.
bool is_plain(const Entry& entry);

struct Index {
  int shard_count = 0;
  std::vector<Entry> entries;   // keys strictly ascending
  std::vector<Record> records;  // as they are in the file: the header, then entries[i] at i + 1
};

// Each entry is checked by itself: its shard exists, its size is that of its shape. Errors: `file`;
// `unsupported` for big-endian files and versions to come.
Result<Index> read_index(BytesView file, Checksums checksums = Checksums::verified);

// The value of a record, of which the place, the checksum and, where they are others, type and shape are now
// those of `entry`. Everything else in it stays, and so do its bytes where nothing changes.
Result<std::string> changed_value(const std::string& value, const Entry& entry);

}  // namespace fetafix::tensor_bundle
