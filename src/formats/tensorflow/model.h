// A TensorFlow file in memory, behind the interface of formats/format.h.
#pragma once

#include <mutex>

#include "formats/tensorflow/lift.h"

namespace fetafix::formats::tensorflow {

class TensorflowModel final : public NativeModel {
 public:
  explicit TensorflowModel(File file) : file_(std::move(file)) {}

  std::string_view format() const override { return "tensorflow"; }
  const std::string& sha256() const override;
  Result<Lifted> lift() const override;
  std::vector<Defect> defects(const graph::Graph& source) const override;
  Status write(const std::filesystem::path& path) const override;
  Result<std::vector<ExposedValue>> expose(std::span<const graph::ValueId> values,
                                           const std::filesystem::path& path) const override;
  Result<std::unique_ptr<NativeModel>> patched(const graph::Patch& patch) const override;

 private:
  File file_;
  mutable std::mutex mutex_;
  mutable std::string sha256_;  // made when it is first asked for: it needs the whole of the variables
};

// expose.cpp
Result<std::vector<ExposedValue>> expose_values(const File& file, std::span<const graph::ValueId> values,
                                                const std::filesystem::path& path);

// write.cpp: a folder that is either whole or absent, or a file.
Status write_model(const File& file, const std::filesystem::path& path);
// The bytes of the graph's file.
Result<std::string> graph_bytes(const File& file);
// Of all files, in the order of their names.
std::string fingerprint_of(const File& file);

// editor.cpp
Result<File> patch_file(const File& file, const graph::Patch& patch);

}  // namespace fetafix::formats::tensorflow
