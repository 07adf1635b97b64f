// What scales, zero points and the biases behind them tell of each other.
#include "faults/testing/quantized.h"
#include "faults/counting.h"
#include "faults/effective.h"

namespace fetafix::faults {
namespace {

using testing::Quantized;

double value_of(const Candidate& candidate, int slot) {
  const auto& edit = std::get<graph::SetTensor>(candidate.edits.at(0));
  EXPECT_EQ(edit.slot, slot);
  EXPECT_EQ(edit.at.op.index, 0);
  EXPECT_EQ(edit.at.role, graph::Role::quantize);
  return (*to_doubles(edit.value))[0];
}

TEST(ActivationScale, IsWhatTheBiasBehindItSays) {
  Quantized damaged("0.5", "-128", "0.25");
  const auto segment = damaged.segment("y");
  const auto found = activation_scale(damaged.at(&segment));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].pattern, "activation-scale");
  EXPECT_FLOAT_EQ(static_cast<float>(value_of(found[0], 3000)), 0.25f);
}

TEST(ActivationScale, NothingContradictsARightOne) {
  for (const char* claimed : {"0.5", "0.50001"}) {  // products of rounded numbers
    Quantized right("0.5", "-128", claimed);
    const auto segment = right.segment("y");
    EXPECT_TRUE(activation_scale(right.at(&segment)).empty()) << claimed;
  }
}

TEST(ActivationScale, AReaderThatSaysItIsRightIsBelieved) {
  Quantized damaged("0.5", "-128", "0.25");
  // Operator 2 gets a bias that agrees with the scale.
  auto& values = damaged.target.values;
  const auto step = damaged.target.add_constant("step2", Tensor::scalar(0.5f));
  const auto claim = damaged.target.add_constant("claim2", Tensor::scalar(0.5f));
  values[static_cast<size_t>(claim)].lens = graph::Lens{2, "claimed_scale", {}, {}};
  graph::Node bias = damaged.target.node(damaged.maker("b1"));
  bias.native.index = 2;
  bias.inputs[1] = step;
  bias.outputs = {damaged.target.add_value({})};
  damaged.target.add_node(std::move(bias));
  const auto segment = damaged.segment("y");
  EXPECT_TRUE(activation_scale(damaged.at(&segment)).empty());
}

TEST(ActivationZeroPoint, TheRangeLiesOnThatOfTheFunction) {
  Quantized damaged("0.023529412", "-125", "0.023529412");
  const auto segment = damaged.segment("q");
  const auto found = activation_zero_point(damaged.at(&segment));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(value_of(found[0], 4000), -128);
  Quantized right("0.023529412", "-128", "0.023529412");
  EXPECT_TRUE(activation_zero_point(right.at(&segment)).empty());
}

TEST(ActivationZeroPoint, ARangeOfAnotherWidthTellsNothing) {
  Quantized wide("0.05", "-125", "0.05");
  const auto segment = wide.segment("q");
  EXPECT_TRUE(activation_zero_point(wide.at(&segment)).empty());
}

// What reads %q needs Relu of it.
struct Missing : Quantized {
  align::EdgeFault edge;
  graph::InsertNode insert;

  explicit Missing(const std::string& reader, const std::string& claimed)
      : Quantized("0.5", "-128", claimed) {
    edge.node = maker(reader);
    edge.target_value = target.node(edge.node).inputs[0];
    edge.expected = source.outputs[0];
    alignment.edges = {edge};
    insert.type = "Relu";
  }
  double attribute(const char* name) const {
    const auto& value = insert.attributes.at(name);
    const auto* real = std::get_if<float>(&value);
    return real ? static_cast<double>(*real) : static_cast<double>(std::get<int64_t>(value));
  }
};

TEST(CountOutput, TheBiasOfTheReaderGivesTheScale) {
  Missing missing("y", "0.0625");
  const std::string how =
      count_output(missing.at(nullptr, &missing.edge), missing.source.outputs[0], true, missing.insert);
  EXPECT_NE(how.find("bias"), std::string::npos);
  EXPECT_FLOAT_EQ(static_cast<float>(missing.attribute("output_scale")), 0.0625f);
  EXPECT_EQ(missing.attribute("output_zero_point"), -128);  // nothing lies below zero
}

TEST(CountOutput, IsFittedWhereNoBiasSaysAnything) {
  Missing missing("n", "0.5");
  const std::string how =
      count_output(missing.at(nullptr, &missing.edge), missing.source.inputs[0], true, missing.insert);
  EXPECT_NE(how.find("fitted"), std::string::npos);
  EXPECT_FLOAT_EQ(static_cast<float>(missing.attribute("output_scale")), 7.0f / 255);  // from -2 to 5
  EXPECT_EQ(missing.attribute("output_zero_point"), -55);
}

TEST(CountOutput, FunctionsOfAKnownRangeNeedNoSamples) {
  Missing missing("n", "0.5");
  missing.insert.type = "Sigmoid";
  count_output(missing.at(nullptr, &missing.edge), missing.source.outputs[0], true, missing.insert);
  EXPECT_FLOAT_EQ(static_cast<float>(missing.attribute("output_scale")), 1.0f / 256);
  EXPECT_EQ(missing.attribute("output_zero_point"), -128);
}

TEST(Effective, PaddingIsSeenThroughTheQuantizationBehindIt) {
  graph::Graph graph = testing::parse(R"(input %x float32[1,1,4,4]
const %pads int64[8] {0, 0, 1, 1, 0, 0, 0, 0}
const %lo float32[] {-1}
const %hi float32[] {1}
const %w float32[1,1,2,2] {1, 2, 3, 4}
%p = Pad(%x, %pads)
%q = Clip(%p, %lo, %hi)
%y = Conv(%q, %w) {pads=[0,0,1,1]}
output %y
)");
  const auto constants = [&](graph::ValueId id) { return graph.value(id).constant; };
  const std::vector<graph::NodeId> nodes{0, 1, 2};
  EXPECT_FALSE(effective(graph, nodes, constants).has_value());  // a Clip of its own is no rounding
  graph.node(1).role = graph::Role::quantize;
  const auto found = effective(graph, nodes, constants);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->pads, (std::vector<int64_t>{1, 1, 1, 1}));
}

}  // namespace
}  // namespace fetafix::faults
