// An ONNX file in memory, shared by this room's reader, lift and patcher.
#pragma once

#include <memory>
#include <string>

#include "formats/format.h"
#include "onnx_wire/convert.h"

namespace fetafix::formats::onnx {

// Version of the default operator set; 0 when the file imports none.
int default_opset(const onnx_wire::Model& model);

Result<Lifted> lift_model(const onnx_wire::Model& model, const std::filesystem::path& folder);

// Applies the edits to `model`, whose view is `view`. Errors: see NativeModel::patched.
Status patch_model(onnx_wire::Model& model, const graph::Graph& view, const graph::Patch& patch);

class OnnxModel final : public NativeModel {
 public:
  // `original` are the bytes that `model` was parsed from; empty for a patched model.
  OnnxModel(onnx_wire::Model model, Bytes original, std::filesystem::path folder, std::string sha);

  std::string_view format() const override { return "onnx"; }
  const std::string& sha256() const override { return sha256_; }
  Result<Lifted> lift() const override { return lift_model(model_, folder_); }
  std::vector<Defect> defects(const graph::Graph& source) const override;
  Status write(const std::filesystem::path& path) const override;
  Result<std::vector<ExposedValue>> expose(std::span<const graph::ValueId> values,
                                           const std::filesystem::path& path) const override;
  Result<std::unique_ptr<NativeModel>> patched(const graph::Patch& patch) const override;

 private:
  // External data files lie beside the model: a copy elsewhere needs them too.
  Status copy_external_files(const std::filesystem::path& to_folder) const;

  onnx_wire::Model model_;
  Bytes original_;
  std::filesystem::path folder_;
  std::string sha256_;
};

}  // namespace fetafix::formats::onnx
