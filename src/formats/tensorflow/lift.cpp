#include "formats/tensorflow/lift.h"

#include <algorithm>

#include "graph/lens.h"

namespace fetafix::formats::tensorflow {
namespace {

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

}  // namespace

bool hands_on(const std::string& op) {
  static const std::set<std::string> ops{"Identity",        "StopGradient", "PreventGradient", "Snapshot",
                                         "CheckNumerics",   "EnsureShape",  "ReadVariableOp",  "DisableCopyOnRead",
                                         "PlaceholderWithDefault"};
  return ops.contains(op);
}

Source stored_origin(const Program& program, Source source) {
  // Each step goes to an operator further ahead, so this ends.
  while (source.op >= 0) {
    const Op& op = program.ops[static_cast<size_t>(source.op)];
    if (!hands_on(op.node->op()) || op.inputs.empty()) break;
    source = op.inputs[0];
  }
  return source;
}

std::string Lifter::unique(const std::string& base) {
  std::string name = base;
  int& next = next_[base];
  while (!names_.insert(name).second) name = base + "#" + std::to_string(++next);
  return name;
}

std::string Lifter::name_of(const Source& source) const {
  if (source.input >= 0) return inputs_[static_cast<size_t>(source.input)].key;
  const Op& op = out_.program.ops[static_cast<size_t>(source.op)];
  const std::string name = out_.program.scopes[static_cast<size_t>(op.scope)].prefix + op.node->name();
  return source.output == 0 ? name : name + ":" + std::to_string(source.output);
}

int Lifter::tensor_of(const Source& source) {
  const auto [found, added] = numbers_.try_emplace(source, static_cast<int>(out_.tensors.size()));
  if (added) out_.tensors.push_back(source);
  return found->second;
}

std::optional<Shape> Lifter::declared_shape(const Source& source) const {
  if (source.input >= 0) return inputs_[static_cast<size_t>(source.input)].shape;
  const wire::Attribute* shapes =
      wire::find_attribute(*out_.program.ops[static_cast<size_t>(source.op)].node, "_output_shapes");
  if (!shapes || source.output < 0 || source.output >= shapes->list().shape_size()) return std::nullopt;
  return wire::read_shape(shapes->list().shape(source.output));
}

Result<Tensor> Lifter::variable(const Op& handle) const {
  const std::string name = variable_name(*handle.node);
  const auto keys = out_.variables.find(name);
  if (keys == out_.variables.end())
    return Operation::unsupported("nothing restores variable '" + name + "' from the checkpoint");
  return file_.variable(keys->second.keys.back());  // the last assignment stays
}

std::optional<Result<Tensor>> Lifter::stored(const Source& given) const {
  const Source source = stored_origin(out_.program, given);
  if (const auto outside = inherited_.find(source.input); source.op < 0 && outside != inherited_.end())
    return parent_->stored(outside->second);
  if (source.op < 0) return std::nullopt;
  if (const auto before = stored_.find(source); before != stored_.end()) return before->second;
  const Op& op = out_.program.ops[static_cast<size_t>(source.op)];
  std::optional<Result<Tensor>> out;
  if (op.node->op() == "Const") {
    const wire::Attribute* value = wire::find_attribute(*op.node, "value");
    out = value ? wire::read_tensor(value->tensor()) : Result<Tensor>(broken("a constant without a value"));
  } else if (!variable_name(*op.node).empty()) {
    out = variable(op);
  }
  if (out) stored_.emplace(source, *out);
  return out;
}

bool Lifter::is_constant(const Source& source) const {
  const auto tensor = stored(source);
  return tensor && tensor->ok();
}

Result<ValueId> Lifter::constant_of(const Source& given, const std::vector<int>& permutation, const Shape& shape,
                                    DType dtype) {
  const Source source = stored_origin(out_.program, given);
  const int number = tensor_of(source);
  std::string key = std::to_string(number) + "/" + std::string(dtype_name(dtype)) + to_string(shape);
  for (int axis : permutation) key += "," + std::to_string(axis);
  if (const auto found = constants_.find(key); found != constants_.end()) return found->second;
  const auto read = stored(source);
  if (!read) return Operation::unsupported("operand '" + name_of(source) + "' is computed");
  FETAFIX_TRY(const Tensor data, Result<Tensor>(*read));
  if (!permutation.empty() && permutation.size() != data.shape().size())
    return Operation::unsupported("operand '" + name_of(source) + "' has " + std::to_string(data.rank()) +
                                  " dimensions, expected " + std::to_string(permutation.size()));
  if (!shape.empty() && element_count(shape) != data.size())
    return Operation::unsupported("operand '" + name_of(source) + "' has shape " + to_string(data.shape()));
  FETAFIX_TRY(const Tensor typed, cast(data, dtype == DType::unknown ? data.dtype() : dtype));
  graph::Lens lens;
  lens.native_tensor = number;
  lens.permutation = permutation;
  lens.native_shape = data.shape();
  const std::string name = name_of(source);
  const ValueId id = out_.lifted.graph.add_constant(unique(names_.contains(name) ? name + "/view" : name),
                                                    graph::to_view(typed, permutation, shape), lens);
  out_.lifted.graph.value(id).native_name = name;
  return constants_[key] = id;
}

Result<ValueId> Lifter::value_of(const Source& source) {
  if (const auto found = values_.find(source); found != values_.end()) return found->second;
  if (auto tensor = stored(source)) {
    if (!tensor->ok()) return std::move(*tensor).error();
    return constant_of(source, {}, {}, tensor->value().dtype());
  }
  if (source.op >= 0 && source.output < 0)
    return Operation::unsupported("an output of '" + name_of({-1, source.op, 0}) + "' has a name that is not known here");
  return Operation::unsupported("operand '" + name_of(source) + "' is no tensor that can be read here");
}

Status Lifter::add_inputs() {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (inherited_.contains(static_cast<int>(i))) continue;
    const wire::Port& port = inputs_[i];
    const Source source{static_cast<int>(i), -1, 0};
    graph::Value value;
    value.name = unique(port.key);
    value.native_name = port.key;
    value.dtype = port.dtype;
    value.shape = port.shape;
    value.native_tensor = tensor_of(source);
    values_[source] = out_.lifted.graph.add_value(std::move(value));
    out_.lifted.graph.inputs.push_back(values_[source]);
  }
  return {};
}

