#include "formats/keras/model.h"

#include <algorithm>
#include <cstring>

#include "base/zip.h"
#include "formats/keras/editor.h"
#include "formats/keras/expose.h"
#include "formats/keras/sound.h"

namespace fetafix::formats::keras {
namespace {

class KerasFormat final : public Format {
 public:
  std::string_view name() const override { return "keras"; }
  std::string_view description() const override {
    return "Keras model: .keras archive or .h5 file, Keras 2 and 3";
  }
  // An archive is one by the names of its first entries.
  bool recognizes(BytesView head) const override {
    constexpr char hdf5[] = "\x89HDF\r\n\x1a\n";
    if (head.size() >= 8 && std::memcmp(head.data(), hdf5, 8) == 0) return true;
    return std::ranges::any_of(entries_in_head(head), [](const std::string& name) {
      return name == "metadata.json" || name == "config.json" || name == "model.weights.h5";
    });
  }
  Result<std::unique_ptr<NativeModel>> read(const std::filesystem::path& path) const override {
    FETAFIX_TRY(Bytes bytes, read_file(path));
    auto model = KerasModel::parse(std::move(bytes), Origin::outside);
    if (!model.ok()) return in_context(path.string(), std::move(model).error());
    return model;
  }
  Result<std::unique_ptr<NativeModel>> parse(Bytes bytes, const std::filesystem::path&) const override {
    return KerasModel::parse(std::move(bytes), Origin::outside);
  }
};

// Where it does, what is wrong with them can be told and perhaps mended.
bool lists_layers(const Json& config) {
  const Json& layers = member(member(config, "config"), "layers");
  return layers.is_array() && !layers.empty();
}

}  // namespace

const Format& keras_format() {
  static const KerasFormat format;
  return format;
}

Result<std::unique_ptr<NativeModel>> KerasModel::parse(Bytes bytes, Origin origin) {
  FETAFIX_TRY(File parsed, parse_file(std::move(bytes), origin));
  auto file = std::make_shared<const File>(std::move(parsed));
  auto tree = parse_tree(*file);
  if (!tree.ok() && !lists_layers(file->config)) return std::move(tree).error();
  Result<std::shared_ptr<const Tree>> kept =
      tree.ok() ? Result(std::make_shared<const Tree>(std::move(tree).value()))
                : Result<std::shared_ptr<const Tree>>(tree.error());
  return std::unique_ptr<NativeModel>(std::make_unique<KerasModel>(std::move(file), std::move(kept)));
}

Result<Lifted> KerasModel::lift() const {
  if (!tree_.ok()) return tree_.error();
  if (!(*tree_)->lacks.empty()) return Error{ErrorKind::file, (*tree_)->lacks};
  FETAFIX_TRY(Lift lift, lift_tree(*file_, **tree_));
  return std::move(lift.lifted);
}

Result<std::vector<ExposedValue>> KerasModel::expose(std::span<const graph::ValueId> values,
                                                     const std::filesystem::path& path) const {
  if (!tree_.ok()) return tree_.error();
  FETAFIX_TRY(const Lift lift, lift_tree(*file_, **tree_));
  FETAFIX_TRY(Exposed exposed, keras::expose(*file_, **tree_, lift, values));
  FETAFIX_CHECK(write_file(path, exposed.bytes));
  return std::move(exposed.values);
}

std::vector<Defect> KerasModel::defects(const graph::Graph& source) const {
  return defects_of(*file_, source);
}

Result<std::unique_ptr<NativeModel>> KerasModel::patched(const graph::Patch& patch) const {
  if (patch.groups.empty()) return std::unique_ptr<NativeModel>(std::make_unique<KerasModel>(file_, tree_));
  FETAFIX_TRY(Bytes bytes, patch_file(*file_, patch));
  auto parsed = parse(std::move(bytes), Origin::ours);
  if (!parsed.ok()) return in_context("the patched model", std::move(parsed).error());
  return parsed;
}

}  // namespace fetafix::formats::keras
