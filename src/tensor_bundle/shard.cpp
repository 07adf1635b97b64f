#include "tensor_bundle/shard.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace fetafix::tensor_bundle {
namespace fs = std::filesystem;
namespace {

Error failed(const fs::path& path, const std::string& what) {
  return {ErrorKind::file, path.string() + ": " + what + ": " + std::strerror(errno)};
}

}  // namespace

fs::path index_path(const fs::path& prefix) {
  return prefix.string() + ".index";
}

fs::path shard_path(const fs::path& prefix, int shard, int shard_count) {
  char ending[64];
  std::snprintf(ending, sizeof ending, ".data-%05d-of-%05d", shard, shard_count);
  return prefix.string() + ending;
}

Result<ShardFile> ShardFile::open(const fs::path& path) {
  // Not waiting: a named pipe would never open.
  ShardFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK), path, {});
  if (file.fd_ < 0) return failed(path, "can't open");
  return checked(std::move(file));
}

Result<ShardFile> ShardFile::copy(const fs::path& from, const fs::path& to) {
  std::string temporary = to.string() + ".XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return failed(to, "can't create a temporary file beside it");
  ShardFile file(fd, to, temporary);
  std::error_code error;
  fs::copy_file(from, temporary, fs::copy_options::overwrite_existing, error);
  if (error)
    return Error{ErrorKind::file, from.string() + ": can't copy to " + to.string() + ": " + error.message()};
  return checked(std::move(file));
}

Result<ShardFile> ShardFile::checked(ShardFile file) {
  struct stat info {};
  if (::fstat(file.fd_, &info) != 0) return failed(file.path_, "can't read");
  if (!S_ISREG(info.st_mode)) return Error{ErrorKind::file, file.path_.string() + ": not a regular file"};
  file.size_ = info.st_size;
  return file;
}

ShardFile::ShardFile(ShardFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, fs::path())) {}

ShardFile::~ShardFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status ShardFile::holds(int64_t offset, int64_t size) const {
  if (offset >= 0 && size >= 0 && offset <= size_ && size <= size_ - offset) return {};
  return Error{ErrorKind::file, path_.string() + ": has " + std::to_string(size_) +
                                    " bytes and should have " + std::to_string(size) + " at " +
                                    std::to_string(offset)};
}

Status ShardFile::read(int64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t n = ::pread(fd_, out.data(), out.size(), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(path_, "can't read");
    if (n == 0) return Error{ErrorKind::file, path_.string() + ": was cut while it was read"};
    out = out.subspan(static_cast<size_t>(n));
    offset += n;
  }
  return {};
}

Status ShardFile::write(int64_t offset, BytesView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failed(path_, "can't write");
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += n;
    size_ = std::max(size_, offset);
  }
  return {};
}

Status ShardFile::place() {
  const bool written = ::fsync(fd_) == 0 && ::fchmod(fd_, 0644) == 0;
  if (!written || ::rename(temporary_.c_str(), path_.c_str()) != 0) return failed(path_, "can't write");
  temporary_.clear();
  return {};
}

}  // namespace fetafix::tensor_bundle
