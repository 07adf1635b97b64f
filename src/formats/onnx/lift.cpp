// Lifting ONNX is close to the identity: one native node is one view node of opset 21 (upgrade.h).
#include <algorithm>
#include <map>
#include <set>

#include "formats/onnx/model.h"
#include "formats/onnx/upgrade.h"

namespace fetafix::formats::onnx {
namespace {

namespace fs = std::filesystem;
using graph::Node;
using graph::ValueId;

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

std::string label(const onnx_wire::Node& node, int index) {
  return "node " + std::to_string(index) + " (" + node.op_type() +
         (node.name().empty() ? "" : " '" + node.name() + "'") + ")";
}

// Names of the enclosing graph that a nested graph reads.
void captured_names(const onnx_wire::Graph& nested, std::set<std::string> local, std::set<std::string>& out) {
  for (const auto& input : nested.input()) local.insert(input.name());
  for (const auto& tensor : nested.initializer()) local.insert(tensor.name());
  for (const auto& node : nested.node()) {
    for (const auto& name : node.input())
      if (!name.empty() && !local.contains(name)) out.insert(name);
    for (const auto& attribute : node.attribute())
      if (attribute.has_g()) captured_names(attribute.g(), local, out);
    for (const auto& name : node.output()) local.insert(name);
  }
  for (const auto& output : nested.output())
    if (!local.contains(output.name())) out.insert(output.name());
}

class Lifter {
 public:
  Lifter(const onnx_wire::Model& model, const fs::path& folder)
      : model_(model), graph_(model.graph()), folder_(folder), opset_(default_opset(model)) {}

  Result<Lifted> run() {
    if (opset_ < 7)
      return Error{ErrorKind::unsupported,
                   "operator set " + std::to_string(opset_) +
                       " is not supported; expected 7 or newer (convert the file with "
                       "onnx.version_converter first)"};
    FETAFIX_CHECK(add_initializers());
    FETAFIX_CHECK(add_inputs());
    FETAFIX_TRY(std::vector<int> order, topological_order());
    for (int index : order) FETAFIX_CHECK(add_node(index));
    for (const auto& output : graph_.output()) {
      auto found = ids_.find(output.name());
      if (found == ids_.end()) return broken("model output '" + output.name() + "' is never computed");
      out_.graph.outputs.push_back(found->second);
      describe(found->second, output);
    }
    for (const auto& info : graph_.value_info())
      if (auto found = ids_.find(info.name()); found != ids_.end()) describe(found->second, info);
    FETAFIX_CHECK(graph::verify(out_.graph));
    return std::move(out_);
  }

 private:
  void describe(ValueId id, const onnx_wire::ValueInfo& info) {
    graph::Value& value = out_.graph.value(id);
    if (value.is_constant() || !info.type().has_tensor_type()) return;
    if (value.dtype == DType::unknown)
      value.dtype = onnx_wire::dtype_from_code(info.type().tensor_type().elem_type());
    if (!value.shape) value.shape = onnx_wire::read_shape(info.type());
  }

  Status add_initializers() {
    for (int i = 0; i < graph_.initializer_size(); ++i) {
      const auto& wire = graph_.initializer(i);
      auto tensor = onnx_wire::read_tensor(wire, folder_);
      if (!tensor.ok()) return std::move(tensor).error();
      graph::Lens lens;
      lens.native_tensor = i;
      if (ids_.contains(wire.name())) return broken("two initializers are named '" + wire.name() + "'");
      ids_[wire.name()] = out_.graph.add_constant(wire.name(), std::move(tensor).value(), lens);
      out_.graph.value(ids_[wire.name()]).native_name = wire.name();
    }
    return {};
  }

  Status add_inputs() {
    for (const auto& input : graph_.input()) {
      if (ids_.contains(input.name())) continue;  // an initializer that may be overridden
      if (input.has_type() && !input.type().has_tensor_type())
        return Error{ErrorKind::unsupported,
                     "model input '" + input.name() + "' is not a tensor (sequence, map or optional)"};
      const ValueId id = computed(input.name());
      describe(id, input);
      out_.graph.inputs.push_back(id);
    }
    return {};
  }

  ValueId computed(const std::string& name) {
    graph::Value value;
    value.name = name;
    value.native_name = name;
    value.native_tensor = static_cast<int>(ids_.size());
    return ids_[name] = out_.graph.add_value(std::move(value));
  }

  // Files should be in order; many that are not still load, so sort stably by what is ready first.
  Result<std::vector<int>> topological_order() {
    std::set<std::string> known;
    for (const auto& [name, id] : ids_) known.insert(name);
    std::vector<int> order;
    std::vector<int> waiting;
    for (int i = 0; i < graph_.node_size(); ++i) waiting.push_back(i);
    while (!waiting.empty()) {
      std::vector<int> later;
      for (int i : waiting) {
        if (ready(graph_.node(i), known)) {
          order.push_back(i);
          for (const auto& name : graph_.node(i).output()) known.insert(name);
        } else {
          later.push_back(i);
        }
      }
      if (later.size() == waiting.size()) return unready(graph_.node(later.front()), later.front(), known);
      waiting = std::move(later);
    }
    return order;
  }

