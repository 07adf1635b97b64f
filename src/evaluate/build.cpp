#include "evaluate/build.h"

#include <algorithm>
#include <map>

#include "evaluate/clipped_lstm.h"
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
    if (name != "cell_clip")  // none: clipped_lstm.h
      onnx_wire::write_attribute(name, value, *wire.add_attribute());
}

// Writes nested graphs. Nested names start with `prefix`, which no name of the enclosing graphs does.
class BodyWriter {
 public:
  explicit BodyWriter(std::string prefix) : prefix_(std::move(prefix)) {}

  // `inputs` are the node's, by their names in the enclosing graph.
  void write(const graph::Node& node, const std::vector<std::string>& inputs, onnx_wire::Node& wire) {
    for (const auto& [name, body] : node.bodies) {
      auto* attribute = wire.add_attribute();
      attribute->set_name(name);
      attribute->set_type(5);  // GRAPH
      attribute->mutable_g()->set_name(name);
      write(body, inputs, node.type, *attribute->mutable_g());
    }
  }

 private:
  std::string fresh() { return prefix_ + std::to_string(count_++); }

  void write(const graph::Body& body, const std::vector<std::string>& outside, const std::string& owner,
             onnx_wire::Graph& wire) {
    const Graph& graph = *body.graph;
    std::map<ValueId, std::string> names;
    for (const auto& [id, input] : body.captures) names[id] = outside[input];
    for (ValueId id : graph.inputs) {
      auto* input = wire.add_input();
      input->set_name(names[id] = fresh());
      // Shapes may change from one step to the next; those of a Loop's step and condition ONNX Runtime wants.
      const graph::Value& value = graph.value(id);
      const bool counts = owner == "Loop" && wire.input_size() <= 2;
      if (value.dtype != DType::unknown)
        onnx_wire::write_type(value.dtype, counts ? value.shape.value_or(Shape{}) : std::optional<Shape>(),
                              *input->mutable_type());
    }
    const auto name = [&](ValueId id) {
      if (id == graph::no_value) return std::string();
      auto [found, added] = names.try_emplace(id);
      if (!added) return found->second;
      found->second = fresh();
      if (graph.value(id).is_constant()) {
        auto* tensor = wire.add_initializer();
        onnx_wire::write_tensor(graph.value(id).constant, *tensor);
        tensor->set_name(found->second);
      }
      return found->second;
    };
    for (const graph::Node& node : graph.nodes) {
      auto* to = wire.add_node();
      write_node(node, *to);
      std::vector<std::string> inputs;
      for (ValueId id : node.inputs) inputs.push_back(name(id));
      for (size_t i = 0; i < graph::own_inputs(node); ++i) to->add_input(inputs[i]);
      for (ValueId id : node.outputs) to->add_output(name(id));
      write(node, inputs, *to);
    }
    // ONNX wants outputs to be different values that a node of this graph computes.
    for (ValueId id : graph.outputs) {
      auto* identity = wire.add_node();
      identity->set_op_type("Identity");
      identity->add_input(name(id));
      identity->add_output(fresh());
      auto* output = wire.add_output();
      output->set_name(identity->output(0));
      // A Scan's shapes do not change, and ONNX Runtime wants their ranks where it can't infer them.
      const graph::Value& value = graph.value(id);
      if (owner == "Scan" && value.shape && value.dtype != DType::unknown)
        onnx_wire::write_type(value.dtype, value.shape, *output->mutable_type());
    }
  }

  std::string prefix_;
  size_t count_ = 0;
};

// What in a node can't be said in ONNX.
const graph::Node* opaque_part(const graph::Node& node) {
  if (node.opaque) return &node;
  for (const auto& [name, body] : node.bodies)
    for (const graph::Node& inner : body.graph->nodes)
      if (const auto* found = opaque_part(inner)) return found;
  return nullptr;
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
    if (const auto scan = without_cell_clip(node)) return add(*scan);
    if (const auto* opaque = opaque_part(node))
      return Error{ErrorKind::unsupported, "'" + opaque->type + "' is opaque and can't be evaluated here"};
    auto* wire = model_.mutable_graph()->add_node();
    write_node(node, *wire);
    std::vector<std::string> inputs;
    for (ValueId in : node.inputs) {
      if (in != graph::no_value) FETAFIX_CHECK(read(in));
      inputs.push_back(in == graph::no_value ? "" : name(in));
    }
    for (size_t i = 0; i < graph::own_inputs(node); ++i) wire->add_input(inputs[i]);
    bodies_.write(node, inputs, *wire);
    for (ValueId out : node.outputs) {
      // A fed value is not computed: its node writes to a name that nobody reads.
      const bool hidden = out != graph::no_value && fed_.contains(out);
      if (out == graph::no_value && node.type == "Scan")  // ONNX Runtime wants them all
        wire->add_output("unused" + std::to_string(unwanted_++));
      else
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
  BodyWriter bodies_{"body"};
  size_t unwanted_ = 0;
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
  BodyWriter bodies("//body/");
  size_t unwanted_count = 0;
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
  for (const graph::Node& viewed : graph.nodes) {
    const auto scan = without_cell_clip(viewed);
    const graph::Node& node = scan ? *scan : viewed;
    if (const auto* opaque = opaque_part(node))
      return Error{ErrorKind::unsupported, "'" + opaque->type + "' is opaque"};
    auto* wire = out.add_node();
    write_node(node, *wire);
    std::vector<std::string> inputs;
    for (ValueId in : node.inputs) inputs.push_back(in == graph::no_value ? "" : graph.value(in).name);
    for (size_t i = 0; i < graph::own_inputs(node); ++i) wire->add_input(inputs[i]);
    bodies.write(node, inputs, *wire);
    for (ValueId v : node.outputs) {
      const std::string unwanted = node.type == "Scan" ? "//unused" + std::to_string(unwanted_count++) : "";
      wire->add_output(v == graph::no_value ? unwanted : graph.value(v).name);
    }
  }
  for (ValueId id : graph.outputs) out.add_output()->set_name(graph.value(id).name);
  return model.SerializeAsString();
}

}  // namespace fetafix::evaluate
