#include "workers/tensorflow_source.h"

#include <climits>
#include <filesystem>

#include "base/files.h"
#include "workers/tensorflow_state.h"

namespace fetafix::tensorflow {
namespace {

namespace fs = std::filesystem;
using tensorflow_wire::MetaGraph;
using tensorflow_wire::Port;

constexpr const char* saved_model_file = "saved_model.pb";

template <class Message>
Result<Message> parsed(BytesView bytes, const std::string& what) {
  if (bytes.size() > INT_MAX) return Error{ErrorKind::unsupported, what + " over 2 GB"};
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Error{ErrorKind::file, "not a " + what + " in protobuf's binary form, or cut off"};
  return message;
}

// Sparse and ragged tensors are several tensors under one key.
Status each_is_a_tensor(const std::vector<Port>& ports, const std::string& side) {
  for (const Port& port : ports)
    if (port.tensor.empty())
      return Error{ErrorKind::unsupported,
                   side + " '" + port.key + "' is made of several tensors (sparse or ragged)"};
  return {};
}

Result<Source> read_saved_model(const fs::path& folder, const std::string& signature) {
  FETAFIX_TRY(const Bytes bytes, read_file(folder / saved_model_file));
  FETAFIX_TRY(const auto model, parsed<tensorflow_wire::SavedModel>(bytes, "SavedModel"));
  FETAFIX_TRY(const MetaGraph* graph, tensorflow_wire::serving_graph(model));
  Source source;
  source.folder = folder.string();
  for (const std::string& tag : graph->meta_info_def().tags()) source.tags.push_back(tag);
  FETAFIX_TRY(source.interface, tensorflow_wire::interface_of(*graph, signature));
  FETAFIX_CHECK(each_is_a_tensor(source.interface.inputs, "input"));
  FETAFIX_CHECK(each_is_a_tensor(source.interface.outputs, "output"));
  source.keeps_state = keeps_state(graph->graph_def(), source.interface.outputs);
  return source;
}

}  // namespace

Result<Source> read_source(std::span<const std::byte> graph, const std::string& signature) {
  if (!signature.empty())
    return Error{ErrorKind::usage, "a frozen graph has no signatures, '" + signature + "' was asked for"};
  FETAFIX_TRY(const auto parsed_graph, parsed<tensorflow_wire::Graph>(graph, "GraphDef"));
  if (parsed_graph.node_size() == 0) return Error{ErrorKind::file, "a GraphDef without nodes"};
  Source source;
  FETAFIX_TRY(source.interface, tensorflow_wire::interface_of(parsed_graph));
  source.graph.assign(reinterpret_cast<const char*>(graph.data()), graph.size());
  source.keeps_state = keeps_state(parsed_graph, source.interface.outputs);
  return source;
}

Result<Source> read_source(const std::string& path, const std::string& signature) {
  std::error_code failure;
  if (fs::is_directory(path, failure)) {
    if (fs::exists(fs::path(path) / saved_model_file, failure)) return read_saved_model(path, signature);
    return Error{ErrorKind::file,
                 std::string("the folder has no ") + saved_model_file + ", so it is no SavedModel"};
  }
  if (fs::path(path).filename() == saved_model_file)
    return read_saved_model(fs::path(path).parent_path(), signature);
  FETAFIX_TRY(const Bytes bytes, read_file(path));
  return read_source(bytes, signature);
}

}  // namespace fetafix::tensorflow
