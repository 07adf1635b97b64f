// Addresses found again in another file of the same model.
#include <gtest/gtest.h>

#include "graph/edit.h"
#include "graph/parse_text.h"

namespace fetafix::graph {
namespace {

const char* const original = R"(input %x float32[1,2]
const %w float32[2,2] {1, 2, 3, 4}
const %v float32[2,2] {4, 3, 2, 1}
%a = MatMul(%x, %w)
%b = Relu(%a)
%c = MatMul(%b, %v)
%d = Relu(%c)
output %d
)";

Address at(int index) {
  return {{"", index}, Role::core};
}

Patch patch_of(std::vector<Edit> edits, const char* text = original) {
  Patch patch{"onnx", "", {{std::move(edits), ""}}};
  add_fingerprints(patch, *parse_text(text));
  return patch;
}

// The operator that the only edit means afterwards, or the complaint.
std::string rebased(const Patch& patch, const char* text) {
  auto out = rebase(patch, *parse_text(text));
  return out.ok() ? std::to_string(address_of(out->groups[0].edits[0]).op.index) : out.error().message;
}

std::string moved(int index, const char* text) {
  return rebased(patch_of({RemoveNode{at(index), 0}}), text);
}

TEST(Fingerprint, OtherNamesOrderAndAnotherOperatorInFront) {
  const char* other = R"(input %q float32[1,2]
const %k float32[2,2] {4, 3, 2, 1}
const %j float32[2,2] {1, 2, 3, 4}
%n0 = Neg(%q)
%n1 = MatMul(%n0, %j)
%n2 = Relu(%n1)
%n3 = MatMul(%n2, %k)
%n4 = Relu(%n3)
output %n4
)";
  for (int index = 0; index < 4; ++index) {
    EXPECT_EQ(moved(index, original), std::to_string(index));
    EXPECT_EQ(moved(index, other), std::to_string(index + 1));
  }
}

TEST(Fingerprint, ContentTellsApart) {
  const std::string text(original);
  const auto with = [&](const char* from, const char* to) {
    std::string changed = text;
    changed.replace(changed.find(from), std::string(from).size(), to);
    return moved(0, changed.c_str());
  };
  const std::string gone = "the patch can't be rebased: operator 0 found 0 times; expected each exactly once";
  EXPECT_EQ(with("{1, 2, 3, 4}", "{1, 2, 3, 5}"), gone);
  EXPECT_EQ(with("MatMul(%x, %w)", "MatMul(%w, %x)"), gone);
  EXPECT_EQ(with("MatMul(%x, %w)", "MatMul(%x, %w) {k=1}"), gone);
  EXPECT_EQ(with("MatMul(%x, %w)", "Gemm(%x, %w)"), gone);
}

TEST(Fingerprint, NeighborsTellEqualOnesApartAndOnlyWhereNeeded) {
  const Patch unique = patch_of({RemoveNode{at(0), 0}}), equal = patch_of({RemoveNode{at(1), 0}});
  EXPECT_TRUE(unique.operators.begin()->second.around.empty());
  EXPECT_EQ(equal.operators.begin()->second.around.size(), 1u);
}

TEST(Fingerprint, TwinsAreFoundTwice) {
  const char* twins =
      "input %x float32[2]\n%a = Relu(%x)\n%b = Relu(%x)\n%c = Add(%a, %a)\n%d = Add(%b, %b)\n"
      "%e = Add(%c, %d)\noutput %e\n";
  EXPECT_EQ(rebased(patch_of({RemoveNode{at(4), 0}}, twins), twins), "4");
  // Both sides of a commutative join are told apart by their operand.
  EXPECT_EQ(rebased(patch_of({RemoveNode{at(0), 0}}, twins), twins), "0");
  const char* really = "input %x float32[2]\n%a = Relu(%x)\n%b = Relu(%x)\noutput %a\n";
  const char* three = "input %x float32[2]\n%a = Relu(%x)\n%b = Relu(%x)\n%c = Relu(%x)\noutput %a\n";
  EXPECT_EQ(rebased(patch_of({RemoveNode{at(1), 0}}, three), really),
            "the patch can't be rebased: operator 1 found 0 times; expected each exactly once");
  EXPECT_EQ(rebased(patch_of({RemoveNode{at(1), 0}}, three), three),
            "the patch can't be rebased: operator 1 found 2 times; expected each exactly once");
}

TEST(Fingerprint, AllThatAnEditAddressesMoves) {
  InsertNode insert;
  insert.edge.graph_input = 0;
  insert.only_consumer = std::pair(at(0), 0);
  insert.type = "Add";
  insert.operands.resize(2);
  insert.other_operands.emplace_back(1, insert.edge);
  const char* other = R"(input %z float32[7]
input %x float32[1,2]
const %w float32[2,2] {1, 2, 3, 4}
const %v float32[2,2] {4, 3, 2, 1}
%y = Neg(%z)
%a = MatMul(%x, %w)
%b = Relu(%a)
%c = MatMul(%b, %v)
%d = Relu(%c)
output %d
)";
  const Patch patch = patch_of({insert, SetOperand{at(3), 0, {-1, at(1), 0}}});
  auto out = rebase(patch, *parse_text(other));
  ASSERT_TRUE(out.ok()) << out.error().message;
  const auto& first = std::get<InsertNode>(out->groups[0].edits[0]);
  EXPECT_EQ(first.edge.graph_input, 1);
  EXPECT_EQ(first.only_consumer->first.op.index, 1);
  EXPECT_EQ(first.other_operands[0].second.graph_input, 1);
  const auto& second = std::get<SetOperand>(out->groups[0].edits[1]);
  EXPECT_EQ(second.at.op.index, 4);
  EXPECT_EQ(second.value.node.op.index, 2);
}

TEST(Fingerprint, PatchesWithoutSaySo) {
  const Patch bare{"onnx", "", {{{RemoveNode{at(1), 0}}, ""}}};
  EXPECT_NE(rebased(bare, original).find("operator 1 has no fingerprint in the patch"), std::string::npos);
}

}  // namespace
}  // namespace fetafix::graph
