// UNIDIRECTIONAL_SEQUENCE_LSTM. One ONNX LSTM; its stacked parameters are Concats of the native tensors (role
// constant), gate by gate, so that every native tensor keeps its own lens.
#include "formats/tflite/lift_families.h"

namespace fetafix::formats::tflite {
namespace {

// Native slots in ONNX's order of gates: input, output, forget, cell.
constexpr int input_weights[] = {1, 4, 2, 3};
constexpr int recurrent_weights[] = {5, 8, 6, 7};
constexpr int biases[] = {12, 15, 13, 14};
constexpr int peepholes[] = {9, 11, 10};
constexpr int projection = 16, output_state = 18, cell_state = 19, first_norm = 20;

Operand first_axis(Operation& op, const Operand& value) {
  return op.node("Unsqueeze", {value, op.number("direction", Tensor::vector<int64_t>({0}))}, {},
                 Role::constant);
}

template <size_t n>
Result<Operand> stacked(Operation& op, const int (&slots)[n], bool bias) {
  std::vector<Operand> parts;
  for (int slot : slots) {
    auto part = bias ? op.bias(slot, 0, slot - 11) : op.in(slot);
    if (!part.ok()) return std::move(part).error();
    parts.push_back(*part);
  }
  return op.node("Concat", parts, {{"axis", int64_t{0}}}, Role::constant);
}

Status check_form(const Operation& op, const schema::UnidirectionalSequenceLSTMOptionsT& options) {
  if (!op.has(1) || !op.has(5)) return Operation::unsupported("input and forget gate are coupled");
  if (op.has(projection)) return Operation::unsupported("it has a projection");
  for (int slot = first_norm; slot < 24; ++slot)
    if (op.has(slot)) return Operation::unsupported("it has layer normalization");
  if (options.proj_clip != 0) return Operation::unsupported("it clips its projection");
  if (options.diagonal_recurrent_tensors) return Operation::unsupported("its recurrent tensors are diagonal");
  if (options.fused_activation_function != schema::ActivationFunctionType::TANH)
    return Operation::unsupported("its activation function is not Tanh");
  if (is_hybrid(op, 0, 1)) return Operation::unsupported("weights are stored in 8 bits, the input in float");
  if (!op.info(5).shape || op.info(5).shape->size() != 2)
    return Operation::unsupported("recurrent weights without 2 dimensions");
  return {};
}

constexpr int64_t most_units = 1 << 20;  // a damaged file may ask for any amount of memory

// TFLite clips the cell state, ONNX's `clip` the sums before the gates: that isn't the same, and the view
// says `cell_clip`. The cell can't grow by more than 1 a step, so within `clip` steps there is nothing to
// say.
bool clips(const Operation& op, float clip, bool time_major) {
  const auto& shape = op.info(0).shape;
  const int64_t steps = shape && shape->size() == 3 ? (*shape)[time_major ? 0 : 1] : -1;
  return clip > 0 && (steps < 0 || static_cast<float>(steps) > clip);
}

// W, R, B and, with peepholes, P, as ONNX wants them.
Result<std::vector<Operand>> parameters(Operation& op, int64_t units) {
  FETAFIX_TRY(Operand w, stacked(op, input_weights, false));
  FETAFIX_TRY(Operand r, stacked(op, recurrent_weights, false));
  FETAFIX_TRY(Operand b, stacked(op, biases, true));
  const Operand none = op.number(
      "recurrent_bias", Tensor::of(std::vector<float>(static_cast<size_t>(4 * units), 0.f), {4 * units}));
  b = op.node("Concat", {b, none}, {{"axis", int64_t{0}}}, Role::constant);
  return std::vector<Operand>{first_axis(op, w), first_axis(op, r), first_axis(op, b)};
}

}  // namespace

Status lift_sequence_lstm(Operation& op) {
  const auto options = op.options<schema::UnidirectionalSequenceLSTMOptions>();
  FETAFIX_CHECK(check_form(op, options));
  const int64_t units = (*op.info(5).shape)[1];
  if (units < 1 || units > most_units)
    return Operation::unsupported("it has " + std::to_string(units) + " units");
  FETAFIX_TRY(Operand x, op.in(0));
  if (!options.time_major) x = op.bridge(x, {1, 0, 2});
  FETAFIX_TRY(auto p, parameters(op, units));
  std::vector<Operand> operands{x, p[0], p[1], p[2], Operand{}};
  for (int slot : {output_state, cell_state}) {
    FETAFIX_TRY(Operand state, op.in(slot));
    operands.push_back(first_axis(op, state));
  }
  if (op.has(peepholes[0])) {
    FETAFIX_TRY(Operand peephole, stacked(op, peepholes, false));
    operands.push_back(first_axis(op, peephole));
  }
  Attributes attributes{{"hidden_size", units}};
  if (clips(op, options.cell_clip, options.time_major)) attributes["cell_clip"] = options.cell_clip;
  Operand y = op.node("LSTM", operands, attributes);
  y = op.node("Squeeze", {y, op.number("direction", Tensor::vector<int64_t>({1}))}, {}, Role::bridge);
  return op.out(options.time_major ? y : op.bridge(y, {1, 0, 2}));
}

}  // namespace fetafix::formats::tflite
