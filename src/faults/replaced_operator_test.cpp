// An activation function whose bounds no sample reaches, in front of what shows that the source's are
// reached.
#include "faults/testing/quantized.h"

namespace fetafix::faults {
namespace {

constexpr const char* bounds =
    "const %low float32[] {0}\nconst %high float32[] {6}\nconst %w float32[1,1] {2}\n";

struct Net {
  graph::Graph source = testing::parse("input %x float32[1,1]\n" + std::string(bounds) +
                                       "%c = Clip(%x, %low, %high)\n%y = MatMul(%c, %w)\noutput %y\n");
  graph::Graph target;
  bool idle = true;

  explicit Net(const std::string& wrong)
      : target(testing::parse("input %x float32[1,1]\n" + std::string(bounds) + wrong +
                              "\n%y = MatMul(%c, %w)\noutput %y\n")) {
    for (size_t n = 0; n < target.nodes.size(); ++n) target.nodes[n].native.index = static_cast<int>(n);
    target.nodes[0].role = graph::Role::activation;
  }

  std::vector<Candidate> proposals() const {
    const graph::Uses uses(target);
    const auto sample = [&](float x, float c) {
      return evaluate::Feeds{{source.inputs[0], Tensor::of<float>({x}, {1, 1})},
                             {source.nodes[0].outputs[0], Tensor::of<float>({c}, {1, 1})}};
    };
    const align::SourceValues values(source, {sample(-0.5f, 0), sample(7, 6)});
    align::HalfSteps half_steps(target);
    align::Alignment alignment;
    alignment.pairs[target.inputs[0]] = {source.inputs[0], {}, {}};
    alignment.pairs[target.nodes[0].outputs[0]] = {
        idle ? source.inputs[0] : source.nodes[0].outputs[0], {}, {}};
    align::Segment segment;
    segment.target_nodes = {1};
    segment.source_nodes = {0, 1};
    segment.target_end = target.outputs[0];
    segment.source_end = source.outputs[0];
    return idle_operator({source, target, uses, values, alignment, half_steps, &segment});
  }
};

TEST(IdleOperator, IsReplacedByTheSources) {
  const auto found = Net("const %wide float32[] {9}\n%c = Clip(%x, %low, %wide)").proposals();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].explanation,
            "a Clip with other bounds than the source's, which did nothing to these samples");
  ASSERT_EQ(found[0].edits.size(), 2u);
  const auto& insert = std::get<graph::InsertNode>(found[0].edits[0]);
  EXPECT_EQ(insert.type, "Clip");
  EXPECT_EQ(insert.edge.node.op.index, 0);
  EXPECT_EQ(std::get<graph::RemoveNode>(found[0].edits[1]).at.op.index, 0);
  EXPECT_EQ(Net("%c = Relu(%x)").proposals().size(), 1u);
}

TEST(IdleOperator, OneThatDoesSomethingIsNone) {
  Net net("const %wide float32[] {9}\n%c = Clip(%x, %low, %wide)");
  net.idle = false;
  EXPECT_TRUE(net.proposals().empty());
  EXPECT_TRUE(Net("%c = Neg(%x)").proposals().empty());
}

}  // namespace
}  // namespace fetafix::faults
