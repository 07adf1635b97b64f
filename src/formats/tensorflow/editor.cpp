#include "formats/tensorflow/editor.h"

#include <algorithm>

#include "graph/edit_stored.h"

namespace fetafix::formats::tensorflow {

using graph::ValueId;

Editor::Editor(const File& file, const Lift& lift) : file_(file), lift_(lift), replaced_(file.replaced) {
  if (file.saved) {
    saved_ = std::make_shared<wire::SavedModel>(*file.saved);
    meta_ = *wire::serving_graph(*saved_);  // reading the file has found it
    graph_ = meta_->mutable_graph_def();
  } else {
    frozen_ = std::make_shared<wire::Graph>(*file.frozen);
    graph_ = frozen_.get();
  }
}

google::protobuf::RepeatedPtrField<wire::Node>& Editor::list(int function) {
  edited_ = true;
  return function < 0 ? *graph_->mutable_node()
                      : *graph_->mutable_library()->mutable_function(function)->mutable_node_def();
}

Result<int> Editor::op_at(const graph::Address& at) const {
  if (!at.op.graph.empty()) return unsupported("graph '" + at.op.graph + "' is not edited");
  if (at.op.index < 0 || static_cast<size_t>(at.op.index) >= program().ops.size())
    return unsupported("there is no operator " + std::to_string(at.op.index));
  return at.op.index;
}

bool Editor::view_lacks(const graph::Address& at, size_t input) const {
  const auto node = graph::resolve(view(), at);
  return node.ok() && view().node(*node).inputs.size() <= input;
}

wire::Node& Editor::node(int op) {
  return *list(function_of(op)).Mutable(this->op(op).place);
}

std::string Editor::output_of(int scope, const wire::Node& node, int output) const {
  if (this->scope(scope).function >= 0) return node.name() + ":" + output_name(node.op(), output);
  return output == 0 ? node.name() : node.name() + ":" + std::to_string(output);
}

Result<std::string> Editor::reference(const Source& source, int at) const {
  if (source.op >= 0 && op(source.op).scope == at) {
    const wire::Node& made = nodes_of(*graph_, scope(at).function).Get(op(source.op).place);
    if (scope(at).function >= 0 && output_name(made.op(), source.output).empty())
      return unsupported("how " + made.op() + " calls its outputs is not known");
    return output_of(at, made, source.output);
  }
  if (at == 0 && source.input >= 0) return file_.interface.inputs[static_cast<size_t>(source.input)].tensor;
  const auto& given = scope(at).given;
  for (size_t i = 0; i < given.size(); ++i)
    if (given[i] == source)
      return graph_->library().function(scope(at).function).signature().input_arg(static_cast<int>(i)).name();
  for (const auto& [place, results] : scope(at).results)
    for (size_t i = 0; i < results.size(); ++i)
      if (results[i] == source)
        return output_of(at, nodes_of(*graph_, scope(at).function).Get(place), static_cast<int>(i));
  return unsupported("the value lies in another function, which does not return it");
}

namespace {

// Position among a node's inputs of data operand `slot`; -1: it has fewer.
int position_of(const wire::Node& node, int slot) {
  for (int i = 0; i < node.input_size(); ++i)
    if (!node.input(i).starts_with("^") && slot-- == 0) return i;
  return -1;
}

}  // namespace

Result<std::string> Editor::operand(int op, int slot) {
  const wire::Node& native = node(op);
  const int at = position_of(native, slot);
  if (at < 0) return unsupported("it has no operand " + std::to_string(slot));
  return native.input(at);
}

Status Editor::set_operand(int op, int slot, const std::string& reference, bool same_shape) {
  wire::Node& native = node(op);
  const int at = position_of(native, slot);
  if (at < 0) return unsupported("it has no operand " + std::to_string(slot));
  native.set_input(at, reference);
  if (!same_shape) touch(op);
  return {};
}

bool Editor::is_frozen_result(int op) const {
  return !meta_ && std::ranges::any_of(program().outputs, [&](const Source& s) { return s.op == op; });
}

Status Editor::redirect(const Source& from, const std::string& to, bool same_shape) {
  const int at = from.op >= 0 ? op(from.op).scope : 0;
  const int function = scope(at).function;
  if (from.op >= 0 && is_frozen_result(from.op))
    return unsupported("it is a result of a frozen graph, which is known by this node");
  const std::string name =
      from.op >= 0 ? nodes_of(*graph_, function).Get(op(from.op).place).name()
                   : parse_reference(file_.interface.inputs[static_cast<size_t>(from.input)].tensor)->node;
  const std::string type = from.op >= 0 ? op(from.op).node->op() : "";
  const auto is_it = [&](const std::string& input) {
    const auto read = parse_reference(input);
    if (!read.ok() || read->node != name || input.starts_with("^")) return false;
    return (read->output.empty() ? read->number : output_number(type, read->output, read->number)) ==
           from.output;
  };
  for (auto& node : list(function))
    for (int i = 0; i < node.input_size(); ++i)
      if (!fresh_.contains(&node) && is_it(node.input(i))) {
        node.set_input(i, to);
        if (!same_shape) touched_.insert({function, node.name()});
      }
  if (function >= 0) {
    for (auto& entry : *graph_->mutable_library()->mutable_function(function)->mutable_ret())
      if (is_it(entry.value())) entry.set_value(to);
    return {};
  }
  if (!meta_) return {};
  for (auto& signature : *meta_->mutable_signature_def())
    for (auto& output : *signature.mutable_value()->mutable_outputs())
      if (is_it(output.value().name()))
        output.mutable_value()->set_name(to.find(':') == std::string::npos ? to + ":0" : to);
  return {};
}

std::string Editor::unique_name(int at, const std::string& base) {
  const int function = scope(at).function;
  auto& names = names_[function];
  if (names.empty()) {
    for (const auto& node : nodes_of(*graph_, function)) names.insert(node.name());
    if (function >= 0)
      for (const auto& argument : graph_->library().function(function).signature().input_arg())
        names.insert(argument.name());
  }
  std::string name = base;
  for (int i = 1; !names.insert(name).second; ++i) name = base + "_" + std::to_string(i);
  return name;
}

wire::Node& Editor::add_node(int at, const std::string& op, const std::string& name,
                             const std::vector<std::string>& inputs) {
  const std::string full = unique_name(at, name + "/" + op);
  wire::Node& added = *list(scope(at).function).Add();
  added.set_name(full);
  added.set_op(op);
  for (const std::string& input : inputs) added.add_input(input);
  fresh_.insert(&added);
  return added;
}

std::string Editor::add_constant(int at, const std::string& name, const Tensor& value) {
  wire::Node& constant = add_node(at, "Const", name, {});
  set_type(constant, "dtype", value.dtype());
  wire::write_tensor(value, *wire::attribute_of(constant, "value").mutable_tensor());
  return output_of(at, constant);
}

bool Editor::depends(int from, int on) const {
  std::vector<int> ahead{from};
  std::set<int> seen;
  while (!ahead.empty()) {
    const int next = ahead.back();
    ahead.pop_back();
    if (next == on) return true;
    if (next < 0 || !seen.insert(next).second) continue;
    for (const Source& source : op(next).inputs) ahead.push_back(source.op);
  }
  return false;
}

// Inside of functions outputs have names: those of the operator that it was.
Status Editor::rename_output(int index) {
  const Op& changed = op(index);
  const int function = scope(changed.scope).function;
  if (function < 0) return {};
  const std::string before = changed.node->name() + ":" + output_name(changed.node->op(), 0);
  const std::string now = output_of(changed.scope, node(index));
  for (auto& node : list(function))
    for (int i = 0; i < node.input_size(); ++i)
      if (node.input(i) == before) node.set_input(i, now);
  for (auto& entry : *graph_->mutable_library()->mutable_function(function)->mutable_ret())
    if (entry.value() == before) entry.set_value(now);
  return {};
}

std::string Editor::move_aside(int index) {
  wire::Node& moved = node(index);
  moved.set_name(unique_name(op(index).scope, moved.name() + "/inner"));
  return moved.name();
}

void Editor::take_name(int index, const std::string& own, const std::string& result) {
  const std::string name = parse_reference(result)->node;
  for (auto& node : list(function_of(index))) {
    if (node.name() == name) node.set_name(own);
    for (int i = 0; i < node.input_size(); ++i)
      if (node.input(i) == name) node.set_input(i, own);
  }
  moved_.emplace_back(own, op(index).place);
}

bool Editor::all_readers_cast(int index) const {
  return std::ranges::all_of(program().ops, [&](const Op& reader) {
    const bool reads = std::ranges::any_of(reader.inputs, [&](const Source& s) { return s.op == index; });
    return !reads || reader.node->op() == "Cast";
  });
}

Result<Tensor> Editor::stored(const Source& given) const {
  const Source source = origin(given);
  if (source.op < 0) return unsupported("it is an input");
  const wire::Node& made = *op(source.op).node;
  if (const wire::Attribute* value = wire::find_attribute(made, "value"); value && made.op() == "Const")
    return wire::read_tensor(value->tensor());
  const auto keys = lift_.variables.find(variable_name(made));
  if (keys == lift_.variables.end()) return unsupported("it is computed");
  return file_.variable(keys->second.keys.back());
}

DType Editor::stored_type(const Source& source) const {
  const auto tensor = stored(source);
  return tensor.ok() ? tensor->dtype() : DType::unknown;
}

Shape Editor::stored_shape(const Source& source) const {
  const auto tensor = stored(source);
  return tensor.ok() ? tensor->shape() : Shape{};
}

std::vector<std::pair<int, int>> Editor::uses_of(const Source& stored) const {
  std::vector<std::pair<int, int>> out;
  std::set<std::pair<std::pair<int, int>, int>>
      seen;  // a function's node counts once, however often it is called
  const std::string variable = variable_name(*op(stored.op).node);
  for (size_t i = 0; i < program().ops.size(); ++i) {
    const Op& reader = program().ops[i];
    // What only hands it on is no use of it; who reads that is.
    if (hands_on(reader.node->op()) ||
        (reshapes(reader.node->op()) && origin({-1, static_cast<int>(i), 0}) == stored))
      continue;
    for (size_t slot = 0; slot < reader.inputs.size(); ++slot) {
      const Source from = origin(reader.inputs[slot]);
      const bool same = from == stored ||
                        (from.op >= 0 && !variable.empty() && variable_name(*op(from.op).node) == variable);
      const auto key =
          std::pair{std::pair{scope(reader.scope).function, reader.place}, static_cast<int>(slot)};
      if (same && seen.insert(key).second) out.emplace_back(static_cast<int>(i), static_cast<int>(slot));
    }
  }
  return out;
}

void Editor::find_common_changes(const graph::Patch& patch) {
  std::map<Source, std::vector<Tensor>> changes;
  for (const auto& group : patch.groups)
    for (const auto& edit : group.edits)
      if (const auto* set = std::get_if<graph::SetTensor>(&edit)) {
        const auto index = op_at(set->at);
        if (!index.ok()) continue;
        const Slot read = operand_at(*index, set->slot);
        if (read.op < 0 || read.slot < 0 || static_cast<size_t>(read.slot) >= op(read.op).inputs.size())
          continue;
        const Source stored = origin(op(read.op).inputs[static_cast<size_t>(read.slot)]);
        const auto native = native_form(*this, *index, *set);
        if (stored.op >= 0 && native.ok()) changes[stored].push_back(*native);
      }
  for (const auto& [stored, tensors] : changes)
    if (tensors.size() == uses_of(stored).size() &&
        std::ranges::all_of(tensors,
                            [&, tensors = tensors](const Tensor& t) { return t.identical(tensors[0]); }))
      common_.emplace(stored, tensors[0]);
}

Status Editor::write_constant(int index, int slot, const Tensor& native) {
  if (slot < 0 || static_cast<size_t>(slot) >= op(index).inputs.size())
    return unsupported("it has no operand " + std::to_string(slot));
  const Source stored = origin(op(index).inputs[static_cast<size_t>(slot)]);
  if (stored.op < 0) return unsupported("operand " + std::to_string(slot) + " is computed");
  const std::string variable = variable_name(*op(stored.op).node);
  const bool constant = op(stored.op).node->op() == "Const";
  if (!constant && variable.empty()) return unsupported("operand " + std::to_string(slot) + " is computed");
  if (const auto now = this->stored(stored); now.ok() && now->dtype() == native.dtype() &&
                                             now->size() == native.size() &&
                                             native.reshaped(now->shape()).identical(*now))
    return {};
  if (!is_floating(native.dtype())) touch(index);
  if (uses_of(stored).size() > 1 && !common_.contains(stored))
    return set_operand(index, slot, add_constant(op(index).scope, op(index).node->name(), native),
                       is_floating(native.dtype()));
  const Shape shape = stored_shape(stored);
  const Tensor content = element_count(shape) == native.size() ? native.reshaped(shape) : native;
  if (constant) {
    wire::Node& made = node(stored.op);
    if (!is_floating(native.dtype()) || content.shape() != shape) touch(index);
    wire::write_tensor(content, *wire::attribute_of(made, "value").mutable_tensor());
    return {};
  }
  const auto keys = lift_.variables.find(variable);
  if (keys == lift_.variables.end())
    return unsupported("variable '" + variable + "' is not in the checkpoint");
  for (const std::string& key : keys->second.keys) replaced_.insert_or_assign(key, content);
  return {};
}

Status Editor::apply(const graph::Edit& edit) {
  fresh_.clear();
  return std::visit([&](const auto& e) { return apply_edit(*this, e); }, edit);
}

Result<File> patch_file(const File& file, const graph::Patch& patch) {
  if (patch.groups.empty()) return file;
  FETAFIX_TRY(const Lift lift, lift_file(file));
  Editor editor(file, lift);
  editor.find_common_changes(patch);
  for (const auto& group : patch.groups)
    for (const auto& edit : group.edits)
      if (auto status = editor.apply(edit); !status.ok())
        return in_context(graph::describe(edit), std::move(status).error());
  FETAFIX_TRY(File out, editor.finish());
  if (auto again = lift_file(out); !again.ok())
    return in_context("the patched model", std::move(again).error());
  return out;
}

}  // namespace fetafix::formats::tensorflow
