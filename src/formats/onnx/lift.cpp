// Lifting ONNX is close to the identity: one native node is one view node of opset 21 (upgrade.h).
#include <algorithm>
#include <map>
#include <set>

#include "formats/onnx/external.h"
#include "formats/onnx/model.h"
#include "formats/onnx/operands.h"
#include "formats/onnx/order.h"
#include "formats/onnx/upgrade.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::onnx {
namespace {

namespace fs = std::filesystem;
using graph::Node;
using graph::ValueId;

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

class Lifter {
 public:
  Lifter(const onnx_wire::Graph& graph, const fs::path& folder, int opset, ExternalBudget& budget,
         std::string path = "")
      : graph_(graph), folder_(folder), opset_(opset), budget_(budget), path_(std::move(path)) {}

  Result<Lifted> run() {
    if (opset_ < 7)
      return Error{ErrorKind::unsupported,
                   "operator set " + std::to_string(opset_) +
                       " is not supported; expected 7 or newer (convert the file with "
                       "onnx.version_converter first)"};
    FETAFIX_CHECK(lift());
    FETAFIX_CHECK(graph::verify(out_.graph));
    return std::move(out_);
  }

 private:
  Status lift() {
    FETAFIX_CHECK(add_initializers());
    FETAFIX_CHECK(add_inputs());
    FETAFIX_TRY(std::vector<int> indices, order());
    for (int index : indices) FETAFIX_CHECK(add_node(index));
    for (const auto& output : graph_.output()) {
      auto found = ids_.find(output.name());
      if (found == ids_.end()) return broken("model output '" + output.name() + "' is never computed");
      out_.graph.outputs.push_back(found->second);
      describe(found->second, output);
    }
    for (const auto& info : graph_.value_info())
      if (auto found = ids_.find(info.name()); found != ids_.end()) describe(found->second, info);
    return {};
  }

  void describe(ValueId id, const onnx_wire::ValueInfo& info) {
    graph::Value& value = out_.graph.value(id);
    if (value.is_constant() || !info.type().has_tensor_type()) return;
    if (value.dtype == DType::unknown)
      value.dtype = graph::dtype_of_onnx_type(info.type().tensor_type().elem_type());
    if (!value.shape) value.shape = onnx_wire::read_shape(info.type());
  }

  Status add_initializers() {
    for (int i = 0; i < graph_.initializer_size(); ++i) {
      const auto& wire = graph_.initializer(i);
      auto tensor = onnx_wire::read_tensor(wire, folder_);
      if (!tensor.ok() && tensor.error().kind == ErrorKind::unsupported) {
        unread_.insert(wire.name());
        continue;
      }
      if (!tensor.ok()) return std::move(tensor).error();
      FETAFIX_CHECK(take(wire, *tensor));
      graph::Lens lens;
      lens.native_tensor = i;
      if (ids_.contains(wire.name())) return broken("two initializers are named '" + wire.name() + "'");
      ids_[wire.name()] = out_.graph.add_constant(wire.name(), std::move(tensor).value(), lens);
      out_.graph.value(ids_[wire.name()]).native_name = wire.name();
    }
    return {};
  }

  Status take(const onnx_wire::Tensor& wire, const Tensor& tensor) {
    if (budget_.take(wire, tensor.byte_size())) return {};
    return broken("tensor '" + wire.name() + "': the same external data is read by too many tensors");
  }

  Result<graph::Attribute> read_attribute(const onnx_wire::Attribute& wire) {
    FETAFIX_TRY(auto value, onnx_wire::read_attribute(wire, folder_));
    if (const auto* tensor = std::get_if<Tensor>(&value)) FETAFIX_CHECK(take(wire.t(), *tensor));
    return value;
  }

