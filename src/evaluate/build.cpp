#include "evaluate/build.h"

#include <algorithm>
#include <map>

#include "onnx_wire/convert.h"

namespace fetafix::evaluate {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::ValueId;

// Shapes, axes and the like: ONNX Runtime plans better when it sees them, and they are part of what the
// operator is.
bool is_structural(const Tensor& tensor) {
  return is_integer(tensor.dtype()) && tensor.size() <= 64;
}

onnx_wire::Model empty_model() {
  onnx_wire::Model model;
  model.set_ir_version(10);  // the version that opset 21 came with
  auto* opset = model.add_opset_import();
  opset->set_domain("");
  opset->set_version(graph::view_opset);
  auto* contrib = model.add_opset_import();
  contrib->set_domain("com.microsoft");
  contrib->set_version(1);
  model.mutable_graph()->set_name("piece");
  return model;
}

void write_node(const graph::Node& node, onnx_wire::Node& wire) {
  wire.set_op_type(node.type);
  if (!node.domain.empty()) wire.set_domain(node.domain);
  for (const auto& [name, value] : node.attributes)
    onnx_wire::write_attribute(name, value, *wire.add_attribute());
}

class Builder {
 public:
  explicit Builder(const Graph& graph) : graph_(graph), model_(empty_model()) {}

  Result<BuiltModel> run(std::span<const NodeId> nodes, const std::vector<std::pair<ValueId, DType>>& fed,
                         std::span<const ValueId> wanted) {
    for (const auto& [value, dtype] : fed) fed_[value] = dtype;
    for (NodeId id : nodes) FETAFIX_CHECK(add(graph_.node(id)));
    for (ValueId id : wanted) {
      if (!names_.contains(id) || fed_.contains(id) || graph_.value(id).is_constant())
        return Error{ErrorKind::internal, "'" + graph_.value(id).name + "' is not computed by these nodes"};
      model_.mutable_graph()->add_output()->set_name(names_[id]);
      built_.output_names.push_back(names_[id]);
    }
    built_.bytes = model_.SerializeAsString();
    return std::move(built_);
  }

 private:
  const std::string& name(ValueId id) {
    auto [it, added] = names_.try_emplace(id);
    if (added) it->second = "v" + std::to_string(names_.size() - 1);
    return it->second;
  }

  void add_input(ValueId id, DType dtype) {
    auto* input = model_.mutable_graph()->add_input();
    input->set_name(name(id));
    onnx_wire::write_type(dtype, std::nullopt, *input->mutable_type());
    built_.input_names.push_back(input->name());
    built_.input_values.push_back(id);
  }

  Status read(ValueId id) {
    if (names_.contains(id)) return {};
    const graph::Value& value = graph_.value(id);
    if (auto found = fed_.find(id); found != fed_.end()) {
      add_input(id, found->second);
    } else if (!value.is_constant()) {
      return Error{ErrorKind::internal, "'" + value.name + "' is neither given nor computed here"};
    } else if (is_structural(value.constant)) {
      auto* tensor = model_.mutable_graph()->add_initializer();
      onnx_wire::write_tensor(value.constant, *tensor);
      tensor->set_name(name(id));
    } else {
      add_input(id, value.dtype);
    }
    return {};
  }

  Status add(const graph::Node& node) {
    if (node.opaque)
      return Error{ErrorKind::unsupported, "'" + node.type + "' is opaque and can't be evaluated here"};
    auto* wire = model_.mutable_graph()->add_node();
    write_node(node, *wire);
    for (ValueId in : node.inputs) {
      if (in != graph::no_value) FETAFIX_CHECK(read(in));
      wire->add_input(in == graph::no_value ? "" : name(in));
    }
    for (ValueId out : node.outputs) {
      // A fed value is not computed: its node writes to a name that nobody reads.
      const bool hidden = out != graph::no_value && fed_.contains(out);
      wire->add_output(out == graph::no_value ? "" : hidden ? "unused_" + name(out) : name(out));
      if (hidden &&
          built_.input_values.end() == std::find(built_.input_values.begin(), built_.input_values.end(), out))
        add_input(out, fed_[out]);
    }
    return {};
  }

  const Graph& graph_;
  onnx_wire::Model model_;
  BuiltModel built_;
  std::map<ValueId, std::string> names_;
  std::map<ValueId, DType> fed_;
};

}  // namespace

Result<BuiltModel> build_model(const Graph& graph, std::span<const NodeId> nodes,
                               const std::vector<std::pair<ValueId, DType>>& fed,
                               std::span<const ValueId> wanted) {
  return Builder(graph).run(nodes, fed, wanted);
}

Result<std::string> to_onnx(const Graph& graph) {
  onnx_wire::Model model = empty_model();
  auto& out = *model.mutable_graph();
  for (ValueId id : graph.inputs) {
    auto* input = out.add_input();
    input->set_name(graph.value(id).name);
    onnx_wire::write_type(graph.value(id).dtype, graph.value(id).shape, *input->mutable_type());
  }
  for (const graph::Value& value : graph.values) {
    if (!value.is_constant()) continue;
    auto* tensor = out.add_initializer();
    onnx_wire::write_tensor(value.constant, *tensor);
    tensor->set_name(value.name);
  }
  for (const graph::Node& node : graph.nodes) {
    if (node.opaque) return Error{ErrorKind::unsupported, "'" + node.type + "' is opaque"};
    auto* wire = out.add_node();
    write_node(node, *wire);
    for (ValueId in : node.inputs) wire->add_input(in == graph::no_value ? "" : graph.value(in).name);
    for (ValueId v : node.outputs) wire->add_output(v == graph::no_value ? "" : graph.value(v).name);
  }
  for (ValueId id : graph.outputs) out.add_output()->set_name(graph.value(id).name);
  return model.SerializeAsString();
}

}  // namespace fetafix::evaluate
