#include "formats/torch/lift.h"

#include <algorithm>

#include "base/json.h"
#include "formats/torch/arguments.h"
#include "formats/torch/script_schema.h"
#include "graph/lens.h"

namespace fetafix::formats::torch {
namespace {

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

// Operators whose result has the elements of their operand, in the same memory.
bool is_view(const std::string& target) {
  static const std::set<std::string> operators{
      "view",    "reshape",   "flatten",          "unflatten", "transpose", "permute", "t",
      "squeeze", "unsqueeze", "expand",           "slice",     "select",    "narrow",  "split",
      "chunk",   "unbind",    "detach",           "alias",     "view_as",   "movedim", "contiguous",
      "to",      "dropout",   "split_with_sizes", "expand_as"};
  return operators.contains(aten_name(target));
}

// The argument that is text where the operator takes none; empty: there is none.
std::string misplaced_text(const Op& op) {
  const auto schema = find_schema(op.target);
  for (const Argument& one : op.arguments) {
    if (!schema || one.kind != "as_string") continue;
    const auto known = std::ranges::find(schema->arguments, one.name, &SchemaArgument::name);
    if (known == schema->arguments.end() || !known->type.starts_with("s")) return one.name;
  }
  return {};
}

}  // namespace

std::string without_writing(const std::string& target) {
  const size_t dot = target.find('.', target.starts_with("aten.") ? 5 : 0);
  if (dot == std::string::npos || dot < 2 || target[dot - 1] != '_' || target[dot - 2] == '_') return {};
  return target.substr(0, dot - 1) + target.substr(dot);
}

std::vector<std::string> absent_operands(const Op& op) {
  static const std::set<std::string> weights{"weight", "running_mean", "running_var"};
  std::vector<std::string> out;
  const auto schema = find_schema(op.target);
  if (!schema || !find_lift_rule(op.target)) return out;
  for (const SchemaArgument& one : schema->arguments) {
    const std::string name(one.name);
    if (one.type == "T" && !one.may_be_left_out && !weights.contains(name) && !op.argument(name))
      out.push_back(name);
  }
  return out;
}

std::string label_of(const Op& op) {
  return op.path.empty() ? op.name : op.path + "/" + op.name;
}

Status Lifter::check_memory() const {
  if (!memory_.exhausted()) return {};
  return broken("the view of this file would not fit in memory");
}

std::string Lifter::unique(const std::string& base) {
  std::string name = base;
  int& next = next_[base];
  while (!names_.insert(name).second) name = base + "#" + std::to_string(++next);
  return name;
}

int Lifter::tensor_of(const std::string& name) {
  const auto [found, added] = numbers_.try_emplace(name, static_cast<int>(out_.tensors.size()));
  if (added) out_.tensors.push_back(name);
  return found->second;
}

Result<Tensor> Lifter::stored(const Input& input) {
  if (const auto found = stored_.find(input.name); found != stored_.end()) return found->second;
  // A few bytes may be said to be many elements, by many names.
  const auto count = element_count(input.stored->meta.sizes);
  const DType dtype = input.stored->meta.dtype;
  if (count && dtype != DType::unknown && !spend(static_cast<uint64_t>(*count) * element_size(dtype)))
    FETAFIX_CHECK(check_memory());
  FETAFIX_TRY(const Tensor tensor, file_.read(*input.stored));
  return stored_[input.name] = tensor;
}

Result<ValueId> Lifter::constant_of(const Input& input, const std::vector<int>& permutation,
                                    const Shape& shape) {
  std::string key = input.name + to_string(shape);
  for (int axis : permutation) key += "," + std::to_string(axis);
  if (const auto found = constants_.find(key); found != constants_.end()) return found->second;
  FETAFIX_TRY(const Tensor data, stored(input));
  if (!permutation.empty() && permutation.size() != data.shape().size())
    return Operation::unsupported("operand '" + input.target + "' has " + std::to_string(data.rank()) +
                                  " dimensions, expected " + std::to_string(permutation.size()));
  if (!shape.empty() && element_count(shape) != data.size())
    return Operation::unsupported("operand '" + input.target + "' has shape " + to_string(data.shape()));
  graph::Lens lens;
  lens.native_tensor = tensor_of(input.name);
  lens.permutation = permutation;
  lens.native_shape = data.shape();
  const std::string base = names_.contains(input.target) ? input.target + "/view" : input.target;
  auto& graph = out_.lifted.graph;
  const ValueId id = graph.add_constant(unique(base), graph::to_view(data, permutation, shape), lens);
  graph.value(id).native_name = input.target;
  return constants_[key] = id;
}

const Input* Lifter::stored_input(const std::string& name) const {
  const Input* input = out_.program.input(name);
  return input && input->stored && !values_.contains(name) ? input : nullptr;
}

Result<ValueId> Lifter::value_of(const std::string& name) {
  if (const auto found = values_.find(name); found != values_.end()) {
    if (found->second == graph::no_value)
      return Operation::unsupported("'" + name +
                                    "' shares its elements with what another operator writes into");
    return found->second;
  }
  if (const Input* input = stored_input(name)) return constant_of(*input, {}, {});
  return Operation::unsupported("'" + name + "' is no tensor that can be read here");
}

Status Lifter::add_inputs() {
  for (const Input& input : out_.program.inputs) {
    if (input.kind != Input::Kind::user) continue;
    graph::Value value;
    value.name = unique(input.name);
    value.native_name = input.name;
    if (const auto meta = out_.program.metas.find(input.name); meta != out_.program.metas.end()) {
      value.dtype = meta->second.dtype;
      if (meta->second.ranked) value.shape = meta->second.sizes;
    }
    value.native_tensor = tensor_of(input.name);
    values_[input.name] = out_.lifted.graph.add_value(std::move(value));
    out_.lifted.graph.inputs.push_back(values_[input.name]);
  }
  return {};
}

void Lifter::note_views(const Op& op) {
  if (!is_view(op.target) || op.arguments.empty() || op.arguments[0].kind != "as_tensor") return;
  const Json& name = (*op.arguments[0].value)["name"];
  if (!name.is_string()) return;
  std::string base = name.get<std::string>();
  if (const auto further = views_.find(base); further != views_.end()) base = further->second;
  for (const std::string& output : op.outputs) views_[output] = base;
}

std::string Lifter::written_by(const Op& op) const {
  const bool one = !without_writing(op.target).empty() && op.outputs.size() == 1 && !op.arguments.empty();
  return one && op.arguments[0].kind == "as_tensor" ? (*op.arguments[0].value)["name"].get<std::string>()
                                                    : std::string();
}

// What read the operand before has what was there; what reads it later gets the result. Other names of the
// same elements are lost: which of them changed how is not followed.
void Lifter::write_through(const Op& op) {
  const std::string written = written_by(op);
  if (written.empty()) return;
  const auto base_of = [&](const std::string& name) {
    const auto found = views_.find(name);
    return found == views_.end() ? name : found->second;
  };
  const std::string base = base_of(written);
  for (auto& [name, value] : values_)
    if (name != written && name != op.outputs[0] && base_of(name) == base) value = graph::no_value;
  if (base != written && out_.program.input(base)) values_[base] = graph::no_value;  // stored ones too
  values_[written] = values_[op.outputs[0]];
  views_[op.outputs[0]] = base;
}

// One node with its operands as they are.
Status Lifter::add_opaque(int index, const std::string& why) {
  const Op& op = out_.program.ops[static_cast<size_t>(index)];
  graph::Node node;
  node.type = op.target;
  node.domain = "torch";
  node.opaque = true;
  node.native = {"", index};
  node.name = label_of(op);
  const auto read = [&](const Json& one, int slot) -> Status {
    if (!one.is_object() || !one.contains("name") || !one["name"].is_string()) return {};
    auto value = value_of(one["name"].get<std::string>());
    if (!value.ok() && value.error().kind == ErrorKind::file) return std::move(value).error();
    node.inputs.push_back(value.ok() ? *value : graph::no_value);
    node.slots.push_back(slot);
    return {};
  };
  for (const std::string& name : absent_operands(op)) {
    node.inputs.push_back(graph::no_value);  // so that it can be given (sound.cpp)
    node.slots.push_back(slot_of(name));
  }
  for (const Argument& argument : op.arguments) {
    if (argument.kind == "as_tensor") FETAFIX_CHECK(read(*argument.value, slot_of(argument.name)));
    if (argument.kind == "as_tensors")
      for (size_t i = 0; i < argument.value->size(); ++i)
        FETAFIX_CHECK(read((*argument.value)[i], slot_of(argument.name, static_cast<int>(i))));
  }
  for (const std::string& name : op.outputs) {
    if (name.empty()) continue;
    graph::Value value;
    value.name = unique(name);
    value.native_name = name;
    const auto meta = out_.program.metas.find(name);
    if (meta != out_.program.metas.end()) {
      value.dtype = meta->second.dtype;
      if (meta->second.ranked) value.shape = meta->second.sizes;
      value.native_tensor = tensor_of(name);
    }
    values_[name] = out_.lifted.graph.add_value(std::move(value));
    node.outputs.push_back(values_[name]);
  }
  if (!spend(1024 + 256 * (node.inputs.size() + node.outputs.size()))) return check_memory();
  out_.lifted.graph.add_node(std::move(node));
  write_through(op);
  out_.lifted.notes.push_back("'" + label_of(op) + "' (" + op.target + ") is opaque: " + why);
  return {};
}

Status Lifter::add_by(int index, Status (*lift)(Operation&)) {
  const size_t nodes = out_.lifted.graph.nodes.size(), notes = out_.lifted.notes.size();
  Operation operation(*this, index);
  Status status = lift(operation);
  FETAFIX_CHECK(check_memory());
  const Op& op = out_.program.ops[static_cast<size_t>(index)];
  if (status.ok()) {
    for (const auto& [output, value] : operation.results_) values_[op.outputs[output]] = value;
    write_through(op);
    return {};
  }
  // Values that only the dropped nodes knew stay in the list, without a producer and without a reader.
  out_.lifted.graph.nodes.resize(nodes);
  out_.lifted.notes.resize(notes);
  for (const auto& [output, value] : operation.results_) {
    graph::Value& dropped = out_.lifted.graph.value(value);
    dropped.name = unique(dropped.name + "/dropped");
    dropped.native_tensor = -1;
    dropped.native_name.clear();
  }
  return status;
}

Status Lifter::add_op(int index) {
  const Op& op = out_.program.ops[static_cast<size_t>(index)];
  FETAFIX_CHECK(check_memory());
  if (op.outputs.empty() && !op.unreadable) return {};  // it only checks something
  note_views(op);
  const LiftRule* rule = op.unreadable ? nullptr : find_lift_rule(op.target);
  const std::string text = rule ? misplaced_text(op) : std::string();
  Status status = !rule          ? Operation::unsupported("no ONNX operator says this")
                  : text.empty() ? add_by(index, rule->lift)
                                 : Operation::unsupported("argument '" + text + "' is text");
  if (status.ok() || status.error().kind != ErrorKind::unsupported) return status;
  return add_opaque(index, status.error().message);
}

Status Lifter::add_outputs() {
  for (const std::string& name : out_.program.outputs) {
    auto value = value_of(name);
    if (!value.ok()) return broken("result '" + name + "' of the program: " + value.error().message);
    out_.lifted.graph.outputs.push_back(*value);
  }
  return {};
}

Result<Lift> Lifter::run() {
  FETAFIX_TRY(out_.program, parse_program(file_));
  out_.lifted.notes = out_.program.notes;
  out_.lifted.in_order = out_.program.in_order;
  FETAFIX_CHECK(add_inputs());
  for (size_t i = 0; i < out_.program.ops.size(); ++i)
    if (auto status = add_op(static_cast<int>(i)); !status.ok())
      return in_context("'" + label_of(out_.program.ops[i]) + "'", std::move(status).error());
  FETAFIX_CHECK(add_outputs());
  FETAFIX_CHECK(graph::verify(out_.lifted.graph));
  return std::move(out_);
}

Result<Lift> lift_file(const File& file) {
  return Lifter(file).run();
}

}  // namespace fetafix::formats::torch
