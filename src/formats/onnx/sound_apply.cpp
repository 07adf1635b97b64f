// The edits that work on a file's names, types and versions as they stand.
#include <algorithm>

#include "formats/onnx/names.h"
#include "formats/onnx/operands.h"
#include "formats/onnx/order.h"
#include "formats/onnx/sound.h"

namespace fetafix::formats::onnx {

namespace {

Error cannot(const std::string& why) {
  return {ErrorKind::unsupported, why};
}

class FileEditor {
 public:
  explicit FileEditor(onnx_wire::Model& model) : model_(model), graph_(*model.mutable_graph()) {}

  // True: done. False: it wants a view.
  Result<bool> apply(const graph::Edit& edit) {
    return std::visit([&](const auto& one) { return apply_one(one); }, edit);
  }

 private:
  template <class Other>
  Result<bool> apply_one(const Other&) {
    return false;
  }

  Result<onnx_wire::Node*> node(const graph::Address& at) {
    if (!at.op.graph.empty()) return cannot("nodes of nested graphs can't be edited");
    if (at.op.index < 0 || at.op.index >= graph_.node_size())
      return cannot("there is no node " + std::to_string(at.op.index));
    return graph_.mutable_node(at.op.index);
  }

  Result<std::string> name_of(const graph::ValueAddress& value) {
    if (value.graph_input >= 0) {
      const Names names(graph_);
      if (static_cast<size_t>(value.graph_input) >= names.inputs().size())
        return cannot("there is no model input " + std::to_string(value.graph_input));
      return names.inputs()[static_cast<size_t>(value.graph_input)];
    }
    FETAFIX_TRY(const auto* writer, node(value.node));
    if (value.output < 0 || value.output >= writer->output_size())
      return cannot("node " + std::to_string(value.node.op.index) + " has no output " +
                    std::to_string(value.output));
    return writer->output(value.output);
  }

  std::string fresh(const std::string& base) const {
    const Names names(graph_);
    std::string name;
    for (int i = 1; name.empty() || names.exists(name); ++i) name = base + "/p" + std::to_string(i);
    return name;
  }

  void rename_reads(const std::string& from, const std::string& to, int first, int last) {
    for (int i = first; i < last; ++i) rename_uses(*graph_.mutable_node(i), from, to);
  }

  Result<bool> apply_one(const graph::SetMetadata& edit) {
    if (edit.field == "ir_version") {
      model_.set_ir_version(edit.value);
    } else if (edit.field == "opset") {
      for (auto& opset : *model_.mutable_opset_import())
        if (opset.domain().empty() || opset.domain() == "ai.onnx") {
          opset.set_version(edit.value);
          return true;
        }
      model_.add_opset_import()->set_version(edit.value);
    } else {
      return cannot("an ONNX file has no " + edit.field);
    }
    return true;
  }

  Result<bool> apply_one(const graph::SetTensor& edit) {
    if (!edit.retype) return false;
    FETAFIX_TRY(auto* reader, node(edit.at));
    while (reader->input_size() <= edit.slot) reader->add_input("");
    const std::string name = reader->input(edit.slot);
    const Names names(graph_);
    if (!name.empty() && !names.exists(name)) {  // whoever reads the name lacks the same
      auto* made = graph_.add_initializer();
      made->set_name(name);
      onnx_wire::write_tensor(edit.value, *made);
      return true;
    }
    int readers = 0;
    for (const auto& other : graph_.node()) readers += names_read(other).contains(name);
    for (auto& wire : *graph_.mutable_initializer())
      if (wire.name() == name && (readers == 1 || !onnx_wire::fills_its_shape(wire))) {
        onnx_wire::write_tensor(edit.value, wire);
        return true;
      }
    auto* made = graph_.add_initializer();
    made->set_name(fresh(name));
    onnx_wire::write_tensor(edit.value, *made);
    reader->set_input(edit.slot, made->name());
    return true;
  }

