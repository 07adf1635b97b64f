#include "formats/torch/model.h"

#include <set>

#include "base/json.h"
#include "formats/torch/script_say.h"
#include "formats/torch/sound.h"

namespace fetafix::formats::torch {
namespace {

// What the worker looks for to learn which values are wanted (workers/torch_file.py).
constexpr const char* wanted_entry = "fetafix_outputs.json";

Bytes bytes_of(const std::string& text) {
  const BytesView view = as_bytes(text);
  return {view.begin(), view.end()};
}

Result<std::unique_ptr<NativeModel>> parse_model(Bytes bytes) {
  FETAFIX_TRY(File file, parse_file(std::move(bytes)));
  return std::unique_ptr<NativeModel>(std::make_unique<TorchModel>(std::move(file)));
}

class TorchFormat final : public Format {
 public:
  std::string_view name() const override { return "torch"; }
  std::string_view description() const override {
    return "PyTorch: exported program (.pt2 of torch.export.save), TorchScript (torch.jit.save)";
  }
  // Any archive of PyTorch's, by the folder that all its entries lie in; reading it says what it holds.
  bool recognizes(BytesView head) const override {
    const auto names = entries_in_head(head);
    return !names.empty() && (names[0].find('/') != std::string::npos ||
                              names[0].starts_with("serialized_") || names[0] == "version");
  }
  Result<std::unique_ptr<NativeModel>> read(const std::filesystem::path& path) const override {
    FETAFIX_TRY(Bytes bytes, read_file(path));
    auto model = parse_model(std::move(bytes));
    if (!model.ok()) return in_context(path.string(), std::move(model).error());
    return model;
  }
  Result<std::unique_ptr<NativeModel>> parse(Bytes bytes, const std::filesystem::path&) const override {
    return parse_model(std::move(bytes));
  }
};

}  // namespace

const Format& torch_format() {
  static const TorchFormat format;
  return format;
}

Result<Lifted> TorchModel::lift() const {
  FETAFIX_TRY(Lift lift, lift_file(file_));
  return std::move(lift.lifted);
}

std::vector<Defect> TorchModel::defects(const graph::Graph&) const {
  return file_.script ? std::vector<Defect>() : defects_of(file_);
}

Status TorchModel::write(const std::filesystem::path& path) const {
  return write_file(path, *file_.bytes);
}

Result<std::vector<ExposedValue>> TorchModel::expose(std::span<const graph::ValueId> values,
                                                     const std::filesystem::path& path) const {
  FETAFIX_TRY(const Lift lift, lift_file(file_));
  const auto& graph = lift.lifted.graph;
  std::vector<ExposedValue> out;
  std::set<graph::ValueId> have(graph.outputs.begin(), graph.outputs.end());
  have.insert(graph.inputs.begin(), graph.inputs.end());
  Json names = Json::array();
  for (graph::ValueId id : values) {
    if (id < 0 || static_cast<size_t>(id) >= graph.values.size()) continue;
    const graph::Value& value = graph.value(id);
    if (value.is_constant() || value.native_tensor < 0 || !have.insert(id).second) continue;
    out.push_back({id, lift.tensors[static_cast<size_t>(value.native_tensor)]});
    names.push_back(out.back().output_name);
  }
  std::vector<ZipEntry> replaced;
  if (file_.script) {
    FETAFIX_TRY(const FlatText flat, flat_text(file_, names.get<std::vector<std::string>>()));
    replaced.push_back({flat.entry, bytes_of(flat.text)});
  }
  FETAFIX_TRY(const Bytes bytes, rezip(*file_.bytes, replaced, "archive",
                                       {{file_.extra_folder() + wanted_entry, bytes_of(dump_json(names))}}));
  FETAFIX_CHECK(write_file(path, bytes));
  return out;
}

Result<std::unique_ptr<NativeModel>> TorchModel::patched(const graph::Patch& patch) const {
  FETAFIX_TRY(Bytes bytes, patch_file(file_, patch));
  auto parsed = parse_model(std::move(bytes));
  if (!parsed.ok()) return in_context("the patched model", std::move(parsed).error());
  return parsed;
}

}  // namespace fetafix::formats::torch
