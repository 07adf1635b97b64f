#include "formats/onnx/model.h"

#include <algorithm>
#include <limits>
#include <set>

#include "formats/onnx/external.h"
#include "formats/onnx/onnx.h"
#include "formats/onnx/sound.h"
#include "graph/edit_stored.h"

namespace fetafix::formats::onnx {
namespace {

namespace fs = std::filesystem;

Result<std::string> serialize(const onnx_wire::Model& model) {
  std::string bytes;
  if (model.ByteSizeLong() > size_t{0x7fffffff} || !model.SerializeToString(&bytes))
    return Error{ErrorKind::unsupported, "the model does not fit in one 2 GB protobuf file"};
  return bytes;
}

class OnnxFormat final : public Format {
 public:
  std::string_view name() const override { return "onnx"; }
  std::string_view description() const override { return "ONNX protobuf, opset 7 to 25, external data"; }
  bool recognizes(BytesView head) const override;
  Result<std::unique_ptr<NativeModel>> read(const fs::path& path) const override {
    FETAFIX_TRY(Bytes bytes, read_file(path));
    auto model = parse(std::move(bytes), path.parent_path());
    if (!model.ok()) return in_context(path.string(), std::move(model).error());
    return model;
  }
  Result<std::unique_ptr<NativeModel>> parse(Bytes bytes, const fs::path& folder) const override;
};

// A length, and then a text or nothing.
bool text_follows(BytesView bytes) {
  size_t at = 0;
  while (at + 1 < bytes.size() && static_cast<unsigned>(bytes[at]) >= 0x80) ++at;
  const bool is_empty = at == 0 && bytes[0] == std::byte{0};
  return is_empty || (at + 1 < bytes.size() && static_cast<unsigned>(bytes[at + 1]) >= 0x20);
}

// There is no magic number. A ModelProto starts with one of its low-numbered fields: ir_version (1, a
// small varint) in everything any exporter writes, else a string field or an operator set (8).
bool OnnxFormat::recognizes(BytesView head) const {
  if (head.size() < 8) return false;
  const auto byte = [&](size_t i) { return static_cast<unsigned>(head[i]); };
  // Whatever version it states; a text or the graph follows, or the model's own version (5, a varint).
  // A SavedModel begins alike, with a message where the producer's name (2) would be.
  if (byte(0) == 0x08 && byte(2) == 0x12) return byte(1) < 0x80 && text_follows(head.subspan(3));
  if (byte(0) == 0x08) return byte(1) < 0x80 && ((byte(2) & 7) == 2 || byte(2) == 0x28);
  return (byte(0) == 0x12 || byte(0) == 0x3a || byte(0) == 0x42) && byte(1) > 0 && byte(1) < 0x80 &&
         byte(0) != byte(1);
}

Result<std::unique_ptr<NativeModel>> OnnxFormat::parse(Bytes bytes, const fs::path& folder) const {
  onnx_wire::Model model;
  if (bytes.size() > size_t{0x7fffffff})
    return Error{ErrorKind::file, "over 2 GB in one protobuf; ONNX needs external data for that"};
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Error{ErrorKind::file, "not a whole ONNX file (truncated or damaged protobuf, " +
                                      std::to_string(bytes.size()) + " bytes)"};
  if (!model.has_graph() || (model.graph().node_size() == 0 && model.graph().output_size() == 0))
    return Error{ErrorKind::file, "an ONNX file without a graph"};
  std::string sha = fetafix::sha256(bytes);
  for (const std::string& location : external_locations(model)) {
    const fs::path relative = fs::path(location).lexically_normal();
    if (relative.is_absolute() || relative.empty() || *relative.begin() == "..")
      return Error{ErrorKind::file,
                   "external data location '" + location + "' leaves the model's folder; refused"};
    FETAFIX_TRY(Bytes external, read_file(folder / relative));
    sha = fetafix::sha256(as_bytes(sha + fetafix::sha256(external)));
  }
  return std::unique_ptr<NativeModel>(
      std::make_unique<OnnxModel>(std::move(model), std::move(bytes), folder, std::move(sha)));
}

}  // namespace

int default_opset(const onnx_wire::Model& model) {
  for (const auto& opset : model.opset_import())
    if (opset.domain().empty() || opset.domain() == "ai.onnx")
      return static_cast<int>(std::clamp<int64_t>(opset.version(), 0, std::numeric_limits<int>::max()));
  return 0;
}

OnnxModel::OnnxModel(onnx_wire::Model model, Bytes original, fs::path folder, std::string sha)
    : model_(std::move(model)),
      original_(std::move(original)),
      folder_(std::move(folder)),
      sha256_(std::move(sha)) {}

Status OnnxModel::copy_external_files(const fs::path& to_folder) const {
  for (const std::string& location : external_locations(model_)) {
    const fs::path from = folder_ / location;
    const fs::path to = to_folder / location;
    std::error_code error;
    if (fs::equivalent(from, to, error)) continue;
    fs::create_directories(to.parent_path(), error);
    if (fs::exists(to))
      return Error{ErrorKind::file, to.string() +
                                        ": the model's external data would overwrite this file; choose "
                                        "another folder for the output"};
    fs::copy_file(from, to, error);
    if (error) return Error{ErrorKind::file, to.string() + ": can't copy external data: " + error.message()};
  }
  return {};
}

Status OnnxModel::write(const fs::path& path) const {
  FETAFIX_CHECK(copy_external_files(path.parent_path()));
  if (!original_.empty()) return write_file(path, original_);
  FETAFIX_TRY(std::string bytes, serialize(model_));
  return write_file(path, bytes);
}

Result<std::vector<ExposedValue>> OnnxModel::expose(std::span<const graph::ValueId> values,
                                                    const fs::path& path) const {
  FETAFIX_TRY(Lifted lifted, lift());
  onnx_wire::Model copy = model_;
  std::vector<ExposedValue> exposed;
  std::set<std::string> have;
  for (const auto& output : copy.graph().output()) have.insert(output.name());
  for (graph::ValueId id : values) {
    const graph::Value& value = lifted.graph.value(id);
    if (value.native_tensor < 0 || !have.insert(value.native_name).second) continue;
    copy.mutable_graph()->add_output()->set_name(value.native_name);  // ONNX Runtime infers the type
    exposed.push_back({id, value.native_name});
  }
  FETAFIX_CHECK(copy_external_files(path.parent_path()));
  FETAFIX_TRY(std::string bytes, serialize(copy));
  FETAFIX_CHECK(write_file(path, bytes));
  return exposed;
}

std::vector<Defect> OnnxModel::defects(const graph::Graph& source) const {
  return defects_of(model_, folder_, source);
}

Result<std::unique_ptr<NativeModel>> OnnxModel::patched(const graph::Patch& patch) const {
  if (patch.groups.empty())
    return std::unique_ptr<NativeModel>(std::make_unique<OnnxModel>(model_, original_, folder_, sha256_));
  onnx_wire::Model copy = model_;
  FETAFIX_TRY(const graph::Patch rest, apply_to_file(copy, patch));
  FETAFIX_TRY(const Lifted lifted, lift_model(copy, folder_));
  FETAFIX_TRY(const graph::Patch stored, graph::stored_form(lifted.graph, rest));
  FETAFIX_CHECK(patch_model(copy, lifted.graph, stored));
  FETAFIX_TRY(std::string bytes, serialize(copy));
  std::string sha = fetafix::sha256(as_bytes(bytes));
  return std::unique_ptr<NativeModel>(
      std::make_unique<OnnxModel>(std::move(copy), Bytes(), folder_, std::move(sha)));
}

const Format& onnx_format() {
  static const OnnxFormat format;
  return format;
}

}  // namespace fetafix::formats::onnx