  static std::set<std::string> reads(const onnx_wire::Node& node) {
    std::set<std::string> names(node.input().begin(), node.input().end());
    for (const auto& attribute : node.attribute())
      if (attribute.has_g()) captured_names(attribute.g(), {}, names);
    names.erase("");
    return names;
  }

  static bool ready(const onnx_wire::Node& node, const std::set<std::string>& known) {
    for (const auto& name : reads(node))
      if (!known.contains(name)) return false;
    return true;
  }

  static Error unready(const onnx_wire::Node& node, int index, const std::set<std::string>& known) {
    for (const auto& name : reads(node))
      if (!known.contains(name))
        return broken(label(node, index) + " reads '" + name +
                      "', which nothing computes, or which depends on this node");
    return broken(label(node, index) + " can't be ordered");
  }

  Status add_constant_node(const onnx_wire::Node& wire, int index) {
    for (const auto& attribute : wire.attribute()) {
      FETAFIX_TRY(auto value, onnx_wire::read_attribute(attribute, folder_));
      Tensor tensor;
      if (auto* t = std::get_if<Tensor>(&value)) tensor = *t;
      if (auto* i = std::get_if<int64_t>(&value)) tensor = Tensor::scalar(*i);
      if (auto* f = std::get_if<float>(&value)) tensor = Tensor::scalar(*f);
      if (auto* v = std::get_if<std::vector<int64_t>>(&value)) tensor = Tensor::vector(*v);
      if (auto* v = std::get_if<std::vector<float>>(&value)) tensor = Tensor::vector(*v);
      if (tensor.empty() || wire.output_size() != 1)
        return Error{ErrorKind::unsupported,
                     label(wire, index) + ": a constant that is not a numeric tensor"};
      graph::Lens lens;
      lens.attribute = attribute.name();
      const ValueId id = out_.graph.add_constant(wire.output(0), std::move(tensor), lens);
      out_.graph.value(id).native_name = wire.output(0);
      ids_[wire.output(0)] = id;
      return {};
    }
    return broken(label(wire, index) + ": a constant without a value");
  }

  Status add_node(int index) {
    const auto& wire = graph_.node(index);
    if (wire.op_type() == "Constant" && wire.domain().empty()) return add_constant_node(wire, index);
    Node node;
    node.type = wire.op_type();
    node.domain = wire.domain() == "ai.onnx" ? "" : wire.domain();
    node.name = wire.name();
    node.native.index = index;
    for (int i = 0; i < wire.input_size(); ++i) {
      node.inputs.push_back(wire.input(i).empty() ? graph::no_value : ids_.at(wire.input(i)));
      node.slots.push_back(i);
    }
    bool readable = node.domain.empty() || node.domain == "com.microsoft";
    for (const auto& attribute : wire.attribute()) {
      auto value = onnx_wire::read_attribute(attribute, folder_);
      if (value.ok())
        node.attributes[attribute.name()] = std::move(value).value();
      else if (value.error().kind == ErrorKind::unsupported)
        readable = false;
      else
        return in_context(label(wire, index), std::move(value).error());
    }
    for (const auto& name : wire.output()) {
      if (ids_.contains(name))
        return broken(label(wire, index) + " computes '" + name + "', which exists already");
      node.outputs.push_back(name.empty() ? graph::no_value : computed(name));
    }
    if (readable && add_upgraded(out_.graph, node, node.domain.empty() ? opset_ : graph::view_opset))
      return {};
    return add_opaque(std::move(node), wire, index);
  }

  Status add_opaque(Node node, const onnx_wire::Node& wire, int index) {
    node.opaque = true;
    node.attributes.clear();
    for (const std::string& name : reads(wire)) {  // what nested graphs capture is read too
      const ValueId id = ids_.at(name);
      if (std::find(node.inputs.begin(), node.inputs.end(), id) == node.inputs.end()) {
        node.inputs.push_back(id);
        node.slots.push_back(-1);
      }
    }
    out_.notes.push_back(label(wire, index) + " is opaque: its meaning is not known here");
    out_.graph.add_node(std::move(node));
    return {};
  }

  const onnx_wire::Model& model_;
  const onnx_wire::Graph& graph_;
  const fs::path& folder_;
  int opset_;
  Lifted out_;
  std::map<std::string, ValueId> ids_;
};

}  // namespace

Result<Lifted> lift_model(const onnx_wire::Model& model, const fs::path& folder) {
  return Lifter(model, folder).run();
}

}  // namespace fetafix::formats::onnx
