// Files: whole reads, writes that are either complete or absent, fingerprints, private temporary folders.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace fetafix {

using Bytes = std::vector<std::byte>;
using BytesView = std::span<const std::byte>;

// The whole file. Error kind `file`: missing, a folder, unreadable.
Result<Bytes> read_file(const std::filesystem::path& path);

// Writes to a temporary name in the same folder, syncs and renames: readers see the old file or the new.
Status write_file(const std::filesystem::path& path, BytesView bytes);
Status write_file(const std::filesystem::path& path, const std::string& text);

// Whether `path` is `folder` (or file) or below it, through links and relative names. Neither need exist.
// An empty path is nowhere.
bool lies_in(const std::filesystem::path& path, const std::filesystem::path& folder);

// Whether writing `output`, a file or a folder, would change `input`, which is there.
bool overwrites(const std::filesystem::path& output, const std::filesystem::path& input);

// Lower-case hexadecimal SHA-256.
std::string sha256(BytesView bytes);

// A folder of our own, removed with everything in it when the object dies.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> make();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&& other) noexcept;
  ~TemporaryFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

inline BytesView as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace fetafix
