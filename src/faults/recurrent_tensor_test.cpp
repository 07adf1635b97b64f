// One LSTM as an operator against the same as a loop over the steps, whose gates come in another order.
#include <memory>

#include "faults/testing/quantized.h"

namespace fetafix::faults {
namespace {

constexpr const char* order_of_operator = "iofc";
constexpr const char* order_of_loop = "ifco";

// Numbers that tell by themselves what they are: gate, unit and column.
float number(char gate, int unit, int column) {
  return static_cast<float>(gate % 32) + 0.25f * static_cast<float>(unit) +
         0.0625f * static_cast<float>(column);
}

std::string constant(const std::string& name, const std::string& shape, const std::vector<float>& values) {
  std::string out = "const %" + name + " float32[" + shape + "] {";
  for (size_t i = 0; i < values.size(); ++i) out += (i ? ", " : "") + std::to_string(values[i]);
  return out + "}\n";
}

struct Weights {
  float of_gate_f = 0;   // what is added to the input weights of gate f
  float more_bias = 0;   // ... and to the bias of gate o
  bool swapped = false;  // gates i and f hold each other's numbers
  char of(char gate) const { return swapped && gate == 'i' ? 'f' : swapped && gate == 'f' ? 'i' : gate; }
  float input(char gate, int unit) const { return number(of(gate), unit, 0) + (gate == 'f' ? of_gate_f : 0); }
  float state(char gate, int unit, int column) const { return number(of(gate), unit, column + 1); }
  float bias(char gate, int unit) const { return number(of(gate), unit, 3) + (gate == 'o' ? more_bias : 0); }
};

// 2 units, 1 input; W [1, 8, 1], R [1, 8, 2], B [1, 16] of which the second half adds 1 to each gate's bias.
graph::Graph as_operator(const Weights& weights) {
  std::vector<float> w, r, b, second(8, 1.f);
  for (const char* gate = order_of_operator; *gate; ++gate)
    for (int unit = 0; unit < 2; ++unit) {
      w.push_back(weights.input(*gate, unit));
      for (int column = 0; column < 2; ++column) r.push_back(weights.state(*gate, unit, column));
      b.push_back(weights.bias(*gate, unit) - 1);
    }
  b.insert(b.end(), second.begin(), second.end());
  return testing::parse("input %x float32[3,1,1]\n" + constant("w", "1,8,1", w) + constant("r", "1,8,2", r) +
                        constant("b", "1,16", b) +
                        "%y, %h = LSTM(%x, %w, %r, %b) {hidden_size=2}\noutput %h\n");
}

graph::Graph body_of_loop(const Weights& weights) {
  std::vector<float> w, b, r;
  for (const char* gate = order_of_loop; *gate; ++gate)
    for (int unit = 0; unit < 2; ++unit) {
      w.push_back(weights.input(*gate, unit));
      b.push_back(weights.bias(*gate, unit));
    }
  for (int column = 0; column < 2; ++column)
    for (const char* gate = order_of_loop; *gate; ++gate)
      for (int unit = 0; unit < 2; ++unit) r.push_back(weights.state(*gate, unit, column));
  graph::Graph out = testing::parse(
      "input %step int64[]\ninput %more bool[]\ninput %h float32[1,2]\ninput %c float32[1,2]\ninput %all "
      "float32[3,1,1]\n" +
      constant("w", "1,8", w) + constant("r", "2,8", r) + constant("b", "8", b) + R"(
%x = Gather(%all, %step) {axis=0}
%xw = MatMul(%x, %w)
%hr = MatMul(%h, %r)
%sum = Add(%xw, %hr)
%z = Add(%sum, %b)
%zi, %zf, %zc, %zo = Split(%z) {axis=1, num_outputs=4}
%i = Sigmoid(%zi)
%f = Sigmoid(%zf)
%g = Tanh(%zc)
%o = Sigmoid(%zo)
%kept = Mul(%c, %f)
%added = Mul(%i, %g)
%c2 = Add(%kept, %added)
%t = Tanh(%c2)
%h2 = Mul(%o, %t)
output %more
output %h2
output %c2
output %all
)");
  for (size_t n = 0; n < out.nodes.size(); ++n) out.nodes[n].native = {"steps", static_cast<int>(n)};
  return out;
}

graph::Graph as_loop(const Weights& weights) {
  graph::Graph out = testing::parse(R"(input %x float32[3,1,1]
const %count int64[] {3}
const %go bool[] {1}
const %h0 float32[1,2] {0, 0}
const %c0 float32[1,2] {0, 0}
%h, %c, %all = Loop(%count, %go, %h0, %c0, %x)
output %h
)");
  out.nodes[0].bodies["body"] = {std::make_shared<const graph::Graph>(body_of_loop(weights)), {}};
  return out;
}

// Both directions in one operator.
graph::Graph as_both(const Weights& forward, const Weights& reverse) {
  std::vector<Tensor> w, r, b;
  for (const Weights* weights : {&forward, &reverse}) {
    const graph::Graph one = as_operator(*weights);
    for (const auto& value : one.values) {
      if (value.name == "w") w.push_back(value.constant);
      if (value.name == "r") r.push_back(value.constant);
      if (value.name == "b") b.push_back(value.constant);
    }
  }
  const auto stacked = [](const std::vector<Tensor>& parts) {
    std::vector<float> out;
    for (const Tensor& part : parts) out.insert(out.end(), part.as<float>().begin(), part.as<float>().end());
    return out;
  };
  graph::Graph out = testing::parse("input %x float32[3,1,1]\n" + constant("w", "2,8,1", stacked(w)) +
                                    constant("r", "2,8,2", stacked(r)) + constant("b", "2,16", stacked(b)) +
                                    "%y, %h = LSTM(%x, %w, %r, %b) {hidden_size=2}\noutput %h\n");
  out.nodes[0].attributes["direction"] = std::string("bidirectional");
  return out;
}

std::vector<Candidate> proposals(const graph::Graph& source, const graph::Graph& target) {
  const graph::Uses uses(target);
  const Tensor x = Tensor::of<float>({1, 2, 3}, {3, 1, 1});
  const align::SourceValues values(source, {{{source.inputs[0], x}}, {{source.inputs[0], x}}});
  align::HalfSteps half_steps(target);
  const align::Alignment alignment;
  align::Segment segment;
  segment.target_nodes = {0};
  segment.source_nodes = {0};
  segment.target_end = target.outputs[0];
  segment.source_end = source.outputs[0];
  return recurrent_tensor({source, target, uses, values, alignment, half_steps, &segment});
}

// The only proposal, which must leave nothing to propose.
Candidate proven(const graph::Graph& source, const graph::Graph& target) {
  const auto found = proposals(source, target);
  EXPECT_EQ(found.size(), 1u);
  if (found.empty()) return {};
  graph::Patch patch;
  patch.groups.push_back({found[0].edits, ""});
  graph::Graph mended = target;
  EXPECT_TRUE(graph::apply(mended, patch).ok());
  EXPECT_TRUE(proposals(source, mended).empty());
  return found[0];
}

TEST(RecurrentTensor, TheSameInTwoFormsIsLeftAlone) {
  EXPECT_TRUE(proposals(as_operator({}), as_loop({})).empty());
  EXPECT_TRUE(proposals(as_loop({}), as_operator({})).empty());
  EXPECT_TRUE(proposals(as_loop({}), as_loop({})).empty());
}

TEST(RecurrentTensor, DirectionsOfOneOperatorAreComparedEachWithItsOwn) {
  const Weights other{.of_gate_f = 2.f};
  EXPECT_TRUE(proposals(as_both({}, other), as_both({}, other)).empty());
  const Candidate found = proven(as_both({}, other), as_both({.swapped = true}, other));
  EXPECT_EQ(found.explanation, "the gates of the LSTM are in another order than the source's");
  ASSERT_EQ(found.edits.size(), 3u);
  const auto both = proven(as_both({}, other), as_both({.of_gate_f = 0.5f}, {.of_gate_f = 1.f}));
  EXPECT_EQ(both.edits.size(), 1u);
  EXPECT_EQ(std::get<graph::SetTensor>(both.edits[0]).value.shape(), (Shape{2, 8, 1}));
}

TEST(RecurrentTensor, WeightsOfOneGateAreMendedWhereTheLoopHasThem) {
  const Candidate found = proven(as_operator({}), as_loop({.of_gate_f = 0.5f}));
  EXPECT_EQ(found.explanation, "the input weights of gate f of the LSTM are not the source's");
  ASSERT_EQ(found.edits.size(), 1u);
  const auto& edit = std::get<graph::SetTensor>(found.edits[0]);
  EXPECT_EQ(edit.at.op, (graph::NativeOperator{"steps", 1}));
  EXPECT_EQ(edit.slot, 1);
  EXPECT_EQ(edit.value.shape(), (Shape{1, 8}));
}

TEST(RecurrentTensor, TheOperatorIsMendedFromALoop) {
  const Candidate found = proven(as_loop({}), as_operator({.of_gate_f = 0.5f, .more_bias = 2}));
  EXPECT_EQ(found.explanation,
            "the input weights of gate f and the biases of gate o of the LSTM are not the source's");
}

TEST(RecurrentTensor, ExchangedGatesAreCalledSo) {
  const Candidate found = proven(as_loop({}), as_loop({.swapped = true}));
  EXPECT_EQ(found.explanation, "the gates of the LSTM are in another order than the source's");
}

TEST(RecurrentTensor, OnlyTheSumOfBiasesCounts) {
  const Candidate found = proven(as_operator({}), as_loop({.more_bias = 1}));
  EXPECT_EQ(found.explanation, "the biases of gate o of the LSTM are not the source's");
}

}  // namespace
}  // namespace fetafix::faults
