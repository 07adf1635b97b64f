// A copy that also returns inner values: the signature's functions are inlined into the main graph, where
// every tensor has a name, and the signature returns those. The variables stay where they are, behind a link.
#include <set>

#include "formats/tensorflow/editor.h"

namespace fetafix::formats::tensorflow {
namespace {

namespace fs = std::filesystem;

constexpr const char* prefix = "fetafix/";  // of what is inlined

class Exposer {
 public:
  Exposer(const File& file, const Lift& lift, wire::Graph& graph) : file_(file), lift_(lift), graph_(graph) {}

  // How the copy's main graph names a tensor; "": it can't.
  std::string name_of(const Source& source) const {
    if (source.input >= 0) return file_.interface.inputs[static_cast<size_t>(source.input)].tensor;
    if (source.output < 0) return "";
    return node_name(source.op) + ":" + std::to_string(source.output);
  }

  // Adds the operators of functions; those of the main graph are there.
  void inline_all() {
    for (size_t i = 0; i < lift_.program.ops.size(); ++i) {
      const Op& op = lift_.program.ops[i];
      if (op.scope == 0) continue;
      wire::Node& copy = *graph_.add_node();
      copy = *op.node;
      copy.set_name(node_name(static_cast<int>(i)));
      copy.clear_input();
      drop_attribute(copy, "_output_shapes");  // where it is wrong, only a function may keep it
      for (const Source& source : op.inputs) copy.add_input(name_of(source));
    }
  }

 private:
  std::string node_name(int index) const {
    const Op& op = lift_.program.ops[static_cast<size_t>(index)];
    const std::string& scope = lift_.program.scopes[static_cast<size_t>(op.scope)].prefix;
    return op.scope == 0 ? op.node->name() : prefix + scope + op.node->name();
  }

  const File& file_;
  const Lift& lift_;
  wire::Graph& graph_;
};

// A signature's outputs are in the order of their keys: these come behind its own, in the order of their
// numbers.
std::string exposed_name(const File& file, size_t number) {
  const std::string digits = std::to_string(number);
  const std::string last = file.interface.outputs.empty() ? "" : file.interface.outputs.back().key;
  return last + "~" + std::string(8 - std::min<size_t>(digits.size(), 8), '0') + digits;
}

wire::SignatureDef* signature_of(wire::MetaGraph& graph, const std::string& key) {
  for (auto& entry : *graph.mutable_signature_def())
    if (entry.key() == key) return entry.mutable_value();
  return nullptr;
}

// What is worth asking for: computed tensors of the file, each once, that the outputs do not give anyway.
std::vector<graph::ValueId> wanted(const Lift& lift, std::span<const graph::ValueId> values) {
  std::set<graph::ValueId> have(lift.lifted.graph.outputs.begin(), lift.lifted.graph.outputs.end());
  std::vector<graph::ValueId> out;
  for (graph::ValueId id : values) {
    if (id < 0 || static_cast<size_t>(id) >= lift.lifted.graph.values.size() || have.contains(id)) continue;
    const graph::Value& value = lift.lifted.graph.value(id);
    if (value.is_constant() || value.native_tensor < 0 || value.dtype == DType::unknown) continue;
    const Source& source = lift.tensors[static_cast<size_t>(value.native_tensor)];
    if (source.op < 0 || source.output < 0) continue;
    have.insert(id);
    out.push_back(id);
  }
  return out;
}

Status link_rest(const fs::path& from, const fs::path& to) {
  std::error_code failure;
  fs::create_directories(to, failure);
  for (const char* name : {"variables", "assets"})
    if (fs::exists(from / name, failure))
      fs::create_directory_symlink(fs::absolute(from / name), to / name, failure);
  if (failure) return Error{ErrorKind::file, to.string() + ": can't be written: " + failure.message()};
  return {};
}

Result<std::vector<ExposedValue>> expose_saved(const File& file, const Lift& lift,
                                               const std::vector<graph::ValueId>& values,
                                               const fs::path& path) {
  wire::SavedModel model = *file.saved;
  FETAFIX_TRY(wire::MetaGraph * graph, wire::serving_graph(model));
  Exposer exposer(file, lift, *graph->mutable_graph_def());
  exposer.inline_all();
  wire::SignatureDef* signature = signature_of(*graph, file.interface.signature);
  if (!signature) return Error{ErrorKind::internal, "the signature is gone"};
  for (size_t i = 0; i < file.interface.outputs.size(); ++i)
    for (auto& entry : *signature->mutable_outputs())
      if (entry.key() == file.interface.outputs[i].key)
        entry.mutable_value()->set_name(exposer.name_of(lift.program.outputs[i]));
  std::vector<ExposedValue> out;
  for (graph::ValueId id : values) {
    const graph::Value& value = lift.lifted.graph.value(id);
    auto* entry = signature->add_outputs();
    entry->set_key(exposed_name(file, out.size()));
    entry->mutable_value()->set_name(exposer.name_of(lift.tensors[static_cast<size_t>(value.native_tensor)]));
    entry->mutable_value()->set_dtype(wire::code_from_dtype(value.dtype));
    entry->mutable_value()->mutable_tensor_shape()->set_unknown_rank(true);
    out.push_back({id, entry->key()});
  }
  FETAFIX_CHECK(link_rest(file.folder, path));
  FETAFIX_CHECK(write_file(path / graph_file, model.SerializeAsString()));
  return out;
}

Result<std::vector<ExposedValue>> expose_frozen(const File& file, const Lift& lift,
                                                const std::vector<graph::ValueId>& values,
                                                const fs::path& path) {
  wire::Graph graph = *file.frozen;
  std::vector<ExposedValue> out;
  for (graph::ValueId id : values) {
    const graph::Value& value = lift.lifted.graph.value(id);
    const Source& source = lift.tensors[static_cast<size_t>(value.native_tensor)];
    const Op& op = lift.program.ops[static_cast<size_t>(source.op)];
    if (op.scope != 0) continue;
    wire::Node& copy = *graph.add_node();
    copy.set_name("fetafix/exposed" + std::to_string(out.size()));
    copy.set_op("Identity");
    copy.add_input(op.node->name() + ":" + std::to_string(source.output));
    set_type(copy, "T", value.dtype);
    out.push_back({id, copy.name()});
  }
  FETAFIX_CHECK(write_file(path, graph.SerializeAsString()));
  return out;
}

}  // namespace

Result<std::vector<ExposedValue>> expose_values(const File& file, std::span<const graph::ValueId> values,
                                                const fs::path& path) {
  FETAFIX_TRY(const Lift lift, lift_file(file));
  const auto chosen = wanted(lift, values);
  if (file.saved) return expose_saved(file, lift, chosen, path);
  return expose_frozen(file, lift, chosen, path);
}

}  // namespace fetafix::formats::tensorflow
