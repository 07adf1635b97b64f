// LSTM, GRU and RNN: one ONNX node for each layer and direction, its weights in ONNX's order of gates
// (gates.h).
#include <algorithm>

#include "formats/torch/gates.h"
#include "formats/torch/lift_families.h"

namespace fetafix::formats::torch {
namespace {

struct Layout {
  std::string type;  // ONNX's
  int64_t layers = 1;
  size_t directions = 1;
  bool biases = true, batch_first = false;
  std::vector<std::string> states;  // arguments or elements that hold the first states

  size_t weights() const { return biases ? 4 : 2; }
};

Result<Layout> layout_of(const Operation& op) {
  Layout out;
  out.type = recurrent_type(op.target());
  if (!op.target().ends_with(".input")) return Operation::unsupported("its sequences are packed");
  if (op.flag("train", false) && op.number("dropout", 0) > 0)
    return Operation::unsupported("it drops elements by chance (training mode)");
  out.layers = op.integer("num_layers", 1);
  out.directions = op.flag("bidirectional", false) ? 2 : 1;
  out.biases = op.flag("has_biases", true);
  out.batch_first = op.flag("batch_first", false);
  const size_t expected = static_cast<size_t>(out.layers) * out.directions * out.weights();
  if (out.layers < 1 || out.layers > 64 || op.list_size("params") != expected)
    return Operation::unsupported("it has " + std::to_string(op.list_size("params")) + " weights, expected " +
                                  std::to_string(expected));
  return out;
}

struct Answer {
  Operand sequence, hidden, cell;  // [time, batch, hidden], [1, batch, hidden]
};

// What a run starts from; zeros are what ONNX starts from anyway.
Result<std::vector<Operand>> first_states(Operation& op, const Layout& layout, int64_t number) {
  std::vector<Operand> out;
  const size_t count = layout.type == "LSTM" ? 2 : 1;
  if (op.starts_from_zeros("hx")) return out;
  for (size_t i = 0; i < count; ++i) {
    FETAFIX_TRY(const Operand all, op.list_size("hx") > 0 ? op.element("hx", i) : op.in("hx"));
    if (layout.layers == 1 && layout.directions == 1) {
      out.push_back(all);
      continue;
    }
    out.push_back(op.node(
        "Slice", {{all.id, -1}, op.int64s("", {number}), op.int64s("", {number + 1}), op.int64s("", {0})}, {},
        Role::bridge));
  }
  return out;
}

Result<Answer> run(Operation& op, const Layout& layout, const Operand& x, int64_t layer, size_t direction) {
  const int64_t number = layer * static_cast<int64_t>(layout.directions) + static_cast<int64_t>(direction);
  const size_t first = static_cast<size_t>(number) * layout.weights();
  std::vector<Operand> parts;
  for (size_t i = 0; i < layout.weights(); ++i) {
    FETAFIX_TRY(parts.emplace_back(), op.rearranged("params", first + i, [&](const Tensor& stored) {
      return gates_to_view(stored, layout.type);
    }));
  }
  const auto recurrent = op.shape(parts[1]);
  if (recurrent->size() != 3) return Operation::unsupported("its recurrent weight has another shape");
  const int64_t hidden = recurrent->back();
  std::vector<Operand> operands{x, parts[0], parts[1]};
  const Operand none{};
  operands.push_back(
      layout.biases ? op.node("Concat", {parts[2], parts[3]}, {{"axis", int64_t{1}}}, Role::constant) : none);
  FETAFIX_TRY(const auto states, first_states(op, layout, number));
  if (!states.empty()) operands.push_back(none);  // all sequences are of full length
  operands.insert(operands.end(), states.begin(), states.end());
  Attributes attributes{{"hidden_size", hidden}};
  if (direction == 1) attributes["direction"] = std::string("reverse");
  if (layout.type == "GRU") attributes["linear_before_reset"] = int64_t{1};
  if (op.target().starts_with("aten.rnn_relu")) attributes["activations"] = std::vector<std::string>{"Relu"};
  const auto results = op.nodes(layout.type, operands, attributes, layout.type == "LSTM" ? 3 : 2);
  const auto shape = op.shape(x);
  const int64_t time = shape ? (*shape)[0] : -1, batch = shape ? (*shape)[1] : -1;
  op.know_shape(results[0], {time, 1, batch, hidden});
  for (size_t i = 1; i < results.size(); ++i) op.know_shape(results[i], {1, batch, hidden});
  Answer out;
  out.sequence = op.node("Squeeze", {results[0], op.int64s("", {1})}, {}, Role::bridge);
  out.hidden = results[1];
  if (layout.type == "LSTM") out.cell = results[2];
  return out;
}

Operand joined(Operation& op, const std::vector<Operand>& parts, int64_t axis) {
  return parts.size() == 1 ? parts[0] : op.node("Concat", parts, {{"axis", axis}}, Role::core);
}

Status lift_layers(Operation& op) {
  FETAFIX_TRY(const Layout layout, layout_of(op));
  FETAFIX_TRY(const int rank, op.rank("input"));
  if (rank != 3) return Operation::unsupported("the input has no batch");
  FETAFIX_TRY(Operand x, op.in("input"));
  if (layout.batch_first) x = op.bridge(x, {1, 0, 2});
  std::vector<Operand> hidden, cells;
  for (int64_t layer = 0; layer < layout.layers; ++layer) {
    std::vector<Operand> sequences;
    for (size_t direction = 0; direction < layout.directions; ++direction) {
      FETAFIX_TRY(const Answer answer, run(op, layout, x, layer, direction));
      sequences.push_back(answer.sequence);
      hidden.push_back(answer.hidden);
      cells.push_back(answer.cell);
    }
    x = joined(op, sequences, 2);
  }
  FETAFIX_CHECK(op.out(0, layout.batch_first ? op.bridge(x, {1, 0, 2}) : x));
  FETAFIX_CHECK(op.out(1, joined(op, hidden, 0)));
  return layout.type == "LSTM" ? op.out(2, joined(op, cells, 0)) : Status();
}

}  // namespace

Status lift_lstm(Operation& op) {
  return lift_layers(op);
}
Status lift_gru(Operation& op) {
  return lift_layers(op);
}
Status lift_rnn(Operation& op) {
  return lift_layers(op);
}

}  // namespace fetafix::formats::torch
