// Reads LevelDB's table format (doc/table_format.md and table/format.h of LevelDB):
//
//   data blocks, a metaindex block (empty), an index block, a footer of 48 bytes
//   footer: handle of the metaindex, handle of the index, padding up to 40 bytes, the magic number
//   handle: offset and size as varints; behind the block are its compression (1 byte) and its masked CRC-32C
//   block: records, the offsets of the records whose key is whole, the number of those; 4 bytes each
//   record: varints shared, rest, value size; rest of the key, value. `shared` bytes are of the key before
//   index block: a key, not below the last one of a data block; the handle of that block
//
// Not LevelDB's reader: it trusts sizes that a checksum covers. A block's size near 2^64, or a key's near
// 2^32, makes it read outside of its memory.
#include <cstring>
#include <optional>

#include "tensor_bundle/crc32c.h"
#include "tensor_bundle/table.h"

namespace fetafix::tensor_bundle {
namespace {

constexpr size_t footer_size = 48, handles_size = 40, trailer_size = 5;
constexpr uint64_t magic = 0xdb4775248b80fb57u;
// Shared beginnings make keys longer than the file. Writers repeat the whole key every 16 records, so keys of
// 16 times the file are the most that an honest file holds; a hostile one of 1 MB could ask for 50 GB.
constexpr size_t most_key_bytes_per_file_byte = 64;

struct Handle {
  uint64_t offset = 0, size = 0;
};

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

template <class T>
T little(BytesView bytes) {  // the machine is little-endian, as the file
  T out;
  std::memcpy(&out, bytes.data(), sizeof(T));
  return out;
}

std::optional<uint64_t> take_varint(BytesView& bytes) {
  uint64_t out = 0;
  for (size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = std::to_integer<uint64_t>(bytes[i]);
    out |= (byte & 127) << (7 * i);
    if (byte < 128) {
      bytes = bytes.subspan(i + 1);
      return out;
    }
  }
  return std::nullopt;
}

std::optional<Handle> take_handle(BytesView& bytes) {
  const auto offset = take_varint(bytes);
  const auto size = offset ? take_varint(bytes) : std::nullopt;
  if (!size) return std::nullopt;
  return Handle{*offset, *size};
}

std::string_view text(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Reader {
 public:
  Reader(BytesView file, Checksums checksums)
      : file_(file), checksums_(checksums), key_bytes_left_(file.size() * most_key_bytes_per_file_byte) {}

  Result<std::vector<Record>> records();

 private:
  Result<std::vector<Record>> index();
  Result<BytesView> block(const Handle& handle) const;
  // Behind those of `out`, above which its keys must be.
  Status append_records(BytesView block, std::vector<Record>& out);
  Result<Record> take_record(BytesView& rest, const std::string& key_before);

  BytesView file_;
  Checksums checksums_;
  size_t key_bytes_left_;
};

Result<std::vector<Record>> Reader::records() {
  FETAFIX_TRY(const auto blocks, index());
  std::vector<Record> out;
  uint64_t end = 0;  // of the block before: a block that is named again would be read again
  for (const Record& named : blocks) {
    BytesView value = as_bytes(named.value);
    const auto handle = take_handle(value);
    if (!handle || handle->offset < end)
      return broken("its index names a block that is not behind the one before");
    FETAFIX_TRY(const BytesView bytes, block(*handle));
    end = handle->offset + handle->size;
    FETAFIX_CHECK(append_records(bytes, out));
    if (!out.empty() && out.back().key > named.key)
      return broken("its index does not name the last key of a block");
  }
  return out;
}

Result<std::vector<Record>> Reader::index() {
  if (file_.size() < footer_size || little<uint64_t>(file_.last(8)) != magic)
    return broken(
        "not an index of TensorFlow's checkpoints: the mark at the end of such a file is not there");
  BytesView handles = file_.last(footer_size).first(handles_size);
  const auto metaindex = take_handle(handles);
  const auto handle = metaindex ? take_handle(handles) : std::nullopt;
  if (!handle) return broken("its last 48 bytes do not say where its index is");
  FETAFIX_TRY(const BytesView bytes, block(*handle));
  std::vector<Record> out;
  FETAFIX_CHECK(append_records(bytes, out));
  return out;
}

Result<BytesView> Reader::block(const Handle& handle) const {
  const uint64_t blocks_end = file_.size() - footer_size;
  if (handle.offset > blocks_end || blocks_end - handle.offset < trailer_size ||
      handle.size > blocks_end - handle.offset - trailer_size)
    return broken("a block of " + std::to_string(handle.size) + " bytes at " + std::to_string(handle.offset) +
                  " reaches beyond its " + std::to_string(file_.size()) + " bytes");
  const BytesView whole = file_.subspan(handle.offset, handle.size + trailer_size);
  const BytesView guarded = whole.first(handle.size + 1);  // the compression too
  if (checksums_ == Checksums::verified && masked(crc32c(guarded)) != little<uint32_t>(whole.last(4)))
    return broken("the block at " + std::to_string(handle.offset) +
                  " does not have the checksum that it should have");
  const int compression = std::to_integer<int>(guarded.back());
  if (compression != 0)
    return Error{compression == 1 ? ErrorKind::unsupported : ErrorKind::file,
                 "the block at " + std::to_string(handle.offset) + " has compression " +
                     std::to_string(compression) + ", which TensorFlow does not write"};
  return whole.first(handle.size);
}

Status Reader::append_records(BytesView block, std::vector<Record>& out) {
  const uint64_t whole_keys = block.size() < 4 ? UINT64_MAX : little<uint32_t>(block.last(4));
  if (whole_keys > (block.size() - 4) / 4)
    return broken("a block is too short for the offsets that it claims to hold");
  BytesView rest = block.first(block.size() - 4 * (whole_keys + 1));
  std::string key;
  while (!rest.empty()) {
    FETAFIX_TRY(Record record, take_record(rest, key));
    if (!out.empty() && record.key <= out.back().key) return broken("its keys do not ascend");
    key = record.key;
    out.push_back(std::move(record));
  }
  return {};
}

Result<Record> Reader::take_record(BytesView& rest, const std::string& key_before) {
  const auto shared = take_varint(rest);
  const auto key_size = shared ? take_varint(rest) : std::nullopt;
  const auto value_size = key_size ? take_varint(rest) : std::nullopt;
  if (!value_size || *shared > key_before.size() || *key_size > rest.size() ||
      *value_size > rest.size() - *key_size)
    return broken("a key or a value reaches beyond its block");
  if (*shared + *key_size > key_bytes_left_)
    return broken("its keys repeat each other more than a writer of such files makes them");
  key_bytes_left_ -= *shared + *key_size;
  Record record;
  record.key.reserve(*shared + *key_size);
  record.key.append(key_before, 0, *shared).append(text(rest.first(*key_size)));
  record.value = text(rest.subspan(*key_size, *value_size));
  rest = rest.subspan(*key_size + *value_size);
  return record;
}

}  // namespace

Result<std::vector<Record>> read_table(BytesView file, Checksums checksums) {
  return Reader(file, checksums).records();
}

}  // namespace fetafix::tensor_bundle
