// A Keras file in memory, behind the interface of formats/format.h.
#pragma once

#include "formats/keras/lift.h"

namespace fetafix::formats::keras {

class KerasModel final : public NativeModel {
 public:
  static Result<std::unique_ptr<NativeModel>> parse(Bytes bytes, Origin origin);

  std::string_view format() const override { return "keras"; }
  const std::string& sha256() const override { return sha256_; }
  Result<Lifted> lift() const override;
  Status write(const std::filesystem::path& path) const override { return write_file(path, *file_->bytes); }
  std::vector<Defect> defects(const graph::Graph& source) const override;
  Result<std::vector<ExposedValue>> expose(std::span<const graph::ValueId> values,
                                           const std::filesystem::path& path) const override;
  Result<std::unique_ptr<NativeModel>> patched(const graph::Patch& patch) const override;

  KerasModel(std::shared_ptr<const File> file, Result<std::shared_ptr<const Tree>> tree)
      : file_(std::move(file)), tree_(std::move(tree)), sha256_(fetafix::sha256(*file_->bytes)) {}

 private:
  std::shared_ptr<const File> file_;
  // Of its configuration; an error where that names what is not there.
  Result<std::shared_ptr<const Tree>> tree_;
  std::string sha256_;
};

}  // namespace fetafix::formats::keras
