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
    if (!name.empty() && !key.empty()) out[name].push_back(key);
  };
  for (const auto& node : graph.node())
    if (assigns(node)) note(main.find(node.input(0)), main.key_of(node.input(1)));

  const wire::Node* call = main.find(file.serving().saver_def().restore_op_name());
  const int function = call ? function_at(graph, *call, "f") : -1;
  if (function < 0) return out;
  const auto& body = graph.library().function(function);
  const Restorer inside(body.node_def());
  std::unordered_map<std::string, std::string> given;  // what the call gives, by the function's argument
  for (int i = 0; i < body.signature().input_arg_size() && i < call->input_size(); ++i)
    given[body.signature().input_arg(i).name()] = call->input(i);
  for (const auto& node : body.node_def())
    if (assigns(node))
      if (const auto handle = given.find(node_of(node.input(0))); handle != given.end())
        note(main.find(handle->second), inside.key_of(node.input(1)));
  return out;
}

}  // namespace fetafix::formats::tensorflow
