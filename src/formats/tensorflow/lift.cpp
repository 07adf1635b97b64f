#include "formats/tensorflow/lift.h"

#include <algorithm>

#include "graph/lens.h"

namespace fetafix::formats::tensorflow {
namespace {

Error broken(const std::string& what) {
  return {ErrorKind::file, what};
}

constexpr uint64_t least_memory = uint64_t{96} << 20;

// How much larger a constant is than what the file holds of it.
uint64_t implied_bytes(const wire::Tensor& tensor) {
  const auto shape = wire::read_shape(tensor.tensor_shape());
  const auto count = shape ? element_count(*shape) : std::nullopt;
  if (!count) return 0;
  const uint64_t size = static_cast<uint64_t>(*count) * element_size(wire::dtype_from_code(tensor.dtype()));
  const uint64_t held = tensor.ByteSizeLong();
  return size > held ? size - held : 0;
}

// `numbers`: the wanted sizes of a Reshape, the axes of a Squeeze (none: all of size 1), the axis of an
// ExpandDims.
std::optional<Shape> reshaped_shape(const std::string& op, const Shape& from, std::vector<int64_t> numbers) {
  const auto rank = static_cast<int64_t>(from.size());
  if (op == "Reshape") {
    int64_t others = 1;
    for (int64_t size : numbers) {
      if (size < -1 || size > int64_t{1} << 32 || others > int64_t{1} << 31) return std::nullopt;
      others *= size == -1 ? 1 : size;
    }
    for (int64_t& size : numbers)
      if (size == -1) size = others > 0 ? *element_count(from) / others : 0;
    return numbers;
  }
  if (op == "ExpandDims") {
    if (numbers.size() != 1) return std::nullopt;
    const int64_t axis = numbers[0] < 0 ? numbers[0] + rank + 1 : numbers[0];
    if (axis < 0 || axis > rank) return std::nullopt;
    Shape out = from;
    out.insert(out.begin() + axis, 1);
    return out;
  }
  Shape out;
  for (int64_t axis = 0; axis < rank; ++axis) {
    const int64_t size = from[static_cast<size_t>(axis)];
    const bool named = std::ranges::any_of(numbers, [&](int64_t n) { return n == axis || n + rank == axis; });
    if (size != 1 || (!numbers.empty() && !named)) out.push_back(size);
  }
  return out;
}

}  // namespace

bool hands_on(const std::string& op) {
  static const std::set<std::string> ops{"Identity",       "StopGradient",      "PreventGradient",
                                         "Snapshot",       "CheckNumerics",     "EnsureShape",
                                         "ReadVariableOp", "DisableCopyOnRead", "PlaceholderWithDefault"};
  return ops.contains(op);
}

bool reshapes(const std::string& op) {
  return op == "Reshape" || op == "Squeeze" || op == "ExpandDims";
}

Source stored_origin(const Program& program, const Source& source) {
  // Each step goes to an operator further ahead, so this ends.
  const auto follow = [&](Source from, bool through_shapes) {
    while (from.op >= 0) {
      const Op& op = program.ops[static_cast<size_t>(from.op)];
      const bool on = hands_on(op.node->op()) || (through_shapes && reshapes(op.node->op()));
      if (!on || op.inputs.empty()) break;
      from = op.inputs[0];
    }
    return from;
  };
  const Source far = follow(source, true);
  const bool is_stored =
      far.op >= 0 && (program.ops[static_cast<size_t>(far.op)].node->op() == "Const" ||
                      !variable_name(*program.ops[static_cast<size_t>(far.op)].node).empty());
  return is_stored ? far : follow(source, false);
}

Slot Lift::operand(int op, int slot) const {
  const auto found = normalizations.find(op);
  if (found == normalizations.end()) return {op, slot};
  const Normalization& parts = found->second;
  switch (slot) {
    case slot_x:
      return parts.x;
    case slot_gamma:
      return parts.gamma;
    case slot_beta:
      return parts.beta;
    case slot_mean:
      return parts.mean;
    case slot_variance:
      return parts.variance;
    default:
      return {op, slot};
  }
}

Lifter::Lifter(const File& file)
    : file_(file),
      inputs_(file.interface.inputs),
      memory_(least_memory, file.bytes ? file.bytes->size() : 0) {}

bool Lifter::spend(uint64_t bytes) const {
  return memory_.spend(bytes);
}

Status Lifter::check_memory() const {
  if (!memory_.exhausted()) return {};
  return broken(
      "the view of this file would not fit in memory (constants or results of a size that it does not hold)");
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

// Each operator is asked when it is added, so what it reads is known by then: this never goes deep.
std::optional<Result<Tensor>> Lifter::stored(const Source& source) const {
  if (const auto before = stored_.find(source); before != stored_.end()) return before->second;
  return stored_.emplace(source, read_stored(source)).first->second;
}

std::optional<Result<Tensor>> Lifter::read_stored(const Source& source) const {
  if (source.op < 0) {
    const auto outside = inherited_.find(source.input);
    return outside == inherited_.end() ? std::nullopt : parent_->stored(outside->second);
  }
  const Op& op = out_.program.ops[static_cast<size_t>(source.op)];
  if (hands_on(op.node->op()) && !op.inputs.empty()) return stored(op.inputs[0]);
  if (reshapes(op.node->op())) return reshaped(op);
  if (op.node->op() == "Const") {
    const wire::Attribute* value = wire::find_attribute(*op.node, "value");
    if (!value) return Result<Tensor>(broken("a constant without a value"));
    if (!spend(implied_bytes(value->tensor()))) return Result<Tensor>(check_memory().error());
    return wire::read_tensor(value->tensor());
  }
  if (!variable_name(*op.node).empty()) return variable(op);
  return std::nullopt;
}

std::optional<Result<Tensor>> Lifter::reshaped(const Op& op) const {
  const auto data = op.inputs.empty() ? std::nullopt : stored(op.inputs[0]);
  if (!data || !data->ok()) return std::nullopt;
  const Tensor& tensor = data->value();
  std::vector<int64_t> numbers;
  if (op.node->op() == "Squeeze") {
    if (const wire::Attribute* axes = wire::find_attribute(*op.node, "squeeze_dims"))
      numbers.assign(axes->list().i().begin(), axes->list().i().end());
  } else {
    const auto given = op.inputs.size() > 1 ? stored(op.inputs[1]) : std::nullopt;
    auto known =
        given && given->ok() ? to_int64s(given->value()) : Result<std::vector<int64_t>>(broken("computed"));
    if (!known.ok()) return std::nullopt;
    numbers = std::move(*known);
  }
  const auto shape = reshaped_shape(op.node->op(), tensor.shape(), numbers);
  if (!shape || element_count(*shape) != tensor.size()) return std::nullopt;
  return tensor.reshaped(*shape);
}

bool Lifter::is_constant(const Source& source) const {
  const auto tensor = stored(source);
  return tensor && tensor->ok();
}

Result<ValueId> Lifter::constant_of(const Source& given, const std::vector<int>& permutation,
                                    const Shape& shape, DType dtype) {
  const Source source = stored_origin(out_.program, given);
  const int number = tensor_of(source);
  const auto read = stored(given);
  std::string key = std::to_string(number) + "/" + std::string(dtype_name(dtype)) + to_string(shape);
  if (read && read->ok()) key += to_string(read->value().shape());
  for (int axis : permutation) key += "," + std::to_string(axis);
  if (const auto found = constants_.find(key); found != constants_.end()) return found->second;
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
    return Operation::unsupported("an output of '" + name_of({-1, source.op, 0}) +
                                  "' has a name that is not known here");
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
  FETAFIX_CHECK(check_memory());
  if (stored({-1, index, 0})) return {};  // it only says where a constant or a variable is
  if (absorbed_.contains(index)) return {};
  if (out_.normalizations.contains(index)) return add_normalization(index);
  const LiftRule* rule = find_lift_rule(op.node->op());
  Status status = add_by(index, [&](Operation& operation) {
    return rule ? rule->lift(operation) : Operation::unsupported("no ONNX operator says this");
  });
  if (status.ok() || status.error().kind != ErrorKind::unsupported) return status;
  return add_opaque(index, status.error().message);
}

Status Lifter::add_by(int index, const std::function<Status(Operation&)>& lift) {
  const size_t nodes = out_.lifted.graph.nodes.size(), notes = out_.lifted.notes.size();
  Operation operation(*this, index);
  Status status = lift(operation);
  FETAFIX_CHECK(check_memory());
  if (status.ok()) {
    for (const auto& [output, value] : operation.results_) values_[{-1, index, output}] = value;
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

// One that is no operator of the view after all is lifted operator by operator.
Status Lifter::add_normalization(int index) {
  const Normalization parts = out_.normalizations.at(index);
  Status status = add_by(index, [&](Operation& op) { return lift_normalization(op, parts); });
  if (status.ok() || status.error().kind != ErrorKind::unsupported) return status;
  out_.normalizations.erase(index);
  for (int other : parts.others) {
    absorbed_.erase(other);
    FETAFIX_CHECK(add_op(other));
  }
  return add_op(index);
}

// Of those that hang together as a normalization, the ones whose parameters are lists of one length.
void Lifter::find_normalizations() {
  const auto operand = [&](const Slot& slot) {
    return stored(out_.program.ops[static_cast<size_t>(slot.op)].inputs[static_cast<size_t>(slot.slot)]);
  };
  const auto numbers = [&](const Slot& slot) -> std::optional<int64_t> {
    const auto tensor = operand(slot);
    if (!tensor || !tensor->ok() || tensor->value().dtype() != DType::float32) return std::nullopt;
    return tensor->value().size();
  };
  const auto is_list = [&](const Slot& slot, int64_t length) {
    const auto tensor = operand(slot);
    return numbers(slot) == length && tensor->value().rank() > 0 && tensor->value().shape().back() == length;
  };
  out_.normalizations = normalizations_of(out_.program);
  std::erase_if(out_.normalizations, [&](const auto& entry) {
    const Normalization& parts = entry.second;
    const auto length = numbers(parts.variance);
    if (!length || numbers(parts.epsilon) != 1) return true;
    for (const Slot& slot : {parts.gamma, parts.beta, parts.mean, parts.variance})
      if (slot.op >= 0 && !is_list(slot, *length)) return true;
    return false;
  });
  for (const auto& [last, parts] : out_.normalizations)
    absorbed_.insert(parts.others.begin(), parts.others.end());
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
      out_.lifted.notes.push_back(
          "variable '" + name +
          "' is stored twice and the copies differ: tf.saved_model.load may read the other one");
  return lift_program();
}

Result<Lift> Lifter::lift_program() {
  FETAFIX_CHECK(add_inputs());
  find_normalizations();
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
