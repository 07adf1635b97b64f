#include "tensor_bundle/bundle.h"

#include <algorithm>
#include <cstdio>

#include "tensor_bundle/crc32c.h"
#include "tensor_bundle/shard.h"

namespace fetafix::tensor_bundle {
namespace fs = std::filesystem;
namespace {

std::string hexadecimal(uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "%08x", value);
  return text;
}

std::string where(const Entry& entry) {
  return "tensor '" + entry.key + "'";
}

Error unsupported(const Entry& entry, const std::string& what) {
  return {ErrorKind::unsupported, where(entry) + " " + what};
}

Result<ShardFile> shard_of(const Bundle& bundle, const Entry& entry) {
  FETAFIX_TRY(auto file,
              ShardFile::open(shard_path(bundle.prefix(), entry.shard, bundle.index().shard_count)));
  FETAFIX_CHECK(file.holds(entry.offset, entry.size));
  return file;
}

Status fill(const ShardFile& file, const Entry& entry, std::span<std::byte> out) {
  FETAFIX_CHECK(file.read(entry.offset, out));
  const uint32_t found = is_plain(entry) ? crc32c(out) : entry.crc32c;
  if (found == entry.crc32c) return {};
  return Error{ErrorKind::file, "its bytes are not those that were written: checksum " +
                                    hexadecimal(entry.crc32c) + " expected, " + hexadecimal(found) +
                                    " found"};
}

Result<Tensor> read_tensor(const Bundle& bundle, const Entry& entry) {
  FETAFIX_TRY(const auto file, shard_of(bundle, entry));
  FETAFIX_TRY(auto tensor, Tensor::zeros(entry.dtype, entry.shape));
  FETAFIX_CHECK(fill(file, entry, tensor.mutable_bytes()));
  return tensor;
}

Result<Bytes> read_raw(const Bundle& bundle, const Entry& entry) {
  FETAFIX_TRY(const auto file, shard_of(bundle, entry));
  Bytes bytes(static_cast<size_t>(entry.size));
  FETAFIX_CHECK(fill(file, entry, bytes));
  return bytes;
}

template <class T>
Result<T> named(const Entry& entry, Result<T> result) {
  if (!result.ok()) return in_context(where(entry), std::move(result).error());
  return result;
}

}  // namespace

Result<Bundle> Bundle::open(const fs::path& prefix) {
  const fs::path path = index_path(prefix);
  FETAFIX_TRY(const Bytes bytes, read_file(path));
  auto index = read_index(bytes);
  if (!index.ok()) return in_context(path.string(), std::move(index).error());
  return Bundle(prefix, std::move(index).value());
}

const Entry* Bundle::find(std::string_view key) const {
  const auto found =
      std::ranges::lower_bound(entries(), key, {}, [](const Entry& e) { return std::string_view(e.key); });
  return found == entries().end() || found->key != key ? nullptr : &*found;
}

Result<Tensor> Bundle::read(const Entry& entry) const {
  if (entry.sliced) return unsupported(entry, "is a partitioned variable, whose parts are not put together");
  if (entry.dtype == DType::string) return unsupported(entry, "holds strings; only numbers are read");
  if (element_size(entry.dtype) == 0)
    return unsupported(entry,
                       "has TensorFlow's type " + std::to_string(entry.dtype_code) + ", which is not read");
  return named(entry, read_tensor(*this, entry));
}

Result<Bytes> Bundle::raw(const Entry& entry) const {
  return named(entry, read_raw(*this, entry));
}

}  // namespace fetafix::tensor_bundle
