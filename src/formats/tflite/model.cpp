#include "formats/tflite/model.h"

#include <cstring>
#include <set>

#include "formats/tflite/sound.h"
#include "formats/tflite/tflite.h"
#include "graph/edit_stored.h"

namespace fetafix::formats::tflite {
namespace {

class TfliteFormat final : public Format {
 public:
  std::string_view name() const override { return "tflite"; }
  std::string_view description() const override {
    return "TensorFlow Lite (LiteRT) flatbuffer, schema version 3";
  }
  bool recognizes(BytesView head) const override {
    return head.size() >= 8 && std::memcmp(head.data() + 4, "TFL3", 4) == 0;
  }
  Result<std::unique_ptr<NativeModel>> read(const std::filesystem::path& path) const override {
    FETAFIX_TRY(Bytes bytes, read_file(path));
    auto model = TfliteModel::parse(std::move(bytes));
    if (!model.ok()) return in_context(path.string(), std::move(model).error());
    return model;
  }
  Result<std::unique_ptr<NativeModel>> parse(Bytes bytes, const std::filesystem::path&) const override {
    return TfliteModel::parse(std::move(bytes));
  }
};

// Why a computed value can't be an output of the copy; empty: it can.
std::string refusal(const schema::SubGraphT& graph, const graph::Value& value) {
  const auto tensor = static_cast<size_t>(value.native_tensor);
  if (value.native_tensor < 0 || tensor >= graph.tensors.size()) return "virtual";
  if (graph.tensors[tensor]->is_variable) return "a variable";
  const auto type = graph.tensors[tensor]->type;
  if (type == schema::TensorType::RESOURCE || type == schema::TensorType::VARIANT) return "a resource";
  return "";
}

// Runtimes name an output by its tensor: names must tell outputs apart in the copy.
void make_names_unique(schema::SubGraphT& graph) {
  std::set<std::string> taken;
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    std::string& name = graph.tensors[i]->name;
    if (name.empty() || taken.contains(name)) name += "#" + std::to_string(i);
    taken.insert(name);
  }
}

}  // namespace

const Format& tflite_format() {
  static const TfliteFormat format;
  return format;
}

uint32_t main_subgraph(const schema::Model& model) {
  if (count_of(model.signature_defs()) == 0) return 0;
  return model.signature_defs()->Get(0)->subgraph_index();
}

Result<std::unique_ptr<NativeModel>> TfliteModel::parse(Bytes bytes) {
  FETAFIX_TRY(File file, parse_file(std::make_shared<const Bytes>(std::move(bytes))));
  return std::unique_ptr<NativeModel>(std::make_unique<TfliteModel>(std::move(file)));
}

Result<Lifted> TfliteModel::lift() const {
  if (file_.damage) return Error{ErrorKind::file, *file_.damage};
  return lift_file(file_);
}

Result<std::unique_ptr<schema::ModelT>> TfliteModel::unpacked() const {
  if (file_.frozen)
    return Error{ErrorKind::unsupported, "this file can be read but not rewritten: " + *file_.frozen};
  return std::unique_ptr<schema::ModelT>(file_.model->UnPack());
}

Result<std::vector<ExposedValue>> TfliteModel::expose(std::span<const graph::ValueId> values,
                                                      const std::filesystem::path& path) const {
  FETAFIX_TRY(Lifted lifted, lift());
  FETAFIX_TRY(auto model, unpacked());
  auto& graph = *model->subgraphs[main_subgraph(*file_.model)];
  std::set<int32_t> have(graph.outputs.begin(), graph.outputs.end());
  make_names_unique(graph);
  std::vector<ExposedValue> exposed;
  for (graph::ValueId id : values) {
    if (id < 0 || static_cast<size_t>(id) >= lifted.graph.values.size()) continue;
    const graph::Value& value = lifted.graph.value(id);
    if (!refusal(graph, value).empty() || !have.insert(value.native_tensor).second) continue;
    graph.outputs.push_back(value.native_tensor);
    exposed.push_back({id, graph.tensors[static_cast<size_t>(value.native_tensor)]->name});
  }
  model->signature_defs.clear();  // they list the outputs that a runner would return
  FETAFIX_TRY(Bytes bytes, pack(*model, file_));
  FETAFIX_CHECK(write_file(path, bytes));
  return exposed;
}

std::vector<Defect> TfliteModel::defects(const graph::Graph& source) const {
  auto model = unpacked();
  return model.ok() ? defects_of(**model, main_subgraph(*file_.model), source) : std::vector<Defect>();
}

// The view that the edits left over are meant for.
Result<Lifted> TfliteModel::lift_of(const schema::ModelT& model, const graph::Patch& all,
                                    const graph::Patch& rest) const {
  const auto edits = [](const graph::Patch& patch) {
    size_t count = 0;
    for (const auto& group : patch.groups) count += group.edits.size();
    return count;
  };
  if (edits(all) == edits(rest)) return lift_file(file_);
  FETAFIX_TRY(Bytes bytes, pack(model, file_));
  FETAFIX_TRY(const File file, parse_file(std::make_shared<const Bytes>(std::move(bytes))));
  return lift_file(file);
}

Result<std::unique_ptr<NativeModel>> TfliteModel::patched(const graph::Patch& patch) const {
  if (patch.groups.empty()) return std::unique_ptr<NativeModel>(std::make_unique<TfliteModel>(file_));
  FETAFIX_TRY(auto model, unpacked());
  const uint32_t subgraph = main_subgraph(*file_.model);
  bool sort = false;
  FETAFIX_TRY(const graph::Patch rest, apply_to_file(*model, subgraph, patch, sort));
  FETAFIX_TRY(const Lifted lifted, lift_of(*model, patch, rest));
  FETAFIX_TRY(const graph::Patch stored, graph::stored_form(lifted.graph, rest));
  FETAFIX_CHECK(patch_model(*model, lifted.graph, stored));
  if (sort) sort_operators(*model->subgraphs[subgraph]);
  FETAFIX_TRY(Bytes bytes, pack(*model, file_));
  auto parsed = parse(std::move(bytes));
  if (!parsed.ok()) return in_context("the patched model", std::move(parsed).error());
  return parsed;
}

}  // namespace fetafix::formats::tflite
