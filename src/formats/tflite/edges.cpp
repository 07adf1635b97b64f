// From values of the view to tensors of the file.
#include <algorithm>

#include "formats/tflite/editor.h"

namespace fetafix::formats::tflite {
namespace {

std::vector<int> permutation_of(const graph::Node& node) {
  const auto perm = graph::attribute_or(node, "perm", std::vector<int64_t>{});
  return {perm.begin(), perm.end()};
}

// transpose(transpose(x, first), second) as one.
std::vector<int> composed(const std::vector<int>& first, const std::vector<int>& second) {
  if (first.empty()) return second;
  std::vector<int> out;
  for (int axis : second) out.push_back(first[static_cast<size_t>(axis)]);
  return out;
}

}  // namespace

std::vector<int> identity_permutation(size_t rank) {
  std::vector<int> out;
  for (size_t i = 0; i < rank; ++i) out.push_back(static_cast<int>(i));
  return out;
}

bool is_identity(const std::vector<int>& permutation) {
  return permutation == identity_permutation(permutation.size());
}

// Through the bridges and dequantizations that lead from a tensor into its operator.
std::optional<Edge> Editor::trace_back(ValueId value, const graph::NativeOperator& within) const {
  std::vector<std::vector<int>> turns;
  int slot = -1;
  while (view_.value(value).native_tensor < 0 || slot < 0) {
    const graph::NodeId made_by = uses_.producer[static_cast<size_t>(value)];
    if (made_by < 0) break;
    const graph::Node& node = view_.node(made_by);
    if (node.native != within || (node.role != graph::Role::bridge && node.role != graph::Role::dequantize))
      break;
    if (node.type == "Transpose") turns.push_back(permutation_of(node));
    // The rows of a FULLY_CONNECTED are a Reshape that the kernel does by itself.
    const bool rows = node.type == "Reshape" &&
                      builtin(*original_[static_cast<size_t>(within.index)]) == Builtin::FULLY_CONNECTED;
    if (node.type != "Transpose" && node.type != "DequantizeLinear" && !rows) return std::nullopt;
    slot = node.slots.empty() ? -1 : node.slots[0];
    value = node.inputs[0];
  }
  if (slot < 0) return std::nullopt;
  Edge out;
  out.slot = slot;
  for (auto turn = turns.rbegin(); turn != turns.rend(); ++turn)
    out.permutation = composed(out.permutation, *turn);
  if (is_identity(out.permutation)) out.permutation.clear();
  return out;
}

Result<Edge> Editor::operand_edge(graph::NodeId id, int input) const {
  const graph::Node& node = view_.node(id);
  if (input < 0 || static_cast<size_t>(input) >= node.inputs.size() ||
      node.inputs[static_cast<size_t>(input)] == graph::no_value)
    return unsupported("there is no operand " + std::to_string(input));
  FETAFIX_TRY(schema::OperatorT * op, original(node.native));
  Edge out;
  const auto at = static_cast<size_t>(input);
  if (at < node.slots.size() && node.slots[at] >= 0) {
    out.slot = node.slots[at];
  } else if (auto traced = trace_back(node.inputs[at], node.native)) {
    out = *traced;
  } else {
    return unsupported("operand " + std::to_string(input) + " is computed inside the operator");
  }
  if (out.slot >= static_cast<int>(op->inputs.size()))
    return unsupported("operand " + std::to_string(input) + " is a parameter");
  out.reader = op;
  out.tensor = operand(*op, out.slot);
  return out;
}

// Forward through bias, activation function, bridge and quantization to the tensor that the operator writes.
Result<Edge> Editor::edge_of(ValueId value) {
  Edge out;
  if (view_.value(value).native_tensor >= 0) {
    out.whole = view_.value(value).native_tensor;
    out.tensor = moved.contains(out.whole) ? moved.at(out.whole) : out.whole;
    out.producer = producer(out.tensor);
    return out;
  }
  const graph::NodeId made_by = uses_.producer[static_cast<size_t>(value)];
  if (made_by < 0) return unsupported("'" + view_.value(value).name + "' is a constant");
  const graph::NativeOperator within = view_.node(made_by).native;
  FETAFIX_TRY(schema::OperatorT * op, original(within));
  if (auto entry = trace_back(value, within)) {
    entry->reader = op;
    entry->tensor = operand(*op, entry->slot);
    entry->producer = producer(entry->tensor);
    return *entry;
  }
  Stage stage = Stage::whole;
  std::vector<int> turn;
  while (view_.value(value).native_tensor < 0) {
    const auto& consumers = uses_.consumers[static_cast<size_t>(value)];
    const graph::Node* next = consumers.size() == 1 ? &view_.node(consumers[0].node) : nullptr;
    using graph::Role;
    const bool passes =
        next && next->native == within &&
        (next->role == Role::bias || next->role == Role::activation || next->role == Role::quantize ||
         (next->role == Role::bridge && next->type == "Transpose"));
    if (!passes)
      return unsupported("'" + view_.value(value).name + "' is inside operator " +
                         std::to_string(within.index));
    if (next->role == Role::bias) stage = Stage::before_bias;
    if (next->role == Role::activation && stage == Stage::whole) stage = Stage::before_activation;
    if (next->role == Role::bridge) turn = composed(turn, permutation_of(*next));
    value = next->outputs[0];
  }
  if (!turn.empty()) out.permutation = inverse_permutation(turn);
  FETAFIX_TRY(out.tensor, output_at(*op, stage));
  out.producer = producer(out.tensor);
  return out;
}

Result<Edge> Editor::edge(const graph::ValueAddress& address) {
  FETAFIX_TRY(ValueId value, graph::resolve(view_, address));
  FETAFIX_TRY(Edge out, edge_of(value));
  if (out.tensor < 0) return unsupported("the value has no tensor");
  return out;
}

// A split-off part writes the tensor that the operator wrote; the operator gets a new one before it.
Status Editor::split_activation(schema::OperatorT& op) {
  Function* function = fused_function(op);
  if (!function || *function == Function::NONE) return {};
  const auto kind = standalone(*function);
  if (!kind) return unsupported("its activation function has no operator of its own");
  const int whole = op.outputs[0];
  const int before = add_like(whole);
  op.outputs[0] = before;
  *function = Function::NONE;
  add_operator(*kind, {before}, {whole}, position(op) + 1);
  return {};
}

Status Editor::check_single(const graph::Node& node) const {
  if (node.opaque) return unsupported("the operator is opaque");
  for (const graph::Node& other : view_.nodes)
    if (&other != &node && other.native == node.native && other.role == graph::Role::core)
      return unsupported("the operator is several nodes, " + node.type + " and " + other.type +
                         ", that can only change together");
  return {};
}

Status Editor::unfuse_for(schema::OperatorT& op, Builtin kind) {
  switch (kind) {
    case Builtin::ADD:
    case Builtin::SUB:
    case Builtin::MUL:
    case Builtin::DIV:
      return {};
    default:
      return split_activation(op);
  }
}

Status Editor::split_bias(schema::OperatorT& op) {
  const int slot = bias_slot(builtin(op));
  const int bias = slot < 0 ? -1 : operand(op, slot);
  if (bias < 0) return {};
  if (quantized(op.outputs[0])) return unsupported("the bias of a quantized operator is part of it");
  const int whole = op.outputs[0];
  const int before = add_like(whole);
  op.outputs[0] = before;
  set_operand(op, slot, -1);
  add_operator(Builtin::ADD, {before, bias}, {whole}, position(op) + 1);
  return {};
}

Result<int> Editor::output_at(schema::OperatorT& op, Stage stage) {
  if (stage != Stage::whole) FETAFIX_CHECK(split_activation(op));
  if (stage == Stage::before_bias) FETAFIX_CHECK(split_bias(op));
  return op.outputs[0];
}

}  // namespace fetafix::formats::tflite
