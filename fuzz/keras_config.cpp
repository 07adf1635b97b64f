// The configuration of a Keras archive, with weights that are always the same: read, lifted, instrumented,
// edited.
#include "base/zip.h"
#include "formats/keras/editor.h"
#include "formats/keras/expose.h"
#include "formats/keras/sound.h"
#include "formats/keras/testing/image.h"
#include "fuzz/fuzz.h"

namespace fetafix::formats::keras {
namespace {

using fuzz::promise;

// For the layers of the seeds (corpus_keras.py).
const Bytes& weights() {
  static const Bytes made = testing::hdf5([](hid_t file) {
    const std::vector<std::pair<const char*, std::vector<hsize_t>>> datasets{
        {"batch_normalization/vars/0", {2}},
        {"batch_normalization/vars/1", {2}},
        {"batch_normalization/vars/2", {2}},
        {"batch_normalization/vars/3", {2}},
        {"conv2d/vars/0", {3, 3, 2, 2}},
        {"conv2d/vars/1", {2}},
        {"dense/vars/0", {2, 2}},
        {"dense/vars/1", {2}},
        {"dense_1/vars/0", {2, 2}},
        {"dense_1/vars/1", {2}},
        {"functional/layers/dense/vars/0", {2, 2}},
        {"functional/layers/dense/vars/1", {2}},
        {"sequential/layers/dense/vars/0", {2, 2}},
        {"sequential/layers/dense/vars/1", {2}},
        {"embedding/vars/0", {4, 2}},
        {"gru/cell/vars/0", {2, 6}},
        {"gru/cell/vars/1", {2, 6}},
        {"gru/cell/vars/2", {2, 6}},
        {"lstm/cell/vars/0", {2, 8}},
        {"lstm/cell/vars/1", {2, 8}},
        {"lstm/cell/vars/2", {8}},
        {"layer_normalization/vars/0", {2}},
        {"layer_normalization/vars/1", {2}},
        {"multi_head_attention/query_dense/vars/0", {2, 1, 2}},
        {"multi_head_attention/query_dense/vars/1", {1, 2}},
        {"multi_head_attention/key_dense/vars/0", {2, 1, 2}},
        {"multi_head_attention/key_dense/vars/1", {1, 2}},
        {"multi_head_attention/value_dense/vars/0", {2, 1, 2}},
        {"multi_head_attention/value_dense/vars/1", {1, 2}},
        {"multi_head_attention/output_dense/vars/0", {1, 2, 2}},
        {"multi_head_attention/output_dense/vars/1", {2}}};
    for (const auto& [path, shape] : datasets)
      testing::add_dataset(file, (std::string("layers/") + path).c_str(), shape);
  });
  return made;
}

// Refused, or a file that can be read again.
void look(const Result<Bytes>& bytes) {
  if (!bytes.ok()) {
    promise(bytes.error().kind != ErrorKind::internal, "an edit is made or refused");
    return;
  }
  auto file = parse_file(*bytes, Origin::ours);
  promise(file.ok(), "what is written can be taken apart");
  (void)parse_tree(*file);
}

void edit(const File& file, const Tree& tree, const graph::Graph& view) {
  const graph::Uses uses(view);
  const size_t most = 6;
  for (size_t n = 0; n < std::min(view.nodes.size(), most); ++n) {
    const graph::Node& node = view.nodes[n];
    const graph::Address at = graph::address_of(view, static_cast<graph::NodeId>(n));
    std::vector<graph::Edit> edits{graph::RemoveNode{at, 0}, graph::ChangeType{at, "Mul", {}}};
    for (const auto& [name, value] : node.attributes)
      edits.push_back(graph::SetAttribute{at, name, std::nullopt});
    if (auto edge = graph::address_of(view, uses, node.outputs[0]); edge.ok()) {
      graph::InsertNode insert;
      insert.edge = *edge;
      insert.type = "Sigmoid";
      insert.operands = {std::nullopt};
      edits.push_back(insert);
    }
    for (const graph::Edit& one : edits) look(patch_file(file, {"keras", "", {{{one}, ""}}}));
  }
}

void run(BytesView text) {
  const std::string about = R"({"keras_version": "3.9.0"})";
  const BytesView metadata = as_bytes(about);
  auto bytes = zip({{"metadata.json", {metadata.begin(), metadata.end()}},
                    {"config.json", {text.begin(), text.end()}},
                    {"model.weights.h5", weights()}});
  promise(bytes.ok(), "an archive can be made");
  auto file = parse_file(std::move(bytes).value(), Origin::ours);
  if (!file.ok())
    return promise(file.error().kind == ErrorKind::file, "a file that can't be read is a fault of the file");
  // Mending what is found gives a file or a reason.
  for (const Defect& defect : defects_of(*file, {}))
    for (const auto& way : defect.ways) look(patch_file(*file, {"keras", "", {{way, ""}}}));
  auto tree = parse_tree(*file);
  if (!tree.ok()) return promise(tree.error().kind != ErrorKind::internal, "a model is read or refused");
  auto lift = lift_tree(*file, *tree);
  if (!lift.ok())
    return promise(lift.error().kind != ErrorKind::internal,
                   "a view is given or refused, but never malformed");
  const graph::Graph& view = lift->lifted.graph;
  std::vector<graph::ValueId> values;
  for (size_t id = 0; id < view.values.size() && values.size() < 12; ++id)
    if (view.values[id].native_tensor >= 0) values.push_back(static_cast<graph::ValueId>(id));
  auto exposed = expose(*file, *tree, *lift, values);
  look(exposed.ok() ? Result<Bytes>(exposed->bytes) : Result<Bytes>(exposed.error()));
  edit(*file, *tree, view);
}

}  // namespace
}  // namespace fetafix::formats::keras

extern "C" const char* __lsan_default_suppressions() {
  return "leak:libhdf5\n";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fetafix::formats::keras::run(fetafix::fuzz::input(data, size));
  return 0;
}
