#include "formats/tensorflow/model.h"

#include "base/packed_folder.h"
#include "formats/tensorflow/tensorflow.h"

namespace fetafix::formats::tensorflow {
namespace {

namespace fs = std::filesystem;

class TensorflowFormat final : public Format {
 public:
  std::string_view name() const override { return "tensorflow"; }
  std::string_view description() const override {
    return "TensorFlow SavedModel folder, or frozen graph (.pb)";
  }
  bool recognizes(BytesView head) const override {
    return looks_like_saved_model(head) || looks_like_graph(head);
  }

  Result<std::unique_ptr<NativeModel>> read(const fs::path& path) const override {
    auto file = load(path);
    if (!file.ok()) return in_context(path.string(), std::move(file).error());
    return std::unique_ptr<NativeModel>(std::make_unique<TensorflowModel>(std::move(file).value()));
  }

  Result<std::unique_ptr<NativeModel>> parse(Bytes bytes, const fs::path&) const override {
    if (looks_like_saved_model(bytes))
      return Error{ErrorKind::unsupported,
                   "a SavedModel is a folder: it can't be read from the bytes of one file"};
    FETAFIX_TRY(File file, is_packed_folder(bytes) ? parse_packed(bytes) : parse_frozen(std::move(bytes)));
    return std::unique_ptr<NativeModel>(std::make_unique<TensorflowModel>(std::move(file)));
  }

 private:
  static Result<File> load(const fs::path& path) {
    std::error_code failure;
    if (fs::is_directory(path, failure)) return read_saved_model(path);
    FETAFIX_TRY(Bytes bytes, read_file(path));
    if (looks_like_saved_model(bytes))
      return read_saved_model(path.has_parent_path() ? path.parent_path() : ".");
    return parse_frozen(std::move(bytes));
  }
};

}  // namespace

const Format& tensorflow_format() {
  static const TensorflowFormat format;
  return format;
}

const std::string& TensorflowModel::sha256() const {
  const std::lock_guard lock(mutex_);
  if (sha256_.empty()) sha256_ = fingerprint_of(file_);
  return sha256_;
}

Result<Lifted> TensorflowModel::lift() const {
  FETAFIX_TRY(Lift lift, lift_file(file_));
  return std::move(lift.lifted);
}

std::vector<Defect> TensorflowModel::defects(const graph::Graph&) const {
  return {};
}

Status TensorflowModel::write(const fs::path& path) const {
  return write_model(file_, path);
}

Result<std::vector<ExposedValue>> TensorflowModel::expose(std::span<const graph::ValueId> values,
                                                          const fs::path& path) const {
  return expose_values(file_, values, path);
}

Result<std::unique_ptr<NativeModel>> TensorflowModel::patched(const graph::Patch& patch) const {
  FETAFIX_TRY(File file, patch_file(file_, patch));
  return std::unique_ptr<NativeModel>(std::make_unique<TensorflowModel>(std::move(file)));
}

}  // namespace fetafix::formats::tensorflow
