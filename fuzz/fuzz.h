// What the fuzz targets share. A target may refuse its input in any way it likes; what counts as a finding is
// a crash, undefined behavior, a leak, a hang, memory beyond the limits of scripts/fuzz.sh, or a broken
// promise.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>

#include "base/files.h"

namespace fetafix::fuzz {

// A promise of our own that did not hold: a finding, as a crash is.
inline void promise(bool kept, const char* what) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

inline BytesView input(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}

// The input as a file, for readers that take paths. One folder for all runs of a process, with a small file
// "weights.bin" beside it that a hostile model may name as its external data.
class InputFile {
 public:
  InputFile() : folder_(TemporaryFolder::make()) {
    promise(folder_.ok(), "there is a temporary folder");
    write("weights.bin", Bytes(64));
  }
  const std::filesystem::path& write(BytesView bytes) { return path_ = write("input", bytes); }
  // Not write_file(): a sync for every input would be all that the fuzzer does.
  std::filesystem::path write(const char* name, BytesView bytes) {
    std::filesystem::path path = folder_->path() / name;
    std::FILE* file = std::fopen(path.c_str(), "wb");
    promise(file != nullptr, "the input can be written");
    promise(std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size(), "the input can be written");
    std::fclose(file);
    return path;
  }

 private:
  Result<TemporaryFolder> folder_;
  std::filesystem::path path_;
};

}  // namespace fetafix::fuzz
