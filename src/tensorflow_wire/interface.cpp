#include "tensorflow_wire/interface.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

namespace fetafix::tensorflow_wire {
namespace {

// What a SavedModel keeps among its signatures for its loader.
bool is_for_the_loader(const std::string& key) {
  return key.starts_with("__saved_model_");
}

std::vector<Port> ports_of(const google::protobuf::RepeatedPtrField<TensorInfoEntry>& entries) {
  std::vector<Port> out;
  for (const auto& entry : entries) {
    const TensorInfo& info = entry.value();
    out.push_back({entry.key(), info.name(), dtype_from_code(info.dtype()), read_shape(info.tensor_shape())});
  }
  std::sort(out.begin(), out.end(), [](const Port& a, const Port& b) { return a.key < b.key; });
  return out;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "'" : ", '") + name + "'";
  return out.empty() ? "none" : out;
}

bool gives_nothing(const std::string& op) {
  static const std::set<std::string> ops{"NoOp",  "Placeholder", "Assert",
                                         "Const", "VarHandleOp", "VariableV2"};
  return ops.contains(op);
}

}  // namespace

std::pair<std::string, int> split_tensor_name(const std::string& tensor) {
  const size_t colon = tensor.rfind(':');
  if (colon == std::string::npos) return {tensor, 0};
  int number = -1;
  const char* end = tensor.data() + tensor.size();
  if (std::from_chars(tensor.data() + colon + 1, end, number).ptr != end || number < 0) return {tensor, -1};
  return {tensor.substr(0, colon), number};
}

Result<const MetaGraph*> serving_graph(const SavedModel& model) {
  std::vector<std::string> tags;
  for (const auto& graph : model.meta_graphs()) {
    for (const auto& tag : graph.meta_info_def().tags()) {
      if (tag == "serve") return &graph;
      tags.push_back(tag);
    }
  }
  if (model.meta_graphs_size() == 1) return &model.meta_graphs(0);
  if (model.meta_graphs_size() == 0) return Error{ErrorKind::file, "a SavedModel without a graph"};
  return Error{ErrorKind::unsupported, "none of the " + std::to_string(model.meta_graphs_size()) +
                                           " graphs of the SavedModel is tagged 'serve'; found tags " +
                                           listed(tags)};
}

Result<MetaGraph*> serving_graph(SavedModel& model) {
  FETAFIX_TRY(const MetaGraph* found, serving_graph(std::as_const(model)));
  return const_cast<MetaGraph*>(found);
}

Result<Interface> interface_of(const MetaGraph& graph, const std::string& signature) {
  std::map<std::string, const SignatureDef*> found;
  std::vector<std::string> names;
  for (const auto& entry : graph.signature_def())
    if (!is_for_the_loader(entry.key()) && entry.value().outputs_size() > 0) {
      found[entry.key()] = &entry.value();
      names.push_back(entry.key());
    }
  std::string chosen = signature;
  if (chosen.empty() && found.contains("serving_default")) chosen = "serving_default";
  if (chosen.empty() && found.size() == 1) chosen = found.begin()->first;
  if (!found.contains(chosen))
    return Error{
        ErrorKind::usage,
        (signature.empty()
             ? std::string(found.empty() ? "the SavedModel has no signature to run (save it again with "
                                           "signatures=...)"
                                         : "the SavedModel has several signatures and none is chosen")
             : "the SavedModel has no signature '" + signature + "'") +
            "; signatures found: " + listed(names)};
  return Interface{chosen, ports_of(found[chosen]->inputs()), ports_of(found[chosen]->outputs())};
}

Result<Interface> interface_of(const Graph& graph) {
  std::set<std::string> read;
  for (const auto& node : graph.node())
    for (const std::string& input : node.input()) {
      const std::string name = input.starts_with("^") ? input.substr(1) : input;
      read.insert(split_tensor_name(name).first);
    }
  Interface out;
  for (const auto& node : graph.node()) {
    if (node.op() == "Placeholder") {
      const Attribute* dtype = find_attribute(node, "dtype");
      const Attribute* shape = find_attribute(node, "shape");
      out.inputs.push_back({node.name(), node.name() + ":0",
                            dtype ? dtype_from_code(dtype->type()) : DType::unknown,
                            shape ? read_shape(shape->shape()) : std::nullopt});
    } else if (!read.contains(node.name()) && !gives_nothing(node.op())) {
      out.outputs.push_back({node.name(), node.name() + ":0", DType::unknown, std::nullopt});
    }
  }
  if (out.outputs.empty())
    return Error{ErrorKind::file, "a graph whose results are all read again: no output"};
  return out;
}

}  // namespace fetafix::tensorflow_wire