  // An operand that nothing computes, or that waits for its own reader.
  Result<bool> apply_one(const graph::SetOperand& edit) {
    FETAFIX_TRY(auto* reader, node(edit.at));
    while (edit.input >= reader->input_size() && edit.input < fewest_operands(reader->op_type()))
      reader->add_input("");
    if (edit.input < 0 || edit.input >= reader->input_size()) return false;
    const std::string now = reader->input(edit.input);
    const Names names(graph_);
    const auto waiting = names.unordered();
    const auto writers = names.writers(now);
    const bool waits =
        !writers.empty() && writers[0] >= edit.at.op.index &&
        std::find(waiting.begin(), waiting.end(), static_cast<size_t>(edit.at.op.index)) != waiting.end();
    const bool absent = now.empty() && edit.input < fewest_operands(reader->op_type());
    if (!absent && (now.empty() || names.exists(now)) && !waits) return false;
    FETAFIX_TRY(const std::string name, name_of(edit.value));
    reader->set_input(edit.input, name);
    return true;
  }

  Result<bool> apply_one(const graph::SeparateOutput& edit) {
    FETAFIX_TRY(auto* writer, node(edit.at));
    if (edit.output < 0 || edit.output >= writer->output_size())
      return cannot("there is no output " + std::to_string(edit.output));
    const std::string name = writer->output(edit.output);
    const std::string made = fresh(name);
    const int at = edit.at.op.index;
    const auto outputs = graph_.output();
    const bool is_output =
        std::any_of(outputs.begin(), outputs.end(), [&](const auto& o) { return o.name() == name; });
    if (!is_output) {
      rename_reads(name, made, at + 1, graph_.node_size());
      writer->set_output(edit.output, made);
      return true;
    }
    // The model's output keeps its name, and the last who writes it.
    for (int i = 0; i < at; ++i)
      for (auto& output : *graph_.mutable_node(i)->mutable_output())
        if (output == name) output = made;
    rename_reads(name, made, 0, at + 1);
    return true;
  }

  Result<bool> apply_one(const graph::SetOutput& edit) {
    FETAFIX_TRY(const std::string name, name_of(edit.value));
    if (edit.output < 0 || edit.output >= graph_.output_size())
      return cannot("there is no model output " + std::to_string(edit.output));
    auto& outputs = *graph_.mutable_output();
    const std::string wanted = outputs[edit.output].name();
    if (wanted == name) return true;
    for (int other = 0; other < outputs.size(); ++other)
      if (outputs[other].name() == name) {  // the names go with what they name
        outputs.SwapElements(edit.output, other);
        return true;
      }
    const Names names(graph_);
    if (names.is_given(name)) return cannot("'" + name + "' is computed by no node");
    if (names.exists(wanted)) {  // what it was until now is called otherwise
      const std::string made = fresh(wanted);
      rename_everywhere(wanted, made);
    }
    rename_everywhere(name, wanted);
    return true;
  }

  void rename_everywhere(const std::string& from, const std::string& to) {
    for (auto& each : *graph_.mutable_node())
      for (auto& output : *each.mutable_output())
        if (output == from) output = to;
    rename_reads(from, to, 0, graph_.node_size());
    for (auto& info : *graph_.mutable_value_info())
      if (info.name() == from) info.set_name(to);
  }

  Result<bool> apply_one(const graph::Redeclare& edit) {
    FETAFIX_TRY(const std::string name, name_of(edit.value));
    const auto declare = [&](auto& infos) {
      for (auto& info : infos)
        if (info.name() == name) {
          const auto shape = edit.shape ? edit.shape : onnx_wire::read_shape(info.type());
          onnx_wire::write_type(edit.dtype, shape, *info.mutable_type());
        }
    };
    declare(*graph_.mutable_input());
    declare(*graph_.mutable_output());
    declare(*graph_.mutable_value_info());
    return true;
  }

  Result<bool> apply_one(const graph::SortOperators&) {
    return cannot("the nodes of an ONNX file need no order");
  }

  onnx_wire::Model& model_;
  onnx_wire::Graph& graph_;
};

}  // namespace

Result<graph::Patch> apply_to_file(onnx_wire::Model& model, const graph::Patch& patch) {
  FileEditor editor(model);
  graph::Patch out = patch;
  for (graph::EditGroup& group : out.groups) {
    std::vector<graph::Edit> left;
    for (const graph::Edit& edit : group.edits) {
      auto done = editor.apply(edit);
      if (!done.ok()) return in_context(graph::describe(edit), std::move(done).error());
      if (!*done) left.push_back(edit);
    }
    group.edits = std::move(left);
  }
  return out;
}

}  // namespace fetafix::formats::onnx
