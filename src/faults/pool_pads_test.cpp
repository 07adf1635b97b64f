#include "faults/pool_pads.h"

#include "faults/testing/quantized.h"

namespace fetafix::faults {
namespace {

using Ints = std::vector<int64_t>;

// What is laid around the pool at the end of a graph of one input.
std::optional<Ints> before_last(const std::string& text) {
  const graph::Graph graph = testing::parse("input %x float32[1,4,4,2]\n" + text + "output %y\n");
  std::vector<graph::NodeId> nodes;
  for (size_t n = 0; n < graph.nodes.size(); ++n) nodes.push_back(static_cast<graph::NodeId>(n));
  const ConstantLookup constant = [&](graph::ValueId id) { return graph.value(id).constant; };
  return pads_before(graph, nodes, nodes.back(), constant);
}

const std::string pool = "%y = MaxPool(%p) {kernel_shape=[3,3], strides=[2,2]}\n";

TEST(PoolPads, OfAPadBeforeIt) {
  EXPECT_EQ(before_last("const %n int64[8] {0, 0, 1, 0, 0, 0, 2, 3}\n%p = Pad(%x, %n)\n" + pool),
            (Ints{1, 0, 2, 3}));
}

TEST(PoolPads, ThroughALayoutChange) {
  EXPECT_EQ(before_last("const %n int64[8] {0, 1, 0, 0, 0, 2, 3, 0}\n%q = Pad(%x, %n)\n"
                        "%p = Transpose(%q) {perm=[0,3,1,2]}\n" +
                        pool),
            (Ints{1, 0, 2, 3}));
}

TEST(PoolPads, NoneWithoutAPad) {
  EXPECT_EQ(before_last("%p = Relu(%x)\n" + pool), (Ints{0, 0, 0, 0}));
}

}  // namespace
}  // namespace fetafix::faults
