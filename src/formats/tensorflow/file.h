// A TensorFlow file as it is read: the graph, what it takes and gives, and where its variables are.
#pragma once

#include <map>
#include <memory>

#include "base/files.h"
#include "formats/tensorflow/tensorflow.h"
#include "tensor_bundle/bundle.h"
#include "tensorflow_wire/interface.h"

namespace fetafix::formats::tensorflow {

namespace wire = tensorflow_wire;

// Immutable and cheap to copy.
struct File {
  std::filesystem::path folder;                     // of a SavedModel; empty: a frozen graph
  std::shared_ptr<const TemporaryFolder> unpacked;  // set: the folder is ours
  std::shared_ptr<const Bytes> bytes;               // of the graph's file as it was read
  std::shared_ptr<const wire::SavedModel> saved;    // null: a frozen graph
  std::shared_ptr<const wire::Graph> frozen;
  wire::Interface interface;
  std::shared_ptr<const tensor_bundle::Bundle> bundle;  // null: without variables
  bool edited = false;                                  // the graph is no longer that of `bytes`
  std::map<std::string, Tensor> replaced;               // variables by key of the bundle

  const wire::Graph& graph() const { return saved ? serving().graph_def() : *frozen; }
  // Of a SavedModel only.
  const wire::MetaGraph& serving() const { return **wire::serving_graph(*saved); }
  // The content of a variable as it will be written.
  Result<Tensor> variable(const std::string& key) const;
};

// Where a SavedModel's folder keeps its variables.
std::filesystem::path variables_prefix(const std::filesystem::path& folder);

// Reads a SavedModel: its folder, or the saved_model.pb in it.
Result<File> read_saved_model(const std::filesystem::path& folder);
Result<File> parse_frozen(Bytes bytes);
// A SavedModel's folder as one run of bytes (base/packed_folder.h).
Result<File> parse_packed(BytesView bytes);

// By content: the start of a saved_model.pb, or of a GraphDef.
bool looks_like_saved_model(BytesView head);
bool looks_like_graph(BytesView head);

}  // namespace fetafix::formats::tensorflow