  Status add_inputs() {
    for (const auto& input : graph_.input()) {
      // An initializer that may be overridden.
      if (ids_.contains(input.name()) || unread_.contains(input.name())) continue;
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

  Result<std::vector<int>> order() const {
    std::set<std::string> known;
    for (const auto& [name, id] : ids_) known.insert(name);
    known.insert(unread_.begin(), unread_.end());
    return execution_order(graph_, known);
  }

  // Strings and other types that no view holds: who reads them is opaque.
  Status leave_unread(const onnx_wire::Node& wire) {
    unread_.insert(wire.output().begin(), wire.output().end());
    return {};
  }

  Status add_constant_node(const onnx_wire::Node& wire, int index) {
    for (const auto& attribute : wire.attribute()) {
      auto value_read = read_attribute(attribute);
      if (!value_read.ok() && value_read.error().kind == ErrorKind::unsupported) return leave_unread(wire);
      FETAFIX_TRY(auto value, std::move(value_read));
      Tensor tensor;
      if (auto* t = std::get_if<Tensor>(&value)) tensor = *t;
      if (auto* i = std::get_if<int64_t>(&value)) tensor = Tensor::scalar(*i);
      if (auto* f = std::get_if<float>(&value)) tensor = Tensor::scalar(*f);
      if (auto* v = std::get_if<std::vector<int64_t>>(&value)) tensor = Tensor::vector(*v);
      if (auto* v = std::get_if<std::vector<float>>(&value)) tensor = Tensor::vector(*v);
      if (tensor.empty() || wire.output_size() != 1) return leave_unread(wire);
      if (ids_.contains(wire.output(0)))
        return broken(label(wire, index) + " computes '" + wire.output(0) + "', which exists already");
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
    node.native = {path_, index};
    bool readable = node.domain.empty() || node.domain == "com.microsoft";
    for (int i = 0; i < wire.input_size(); ++i) {
      const bool unread = unread_.contains(wire.input(i));
      node.inputs.push_back(wire.input(i).empty() || unread ? graph::no_value : ids_.at(wire.input(i)));
      node.slots.push_back(i);
      readable = readable && !unread;
    }
    readable = readable && has_its_operands(node);
    for (const auto& attribute : wire.attribute()) {
      if (attribute.has_g()) continue;  // add_bodies
      auto value = read_attribute(attribute);
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
    const std::string foreign = add_bodies(node, wire, index);
    if (readable && foreign.empty() && !node.bodies.empty()) {
      out_.notes.push_back(label(wire, index) +
                           " is judged as a whole: of what lies inside, the parameters of an LSTM or GRU "
                           "alone can be told apart and repaired");
      out_.graph.add_node(std::move(node));
      return {};
    }
    if (readable && foreign.empty() &&
        add_upgraded(out_.graph, node, node.domain.empty() ? opset_ : graph::view_opset))
      return {};
    return add_opaque(std::move(node), wire, index,
                      foreign.empty() ? "its meaning is not known here" : "inside, " + foreign);
  }

  static bool has_its_operands(const Node& node) {
    const auto needed = static_cast<size_t>(node.domain.empty() ? fewest_operands(node.type) : 0);
    return node.inputs.size() >= needed &&
           std::none_of(node.inputs.begin(), node.inputs.begin() + static_cast<std::ptrdiff_t>(needed),
                        [](ValueId in) { return in == graph::no_value; });
  }

  // Lifts the nested graphs of a node; what they capture become inputs. Returns what in them has no meaning
  // here; then the node stays without.
  std::string add_bodies(Node& node, const onnx_wire::Node& wire, int index) {
    const Node bare = node;
    std::map<std::string, size_t> inputs;  // of captured names
    for (const auto& attribute : wire.attribute()) {
      if (!attribute.has_g()) continue;
      // Before opset 9 a Scan had a batch dimension.
      const bool known = node.type == "Loop" || node.type == "If" || (node.type == "Scan" && opset_ >= 9);
      if (!node.domain.empty() || !known) return node.type + " with a graph is not known here";
      Lifter nested(attribute.g(), folder_, opset_, budget_,
                    path_ + "/" + std::to_string(index) + ":" + attribute.name());
      graph::Body body;
      for (const std::string& name : names_captured(attribute.g())) {
        if (unread_.contains(name)) {
          node = bare;
          return "'" + name + "' is of a type that can't be read";
        }
        const ValueId outside = ids_.at(name);
        const auto [input, added] = inputs.try_emplace(name, node.inputs.size());
        if (added) {
          node.inputs.push_back(outside);
          node.slots.push_back(-1);
        }
        body.captures[nested.capture(name, out_.graph.value(outside))] = input->second;
      }
      std::string foreign;
      if (auto status = nested.lift(); !status.ok()) foreign = status.error().message;
      for (const Node& inner : nested.out_.graph.nodes)
        if (inner.opaque && foreign.empty())
          foreign = label(attribute.g().node(inner.native.index), inner.native.index) + " is opaque";
      if (!foreign.empty()) {
        node = bare;
        return foreign;
      }
      body.graph = std::make_shared<graph::Graph>(std::move(nested.out_.graph));
      node.bodies[attribute.name()] = std::move(body);
    }
    return "";
  }

  ValueId capture(const std::string& name, const graph::Value& outside) {
    const ValueId id = computed(name);
    out_.graph.value(id).dtype = outside.dtype;
    out_.graph.value(id).shape = outside.shape;
    return id;
  }

  Status add_opaque(Node node, const onnx_wire::Node& wire, int index, const std::string& why) {
    node.opaque = true;
    node.attributes.clear();
    std::set<ValueId> have(node.inputs.begin(), node.inputs.end());
    for (const std::string& name : names_read(wire)) {  // what nested graphs capture is read too
      if (unread_.contains(name)) continue;
      const ValueId id = ids_.at(name);
      if (have.insert(id).second) {
        node.inputs.push_back(id);
        node.slots.push_back(-1);
      }
    }
    out_.notes.push_back(label(wire, index) + " is opaque: " + why);
    out_.graph.add_node(std::move(node));
    return {};
  }

  const onnx_wire::Graph& graph_;
  const fs::path& folder_;
  int opset_;
  ExternalBudget& budget_;
  std::string path_;  // of a nested graph
  Lifted out_;
  std::map<std::string, ValueId> ids_;
  std::set<std::string> unread_;  // constants that the file keeps and the view does not hold
};

}  // namespace

Result<Lifted> lift_model(const onnx_wire::Model& model, const fs::path& folder) {
  ExternalBudget budget(model, folder);
  return Lifter(model.graph(), folder, default_opset(model), budget).run();
}

}  // namespace fetafix::formats::onnx
