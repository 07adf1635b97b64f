// A Keras file in memory, behind the interface of formats/format.h.
#pragma once

#include "formats/keras/lift.h"

namespace fetafix::formats::keras {

class KerasModel final : public NativeModel {
 public:
  static Result<std::unique_ptr<NativeModel>> parse(Bytes bytes);

  std::string_view format() const override { return "keras"; }
  const std::string& sha256() const override { return sha256_; }
  Result<Lifted> lift() const override;
  Status write(const std::filesystem::path& path) const override { return write_file(path, *file_.bytes); }
  std::vector<Defect> defects(const graph::Graph& source) const override;
  Result<std::vector<ExposedValue>> expose(std::span<const graph::ValueId> values,
                                           const std::filesystem::path& path) const override;
  Result<std::unique_ptr<NativeModel>> patched(const graph::Patch& patch) const override;

  explicit KerasModel(File file) : file_(std::move(file)), sha256_(fetafix::sha256(*file_.bytes)) {}

 private:
  File file_;
  std::string sha256_;
};

}  // namespace fetafix::formats::keras
