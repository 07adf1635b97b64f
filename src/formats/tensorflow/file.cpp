#include "formats/tensorflow/file.h"

#include "base/packed_folder.h"

namespace fetafix::formats::tensorflow {
namespace {

namespace fs = std::filesystem;

// Protobuf's own limit of nesting, and the size that its messages may have.
constexpr size_t most_bytes = (size_t{1} << 31) - 1;

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

template <class Message>
Result<std::shared_ptr<const Message>> parse(const Bytes& bytes, const char* what) {
  if (bytes.size() > most_bytes)
    return broken(std::string(what) + " of " + std::to_string(bytes.size()) +
                  " bytes; a graph has at most 2 GiB");
  auto message = std::make_shared<Message>();
  if (!message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return broken(std::string("not a readable ") + what + " (truncated or damaged)");
  return std::shared_ptr<const Message>(std::move(message));
}

// A length-delimited field's key and length at the start of `bytes`; then what it holds. Empty: something
// else.
BytesView inside(BytesView bytes, uint8_t key) {
  if (bytes.size() < 2 || bytes[0] != std::byte{key}) return {};
  uint64_t length = 0;
  size_t at = 1;
  for (int shift = 0; at < bytes.size() && shift < 35; shift += 7) {
    const auto byte = std::to_integer<uint64_t>(bytes[at++]);
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) return bytes.subspan(at, std::min<size_t>(length, bytes.size() - at));
  }
  return {};
}

}  // namespace

fs::path variables_prefix(const fs::path& folder) {
  return folder / "variables" / "variables";
}

Result<Tensor> File::variable(const std::string& key) const {
  if (const auto found = replaced.find(key); found != replaced.end()) return found->second;
  const tensor_bundle::Entry* entry = bundle ? bundle->find(key) : nullptr;
  if (!entry) return broken("variable '" + key + "' is not in the checkpoint");
  auto tensor = bundle->read(*entry);
  if (!tensor.ok()) return in_context("variable '" + key + "'", std::move(tensor).error());
  return tensor;
}

Result<File> read_saved_model(const fs::path& folder) {
  File out;
  out.folder = folder;
  FETAFIX_TRY(Bytes bytes, read_file(folder / graph_file));
  out.bytes = std::make_shared<const Bytes>(std::move(bytes));
  FETAFIX_TRY(out.saved, parse<wire::SavedModel>(*out.bytes, "SavedModel"));
  FETAFIX_TRY(const wire::MetaGraph* serving, wire::serving_graph(*out.saved));
  FETAFIX_TRY(out.interface, wire::interface_of(*serving));
  std::error_code failure;
  const fs::path prefix = variables_prefix(folder);
  if (fs::exists(fs::path(prefix.string() + ".index"), failure)) {
    FETAFIX_TRY(auto bundle, tensor_bundle::Bundle::open(prefix));
    out.bundle = std::make_shared<const tensor_bundle::Bundle>(std::move(bundle));
  }
  return out;
}

Result<File> parse_packed(BytesView bytes) {
  FETAFIX_TRY(TemporaryFolder folder, TemporaryFolder::make());
  FETAFIX_CHECK(unpack_folder(bytes, folder.path()));
  FETAFIX_TRY(File out, read_saved_model(folder.path()));
  out.unpacked = std::make_shared<const TemporaryFolder>(std::move(folder));
  return out;
}

Result<File> parse_frozen(Bytes bytes) {
  File out;
  out.bytes = std::make_shared<const Bytes>(std::move(bytes));
  FETAFIX_TRY(out.frozen, parse<wire::Graph>(*out.bytes, "GraphDef"));
  FETAFIX_TRY(out.interface, wire::interface_of(*out.frozen));
  return out;
}

// Schema version 1, then a graph that begins with its own description, as TensorFlow writes it.
bool looks_like_saved_model(BytesView head) {
  if (head.size() < 6 || head[0] != std::byte{0x08} || head[1] != std::byte{0x01}) return false;
  const BytesView graph = inside(head.subspan(2), 0x12);
  return !graph.empty() && (graph[0] == std::byte{0x0a} || graph[0] == std::byte{0x12});
}

// A node that begins with its name, then its operator.
bool looks_like_graph(BytesView head) {
  const BytesView node = inside(head, 0x0a);
  const BytesView name = inside(node, 0x0a);
  if (name.empty()) return false;
  const size_t behind = static_cast<size_t>(name.data() - node.data()) + name.size();
  return behind < node.size() && node[behind] == std::byte{0x12};
}

}  // namespace fetafix::formats::tensorflow
