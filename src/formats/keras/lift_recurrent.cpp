// LSTM, GRU and SimpleRNN: one ONNX node each, its parameters in ONNX's order of gates (gates.h).
#include <algorithm>

#include "formats/keras/gates.h"
#include "formats/keras/lift_families.h"

namespace fetafix::formats::keras {
namespace {

// A recurrent layer's settings, of the layer itself or of one that a Bidirectional wraps.
struct Recurrent {
  std::string class_name;
  const Json* config;
  size_t first_weight = 0;
  bool backwards = false;

  bool flag(const char* key, bool otherwise) const {
    return config->is_object() && config->contains(key) && (*config)[key].is_boolean()
               ? (*config)[key].get<bool>()
               : otherwise;
  }
  std::string text(const char* key) const { return text_of(*config, key); }
  size_t weights() const { return flag("use_bias", true) ? 3 : 2; }
};

// ONNX's name of a gate's function.
Result<std::string> function(const std::string& name) {
  if (name == "tanh") return std::string("Tanh");
  if (name == "sigmoid") return std::string("Sigmoid");
  if (name == "relu") return std::string("Relu");
  if (name == "softsign") return std::string("Softsign");
  if (name == "hard_sigmoid") return std::string("HardSigmoid");
  return Operation::unsupported("activation function '" + name + "' of a recurrent layer");
}

Status set_functions(const Recurrent& layer, int generation, Attributes& attributes) {
  FETAFIX_TRY(const std::string main,
              function(layer.text("activation").empty() ? "tanh" : layer.text("activation")));
  std::vector<std::string> functions{main};
  if (layer.class_name != "SimpleRNN") {
    const std::string name = layer.text("recurrent_activation");
    FETAFIX_TRY(const std::string gate, function(name.empty() ? "sigmoid" : name));
    functions = layer.class_name == "LSTM" ? std::vector<std::string>{gate, main, main}
                                           : std::vector<std::string>{gate, main};
    if (gate == "Sigmoid" && main == "Tanh") return {};
  } else if (main == "Tanh") {
    return {};
  }
  attributes["activations"] = functions;
  // For each function that takes them, in order.
  const auto hard = static_cast<size_t>(std::ranges::count(functions, "HardSigmoid"));
  if (hard == 0) return {};
  attributes["activation_alpha"] = std::vector<float>(hard, generation == 2 ? 0.2f : 1.f / 6.f);
  attributes["activation_beta"] = std::vector<float>(hard, 0.5f);
  return {};
}

Status check(const Operation& op, const Recurrent& layer) {
  if (op.operands() != 1) return Operation::unsupported("it is called with initial states or a mask");
  if (layer.flag("time_major", false)) return Operation::unsupported("time is its first axis");
  if (layer.flag("stateful", false))
    return Operation::unsupported("it keeps its state from one call to the next");
  return {};
}

struct Answer {
  Operand sequence;  // [batch, time, units]
  Operand last;      // [batch, units]
  Operand cell;      // of an LSTM
};

Result<Answer> run(Operation& op, const Operand& turned, const Recurrent& layer) {
  FETAFIX_TRY(const Tensor recurrent, op.stored(layer.first_weight + 1));
  if (recurrent.rank() != 2)
    return Operation::unsupported("its recurrent kernel has shape " + to_string(recurrent.shape()));
  const int64_t units = recurrent.shape()[0];
  std::vector<Operand> operands{turned};
  for (size_t k = 0; k < layer.weights(); ++k) {
    FETAFIX_TRY(const Tensor stored, op.stored(layer.first_weight + k));
    FETAFIX_TRY(Tensor view, gates_to_view(stored, layer.class_name, static_cast<Gated>(k)));
    FETAFIX_TRY(const Operand w, op.rearranged(layer.first_weight + k, std::move(view)));
    operands.push_back(w);
  }
  Attributes attributes{{"hidden_size", units}};
  FETAFIX_CHECK(set_functions(layer, op.generation(), attributes));
  if (layer.backwards) attributes["direction"] = std::string("reverse");
  if (layer.class_name == "GRU")
    attributes["linear_before_reset"] =
        int64_t{layer.flag("reset_after", op.generation() == 3 || layer.config->contains("reset_after"))};
  const std::string type = layer.class_name == "SimpleRNN" ? "RNN" : layer.class_name;
  const auto results = op.nodes(type, operands, attributes, type == "LSTM" ? 3 : 2);
  const auto squeezed = [&](const Operand& value, int64_t axis) {
    return op.node("Squeeze", {value, op.constant("direction", Tensor::vector(std::vector<int64_t>{axis}))},
                   {}, Role::bridge);
  };
  const auto input = op.shape(turned);
  const Shape state{1, input ? (*input)[1] : -1, units};
  op.know_shape(results[0], {input ? (*input)[0] : -1, 1, state[1], units});
  for (size_t i = 1; i < results.size(); ++i) op.know_shape(results[i], state);
  Answer out;
  out.sequence = op.bridge(squeezed(results[0], 1), {1, 0, 2});
  out.last = squeezed(results[1], 0);
  if (type == "LSTM") out.cell = squeezed(results[2], 0);
  return out;
}

Result<Operand> sequence_input(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  if (op.rank(x) != 3) return Operation::unsupported("its input does not have 3 known dimensions");
  return op.bridge(x, {1, 0, 2});
}

Status lift_recurrent(Operation& op) {
  Recurrent layer{op.layer().class_name, op.layer().config, 0, op.flag("go_backwards", false)};
  FETAFIX_CHECK(check(op, layer));
  const bool sequences = layer.flag("return_sequences", false);
  if (layer.backwards && sequences) return Operation::unsupported("it answers with a sequence from the end");
  FETAFIX_TRY(const Operand x, sequence_input(op));
  FETAFIX_TRY(const Answer answer, run(op, x, layer));
  FETAFIX_CHECK(op.out(0, sequences ? answer.sequence : answer.last));
  if (!layer.flag("return_state", false)) return {};
  FETAFIX_CHECK(op.out(1, answer.last));
  return layer.class_name == "LSTM" ? op.out(2, answer.cell) : Status();
}

}  // namespace

Status lift_lstm(Operation& op) {
  return lift_recurrent(op);
}
Status lift_gru(Operation& op) {
  return lift_recurrent(op);
}
Status lift_simple_rnn(Operation& op) {
  return lift_recurrent(op);
}

// Both directions on the same input; ONNX's reverse answers in the order of its input, as this layer does.
Status lift_bidirectional(Operation& op) {
  const Json& inner = op.setting("layer");
  Recurrent forward{text_of(inner, "class_name"), &member(inner, "config"), 0, false};
  if (gates_of(forward.class_name) == 0)
    return Operation::unsupported("what it wraps is no LSTM, GRU or SimpleRNN");
  Recurrent backward = forward;
  backward.first_weight = forward.weights();
  backward.backwards = true;
  if (const Json& other = op.setting("backward_layer"); other.is_object()) {
    if (!other.contains("class_name") || other["class_name"] != forward.class_name)
      return Operation::unsupported("its directions are layers of different classes");
    backward.config = &member(other, "config");
  }
  FETAFIX_CHECK(check(op, forward));
  if (forward.flag("return_state", false)) return Operation::unsupported("it returns its states");
  FETAFIX_TRY(const Operand x, sequence_input(op));
  FETAFIX_TRY(const Answer one, run(op, x, forward));
  FETAFIX_TRY(const Answer other, run(op, x, backward));
  const bool sequences = forward.flag("return_sequences", false);
  const Operand a = sequences ? one.sequence : one.last, b = sequences ? other.sequence : other.last;
  const std::string mode = op.text("merge_mode", op.setting("merge_mode").is_null() ? "none" : "");
  if (mode == "concat") return op.out(op.node("Concat", {a, b}, {{"axis", int64_t{-1}}}));
  if (mode == "sum") return op.out(op.node("Add", {a, b}));
  if (mode == "mul") return op.out(op.node("Mul", {a, b}));
  if (mode == "ave") return op.out(op.node("Mean", {a, b}));
  if (mode != "none") return Operation::unsupported("merge mode '" + mode + "'");
  FETAFIX_CHECK(op.out(0, a));
  return op.out(1, b);
}

}  // namespace fetafix::formats::keras
