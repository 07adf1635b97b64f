#include <leveldb/comparator.h>
#include <leveldb/env.h>
#include <leveldb/options.h>
#include <leveldb/table_builder.h>

#include "tensor_bundle/table.h"

namespace fetafix::tensor_bundle {
namespace {

// TensorFlow's (tensorflow/core/lib/io/table_options.h), so that the bytes come out as TensorFlow's.
constexpr size_t block_size = 262144;
constexpr int records_per_whole_key = 16;

class MemoryFile : public leveldb::WritableFile {
 public:
  leveldb::Status Append(const leveldb::Slice& data) override {
    const BytesView bytes{reinterpret_cast<const std::byte*>(data.data()), data.size()};
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return {};
  }
  leveldb::Status Close() override { return {}; }
  leveldb::Status Flush() override { return {}; }
  leveldb::Status Sync() override { return {}; }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

}  // namespace

Result<Bytes> write_table(std::span<const Record> records) {
  leveldb::Options options;
  options.compression = leveldb::kNoCompression;
  options.block_size = block_size;
  options.block_restart_interval = records_per_whole_key;
  MemoryFile file;
  leveldb::TableBuilder builder(options, &file);
  for (const Record& record : records) builder.Add(record.key, record.value);
  const leveldb::Status status = builder.Finish();
  if (!status.ok()) return Error{ErrorKind::internal, "the index can't be made: " + status.ToString()};
  return file.take();
}

}  // namespace fetafix::tensor_bundle