// One node with its operands as they are.
Status Lifter::add_opaque(int index, const std::string& why) {
  const Op& op = out_.program.ops[static_cast<size_t>(index)];
  graph::Node node;
  node.type = op.node->op();
  node.domain = "tensorflow";
  node.opaque = true;
  node.native = {"", index};
  node.name = name_of({-1, index, 0});
  for (size_t slot = 0; slot < op.inputs.size(); ++slot) {
    auto value = value_of(op.inputs[slot]);
    if (!value.ok() && value.error().kind == ErrorKind::file) return std::move(value).error();
    node.inputs.push_back(value.ok() ? *value : graph::no_value);
    node.slots.push_back(static_cast<int>(slot));
  }
  for (int output = 0; output < op.outputs; ++output) {
    const Source source{-1, index, output};
    graph::Value value;
    value.name = unique(name_of(source));
    value.native_name = value.name;
    value.shape = declared_shape(source);
    value.native_tensor = tensor_of(source);
    values_[source] = out_.lifted.graph.add_value(std::move(value));
    node.outputs.push_back(values_[source]);
  }
  out_.lifted.graph.add_node(std::move(node));
  out_.lifted.notes.push_back("'" + name_of({-1, index, 0}) + "' (" + op.node->op() + ") is opaque: " + why);
  return {};
}

Status Lifter::add_op(int index) {
  const Op& op = out_.program.ops[static_cast<size_t>(index)];
  const Source first{-1, index, 0};
  if (stored(first)) return {};  // it only says where a constant or a variable is
  const size_t nodes = out_.lifted.graph.nodes.size(), notes = out_.lifted.notes.size();
  Operation operation(*this, index);
  const LiftRule* rule = find_lift_rule(op.node->op());
  const Status status = rule ? rule->lift(operation) : Operation::unsupported("no ONNX operator says this");
  if (status.ok()) {
    for (const auto& [output, value] : operation.results_) values_[{-1, index, output}] = value;
    return {};
  }
  if (status.error().kind != ErrorKind::unsupported) return status;
  // Values that only the dropped nodes knew stay in the list, without a producer and without a reader.
  out_.lifted.graph.nodes.resize(nodes);
  out_.lifted.notes.resize(notes);
  for (const auto& [output, value] : operation.results_) {
    graph::Value& dropped = out_.lifted.graph.value(value);
    dropped.name = unique(dropped.name + "/dropped");
    dropped.native_tensor = -1;
    dropped.native_name.clear();
  }
  return add_opaque(index, status.error().message);
}

Status Lifter::add_outputs() {
  for (const Source& source : out_.program.outputs) {
    auto value = value_of(source);
    if (!value.ok()) return broken("a result of the model: " + value.error().message);
    out_.lifted.graph.outputs.push_back(*value);
  }
  return {};
}

Result<Lift> Lifter::run() {
  FETAFIX_TRY(out_.program, program_of(file_));
  out_.variables = variables_of(file_);
  for (const auto& [name, variable] : out_.variables)
    if (variable.copies_differ)
      out_.lifted.notes.push_back("variable '" + name +
                                  "' is stored twice and the copies differ: tf.saved_model.load may read the other one");
  return lift_program();
}

Result<Lift> Lifter::lift_program() {
  FETAFIX_CHECK(add_inputs());
  for (size_t i = 0; i < out_.program.ops.size(); ++i)
    if (auto status = add_op(static_cast<int>(i)); !status.ok())
      return in_context("'" + name_of({-1, static_cast<int>(i), 0}) + "'", std::move(status).error());
  FETAFIX_CHECK(add_outputs());
  FETAFIX_CHECK(graph::verify(out_.lifted.graph));
  return std::move(out_);
}

Result<Lift> lift_file(const File& file) {
  return Lifter(file).run();
}

}  // namespace fetafix::formats::tensorflow
