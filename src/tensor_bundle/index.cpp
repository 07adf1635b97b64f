#include "tensor_bundle/index.h"

#include <limits>

#include "bundle.pb.h"
#include "tensor_bundle/crc32c.h"
#include "tensorflow_wire/convert.h"

namespace fetafix::tensor_bundle {
namespace {

constexpr int our_version = 1;       // kTensorBundleVersion
constexpr int most_shards = 99'999;  // what the five digits of a file name hold
constexpr int variant_code = 21;

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

Result<int> read_header(const Record& record) {
  wire::Header header;
  if (!record.key.empty() || !header.ParseFromString(record.value))
    return broken("the record that says how many shards there are is missing or damaged");
  if (header.endianness() != 0)
    return Error{ErrorKind::unsupported, "its tensors are big-endian; only little-endian ones are read"};
  if (header.version().min_consumer() > our_version)
    return Error{ErrorKind::unsupported, "it is for readers of version " +
                                             std::to_string(header.version().min_consumer()) +
                                             "; this one is of version " + std::to_string(our_version)};
  if (header.num_shards() < 0 || header.num_shards() > most_shards)
    return broken("it claims to have " + std::to_string(header.num_shards()) + " shards");
  return header.num_shards();
}

// Refuses what no file can hold, whatever is in its shards.
Status check_entry(const Entry& entry, int shard_count) {
  if (entry.shard < 0 || entry.shard >= shard_count)
    return broken("is in shard " + std::to_string(entry.shard) + " of " + std::to_string(shard_count));
  if (entry.offset < 0 || entry.size < 0 || entry.size > std::numeric_limits<int64_t>::max() - entry.offset)
    return broken("has " + std::to_string(entry.size) + " bytes at " + std::to_string(entry.offset));
  const auto count = element_count(entry.shape);
  if (!count) return broken("has the shape " + to_string(entry.shape));
  const auto element = static_cast<int64_t>(element_size(entry.dtype));
  if (element > 0 && !entry.sliced && (entry.size % element != 0 || entry.size / element != *count))
    return broken("has " + std::to_string(entry.size) + " bytes, which are not " + to_string(entry.shape) +
                  " of " + std::string(dtype_name(entry.dtype)));
  return {};
}

Result<Entry> read_entry(const Record& record, int shard_count) {
  wire::Entry wire;
  if (!wire.ParseFromString(record.value)) return broken("can't be parsed");
  auto shape = tensorflow_wire::read_shape(wire.shape());
  if (!shape) return broken("has no known rank");
  Entry entry{.key = record.key,
              .dtype_code = wire.dtype(),
              .dtype = tensorflow_wire::dtype_from_code(wire.dtype()),
              .shape = std::move(*shape),
              .shard = wire.shard_id(),
              .offset = wire.offset(),
              .size = wire.size(),
              .crc32c = unmasked(wire.crc32c()),
              .sliced = wire.slices_size() > 0};
  FETAFIX_CHECK(check_entry(entry, shard_count));
  return entry;
}

}  // namespace

bool is_plain(const Entry& entry) {
  return !entry.sliced && entry.dtype != DType::string &&
         entry.dtype_code != tensorflow_wire::resource_code && entry.dtype_code != variant_code;
}

Result<Index> read_index(BytesView file, Checksums checksums) {
  Index index;
  FETAFIX_TRY(index.records, read_table(file, checksums));
  if (index.records.empty()) return broken("it holds nothing, not even how many shards there are");
  FETAFIX_TRY(index.shard_count, read_header(index.records.front()));
  index.entries.reserve(index.records.size() - 1);
  for (const Record& record : std::span(index.records).subspan(1)) {
    auto entry = read_entry(record, index.shard_count);
    if (!entry.ok()) return in_context("tensor '" + record.key + "'", std::move(entry).error());
    index.entries.push_back(std::move(entry).value());
  }
  return index;
}

Result<std::string> changed_value(const std::string& value, const Entry& entry) {
  wire::Entry wire;
  if (!wire.ParseFromString(value)) return broken("tensor '" + entry.key + "' can't be parsed");
  if (tensorflow_wire::dtype_from_code(wire.dtype()) != entry.dtype) wire.set_dtype(entry.dtype_code);
  if (tensorflow_wire::read_shape(wire.shape()) != entry.shape)
    tensorflow_wire::write_shape(entry.shape, *wire.mutable_shape());
  if (wire.offset() != entry.offset) wire.set_offset(entry.offset);
  if (wire.size() != entry.size) wire.set_size(entry.size);
  wire.set_crc32c(masked(entry.crc32c));
  return wire.SerializeAsString();
}

}  // namespace fetafix::tensor_bundle
