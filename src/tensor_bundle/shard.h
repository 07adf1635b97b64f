// Shard files: ranges read from one, and a copy of one with other bytes in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/files.h"

namespace fetafix::tensor_bundle {

std::filesystem::path index_path(const std::filesystem::path& prefix);
std::filesystem::path shard_path(const std::filesystem::path& prefix, int shard, int shard_count);

// An open file, closed when the object dies. All errors: `file`.
class ShardFile {
 public:
  static Result<ShardFile> open(const std::filesystem::path& path);
  // A copy of `from` under a temporary name in the folder of `to`; place() gives it its name, else it is
  // removed.
  static Result<ShardFile> copy(const std::filesystem::path& from, const std::filesystem::path& to);
  ShardFile(ShardFile&& other) noexcept;
  ShardFile& operator=(ShardFile&&) = delete;
  ~ShardFile();

  // Of a range: the file is long enough. Ask before making room for the bytes.
  Status holds(int64_t offset, int64_t size) const;
  int64_t size() const { return size_; }
  Status read(int64_t offset, std::span<std::byte> out) const;

  // Of a copy alone. At size() it grows.
  Status write(int64_t offset, BytesView bytes);
  Status place();

 private:
  ShardFile(int fd, std::filesystem::path path, std::filesystem::path temporary)
      : fd_(fd), path_(std::move(path)), temporary_(std::move(temporary)) {}
  static Result<ShardFile> checked(ShardFile file);

  int fd_;
  int64_t size_ = 0;
  std::filesystem::path path_, temporary_;  // temporary: of a copy that has no name yet
};

}  // namespace fetafix::tensor_bundle
