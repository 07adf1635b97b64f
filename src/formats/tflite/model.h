// A TFLite file in memory, behind the interface of formats/format.h.
#pragma once

#include "formats/format.h"
#include "formats/tflite/wire.h"

namespace fetafix::formats::tflite {

// The view of subgraph 0, or of that of the first signature (lift.cpp).
Result<Lifted> lift_file(const File& file);
// The subgraph that is lifted and edited.
uint32_t main_subgraph(const schema::Model& model);

// Packs an unpacked and changed model, and puts what followed the old flatbuffer behind it. `original` is the
// file that `model` was unpacked from.
Result<Bytes> pack(const schema::ModelT& model, const File& original);

// Applies a patch to an unpacked model (patch.cpp). `view` is the file's own.
Status patch_model(schema::ModelT& model, const graph::Graph& view, const graph::Patch& patch);

class TfliteModel final : public NativeModel {
 public:
  static Result<std::unique_ptr<NativeModel>> parse(Bytes bytes);

  std::string_view format() const override { return "tflite"; }
  const std::string& sha256() const override { return sha256_; }
  Result<Lifted> lift() const override;
  Status write(const std::filesystem::path& path) const override { return write_file(path, *file_.bytes); }
  std::vector<Defect> defects(const graph::Graph& source) const override;
  Result<std::vector<ExposedValue>> expose(std::span<const graph::ValueId> values,
                                           const std::filesystem::path& path) const override;
  Result<std::unique_ptr<NativeModel>> patched(const graph::Patch& patch) const override;

  explicit TfliteModel(File file) : file_(std::move(file)), sha256_(fetafix::sha256(*file_.bytes)) {}

 private:
  Result<std::unique_ptr<schema::ModelT>> unpacked() const;
  Result<Lifted> lift_of(const schema::ModelT& model, const graph::Patch& all,
                         const graph::Patch& rest) const;

  File file_;
  std::string sha256_;
};

}  // namespace fetafix::formats::tflite
