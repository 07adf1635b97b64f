// A .pt2 file in memory, behind the interface of formats/format.h.
#pragma once

#include "formats/torch/lift.h"

namespace fetafix::formats::torch {

class TorchModel final : public NativeModel {
 public:
  explicit TorchModel(File file) : file_(std::move(file)), sha256_(fetafix::sha256(*file_.bytes)) {}

  std::string_view format() const override { return "torch"; }
  const std::string& sha256() const override { return sha256_; }
  Result<Lifted> lift() const override;
  std::vector<Defect> defects(const graph::Graph& source) const override;
  Status write(const std::filesystem::path& path) const override;
  Result<std::vector<ExposedValue>> expose(std::span<const graph::ValueId> values,
                                           const std::filesystem::path& path) const override;
  Result<std::unique_ptr<NativeModel>> patched(const graph::Patch& patch) const override;

 private:
  File file_;
  std::string sha256_;
};

// editor.cpp: the file's bytes with the patch applied.
Result<Bytes> patch_file(const File& file, const graph::Patch& patch);

}  // namespace fetafix::formats::torch
