#include "tensor_bundle/write_patched.h"

#include <algorithm>

#include "tensor_bundle/crc32c.h"
#include "tensor_bundle/shard.h"
#include "tensorflow_wire/convert.h"

namespace fetafix::tensor_bundle {
namespace fs = std::filesystem;
namespace {

// A tensor on its way: `entry` is what the new index says of it.
struct Replacement {
  size_t at;  // in the index
  Tensor tensor;
  Entry entry;
  bool in_place;
};

bool overlap(const Entry& a, const Entry& b) {
  return a.shard == b.shard && a.offset < b.offset + b.size && b.offset < a.offset + a.size;
}

// Another writer may have let equal tensors share their bytes.
bool shares_bytes(const Index& index, const Entry& entry) {
  return std::ranges::any_of(index.entries,
                             [&](const Entry& e) { return &e != &entry && overlap(e, entry); });
}

Result<Replacement> planned(const Bundle& from, const std::string& key, const Tensor& tensor) {
  const Entry* old = from.find(key);
  if (!old) return Error{ErrorKind::usage, "there is no tensor '" + key + "' to replace"};
  if (!is_plain(*old))
    return Error{ErrorKind::unsupported,
                 "tensor '" + key + "' can't be replaced: it is partitioned or does not hold numbers"};
  const auto size = static_cast<int64_t>(tensor.byte_size());
  Replacement out{.at = static_cast<size_t>(old - from.entries().data()),
                  .tensor = tensor,
                  .entry = *old,
                  .in_place = size == old->size && !shares_bytes(from.index(), *old)};
  if (tensor.dtype() != old->dtype) out.entry.dtype_code = tensorflow_wire::code_from_dtype(tensor.dtype());
  if (tensor.empty() || out.entry.dtype_code == 0)
    return Error{ErrorKind::unsupported, "tensor '" + key + "' can't be replaced by one of type " +
                                             std::string(dtype_name(tensor.dtype()))};
  out.entry.dtype = tensor.dtype();
  out.entry.shape = tensor.shape();
  out.entry.size = size;
  out.entry.crc32c = crc32c(tensor.bytes());
  return out;
}

Status write_shard(const Bundle& from, int shard, std::vector<Replacement>& replacements,
                   const fs::path& to_prefix) {
  const int count = from.index().shard_count;
  const fs::path path = shard_path(from.prefix(), shard, count);
  std::error_code ignored;
  const bool used =
      std::ranges::any_of(from.entries(), [&](const Entry& e) { return e.shard == shard && e.size > 0; });
  if (!used && !fs::exists(path, ignored)) return {};
  FETAFIX_TRY(auto copy, ShardFile::copy(path, shard_path(to_prefix, shard, count)));
  for (Replacement& r : replacements) {
    if (r.entry.shard != shard) continue;
    const Entry& old = from.entries()[r.at];
    FETAFIX_CHECK(copy.holds(old.offset, old.size));
    if (!r.in_place) r.entry.offset = copy.size();
    FETAFIX_CHECK(copy.write(r.entry.offset, r.tensor.bytes()));
  }
  return copy.place();
}

// The bytes of the old file where no record changes: another writer may have laid it out in another way.
Result<Bytes> new_index(const Bundle& from, const std::vector<Replacement>& replacements) {
  std::vector<Record> records = from.index().records;
  for (const Replacement& r : replacements) {
    Record& record = records[r.at + 1];
    FETAFIX_TRY(record.value, changed_value(record.value, r.entry));
  }
  if (records == from.index().records) return read_file(index_path(from.prefix()));
  return write_table(records);
}

Status make_room(const Bundle& from, const fs::path& to_prefix) {
  std::error_code error;
  if (fs::equivalent(index_path(from.prefix()), index_path(to_prefix), error))
    return Error{ErrorKind::usage, to_prefix.string() + ": is the bundle that is copied; write it elsewhere"};
  if (to_prefix.has_parent_path()) fs::create_directories(to_prefix.parent_path(), error);
  fs::remove(index_path(to_prefix), error);
  if (error)
    return Error{ErrorKind::file, index_path(to_prefix).string() + ": can't write: " + error.message()};
  return {};
}

}  // namespace

Status write_patched(const Bundle& from, const std::map<std::string, Tensor>& replaced,
                     const fs::path& to_prefix) {
  std::vector<Replacement> replacements;
  for (const auto& [key, tensor] : replaced) {
    auto replacement = planned(from, key, tensor);
    if (!replacement.ok())
      return in_context(index_path(from.prefix()).string(), std::move(replacement).error());
    replacements.push_back(std::move(replacement).value());
  }
  FETAFIX_CHECK(make_room(from, to_prefix));
  for (int shard = 0; shard < from.index().shard_count; ++shard)
    FETAFIX_CHECK(write_shard(from, shard, replacements, to_prefix));
  FETAFIX_TRY(const Bytes index, new_index(from, replacements));
  return write_file(index_path(to_prefix), index);
}

}  // namespace fetafix::tensor_bundle
