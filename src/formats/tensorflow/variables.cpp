#include "formats/tensorflow/variables.h"

#include <unordered_map>

#include "formats/tensorflow/program.h"

namespace fetafix::formats::tensorflow {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<wire::Node>;

constexpr int longest_way = 8;  // from a restored tensor to its variable: Identity, Cast ...

std::string node_of(const std::string& input) {
  return input.substr(0, input.find(':'));
}

// One list of nodes that restores: the main graph, or the function that a SavedModel names for it.
class Restorer {
 public:
  explicit Restorer(const Nodes& nodes) {
    for (const auto& node : nodes) by_name_[node.name()] = &node;
  }

  const wire::Node* find(const std::string& input) const {
    const auto found = by_name_.find(node_of(input));
    return found == by_name_.end() ? nullptr : found->second;
  }

  // The key that a tensor is restored from; "": it is not.
  std::string key_of(std::string input) const {
    for (int i = 0; i < longest_way; ++i) {
      const wire::Node* node = find(input);
      if (!node || node->input_size() == 0) return "";
      if (node->op() == "RestoreV2") return key_at(*node, wire::split_tensor_name(input).second);
      if (node->op() != "Identity") return "";
      input = node->input(0);
    }
    return "";
  }

 private:
  std::string key_at(const wire::Node& restore, int number) const {
    const wire::Node* names = restore.input_size() > 1 ? find(restore.input(1)) : nullptr;
    const wire::Attribute* value = names ? wire::find_attribute(*names, "value") : nullptr;
    if (!value || number < 0 || number >= value->tensor().string_val_size()) return "";
    return value->tensor().string_val(number);
  }

  std::unordered_map<std::string, const wire::Node*> by_name_;
};

// The checkpoint's object graph: one string, behind its length and a checksum of that.
wire::ObjectGraph objects_of(const File& file) {
  constexpr size_t checksum = 4;
  wire::ObjectGraph out;
  const tensor_bundle::Entry* entry =
      file.bundle ? file.bundle->find("_CHECKPOINTABLE_OBJECT_GRAPH") : nullptr;
  const auto bytes = entry ? file.bundle->raw(*entry) : Result<Bytes>(Bytes());
  if (!bytes.ok()) return out;
  size_t start = 0;
  while (start < bytes->size() && std::to_integer<int>((*bytes)[start]) >= 0x80) ++start;
  start += 1 + checksum;
  if (start < bytes->size() &&
      !out.ParseFromArray(bytes->data() + start, static_cast<int>(bytes->size() - start)))
    out.Clear();
  return out;
}

bool same_content(const tensor_bundle::Entry& a, const tensor_bundle::Entry& b) {
  return a.dtype_code == b.dtype_code && a.shape == b.shape && a.size == b.size && a.crc32c == b.crc32c;
}

// Other keys under which the same variable is stored.
void add_copies(const File& file, Variables& variables) {
  std::unordered_map<std::string, std::vector<std::string>> keys;  // by what the program calls a variable
  std::unordered_map<std::string, std::string> called;             // by key
  const wire::ObjectGraph objects = objects_of(file);
  for (const auto& object : objects.nodes())
    for (const auto& stored : object.attributes()) {
      if (stored.full_name().empty()) continue;
      keys[stored.full_name()].push_back(stored.checkpoint_key());
      called[stored.checkpoint_key()] = stored.full_name();
    }
  for (auto& [name, variable] : variables) {
    const std::string restored = variable.keys.back();
    const auto* entry = file.bundle ? file.bundle->find(restored) : nullptr;
    const auto full_name = called.find(restored);
    if (!entry || full_name == called.end()) continue;
    for (const std::string& key : keys[full_name->second]) {
      const auto* copy = file.bundle->find(key);
      if (!copy || key == restored) continue;
      if (same_content(*entry, *copy))
        variable.keys.insert(variable.keys.begin(), key);
      else
        variable.copies_differ = true;
    }
  }
}

bool assigns(const wire::Node& node) {
  return (node.op() == "AssignVariableOp" || node.op() == "Assign") && node.input_size() >= 2;
}

}  // namespace

std::string variable_name(const wire::Node& node) {
  if (node.op() != "VarHandleOp" && node.op() != "VariableV2" && node.op() != "Variable") return "";
  const wire::Attribute* shared = wire::find_attribute(node, "shared_name");
  return shared && !shared->s().empty() ? shared->s() : node.name();
}

Variables variables_of(const File& file) {
  Variables out;
  if (!file.saved) return out;
  const wire::Graph& graph = file.graph();
  const Restorer main(graph.node());
  const auto note = [&](const wire::Node* handle, const std::string& key) {
    const std::string name = handle ? variable_name(*handle) : "";
    if (!name.empty() && !key.empty()) out[name].keys.push_back(key);
  };
  for (const auto& node : graph.node())
    if (assigns(node)) note(main.find(node.input(0)), main.key_of(node.input(1)));

  const wire::Node* call = main.find(file.serving().saver_def().restore_op_name());
  const int function = call ? function_at(graph, *call, "f") : -1;
  if (function < 0) {
    add_copies(file, out);
    return out;
  }
  const auto& body = graph.library().function(function);
  const Restorer inside(body.node_def());
  std::unordered_map<std::string, std::string> given;  // what the call gives, by the function's argument
  for (int i = 0; i < body.signature().input_arg_size() && i < call->input_size(); ++i)
    given[body.signature().input_arg(i).name()] = call->input(i);
  for (const auto& node : body.node_def())
    if (assigns(node))
      if (const auto handle = given.find(node_of(node.input(0))); handle != given.end())
        note(main.find(handle->second), inside.key_of(node.input(1)));
  add_copies(file, out);
  return out;
}

}  // namespace fetafix::formats::tensorflow
