// Every edit as before and after.
#include "graph/edit.h"

#include <gtest/gtest.h>

#include "graph/parse_text.h"

namespace fetafix::graph {
namespace {

const char* const before = R"(input %x float32[1,2]
const %w float32[2,2] {1, 2, 3, 4}
%a = MatMul(%x, %w)
%b = Relu(%a)
%c = MatMul(%b, %w)
%d = Add(%b, %c)
output %d
)";

Address at(int index) {
  return {{"", index}, Role::core};
}
ValueAddress out_of(int index, int output = 0) {
  return {-1, at(index), output};
}
ValueAddress model_input(int index) {
  return {index, {}, 0};
}

// The nodes and outputs after the edits, or the complaint.
std::string after(const std::vector<Edit>& edits, const char* start = before) {
  Graph graph = *parse_text(start);
  const Status status = apply(graph, Patch{"", "", {{edits, ""}}});
  if (!status.ok()) return status.error().message;
  std::string out;
  for (const Node& node : graph.nodes) out += to_text(graph, node) + "\n";
  for (ValueId id : graph.outputs) out += "output %" + graph.value(id).name + "\n";
  return out;
}

TEST(EditSetTensor, ChangesThisUseOnly) {
  EXPECT_EQ(after({SetTensor{at(0), 1, Tensor::scalar(5.0f)}}),
            "%a = MatMul(%x, %p/tensor)\n%b = Relu(%a)\n%c = MatMul(%b, %w)\n%d = Add(%b, %c)\noutput %d\n");
}
TEST(EditSetTensor, AddsAnAbsentOperand) {
  EXPECT_EQ(
      after({SetTensor{at(0), 2, Tensor::scalar(5.0f)}}),
      "%a = MatMul(%x, %w, %p/tensor)\n%b = Relu(%a)\n%c = MatMul(%b, %w)\n%d = Add(%b, %c)\noutput %d\n");
}
TEST(EditSetTensor, RefusesAComputedOperand) {
  EXPECT_EQ(after({SetTensor{at(2), 0, Tensor::scalar(5.0f)}}), "operand 0 of operator 2 is computed");
}
TEST(EditSetTensor, KeepsTheLens) {
  Graph graph = *parse_text(before);
  ASSERT_TRUE(apply(graph, SetTensor{at(0), 1, Tensor::scalar(5.0f)}).ok());
  const Value& made = graph.value(graph.node(0).inputs[1]);
  ASSERT_TRUE(made.lens.has_value());
  EXPECT_EQ(made.lens->native_tensor, 1);
}
TEST(EditSetAttribute, SetsAndRemoves) {
  const char* start = "input %x float32[2]\n%y = A(%x) {k=1}\noutput %y\n";
  EXPECT_EQ(after({SetAttribute{at(0), "k", int64_t{2}}}, start), "%y = A(%x) {k=2}\noutput %y\n");
  EXPECT_EQ(after({SetAttribute{at(0), "k", std::nullopt}}, start), "%y = A(%x)\noutput %y\n");
}
TEST(EditSetOperand, Rewires) {
  EXPECT_EQ(after({SetOperand{at(3), 0, out_of(0)}}),
            "%a = MatMul(%x, %w)\n%b = Relu(%a)\n%c = MatMul(%b, %w)\n%d = Add(%a, %c)\noutput %d\n");
  EXPECT_EQ(after({SetOperand{at(1), 0, model_input(0)}}).substr(0, 34),
            "%a = MatMul(%x, %w)\n%b = Relu(%x)\n");
}
TEST(EditSetOperand, RefusesWhatIsNotThereOrComesLater) {
  EXPECT_EQ(after({SetOperand{at(1), 5, out_of(0)}}), "operator 1 has no operand 5");
  EXPECT_EQ(after({SetOperand{at(1), -1, out_of(0)}}), "operator 1 has no operand -1");
  EXPECT_NE(after({SetOperand{at(1), 0, out_of(2)}}).find("before it is computed"), std::string::npos);
  EXPECT_EQ(after({SetOperand{at(1), 0, model_input(3)}}), "there is no model input 3");
  EXPECT_EQ(after({SetOperand{at(1), 0, out_of(0, 4)}}), "operator 0 has no output 4");
}
TEST(EditChangeType, ReplacesTypeAndAttributes) {
  const char* start = "input %x float32[2]\n%y = A(%x) {k=1}\noutput %y\n";
  EXPECT_EQ(after({ChangeType{at(0), "B", {{"q", 1.0f}}}}, start), "%y = B(%x) {q=1.0}\noutput %y\n");
}
TEST(EditInsertNode, TakesOverAllReaders) {
  EXPECT_EQ(after({InsertNode{out_of(1), {}, "Clip", {}, {std::nullopt, Tensor::scalar(0.0f)}, {}}}),
            "%a = MatMul(%x, %w)\n%b = Relu(%a)\n%p1/new = Clip(%b, %p/operand)\n%c = MatMul(%p1/new, %w)\n"
            "%d = Add(%p1/new, %c)\noutput %d\n");
}
TEST(EditInsertNode, TakesOverOneReader) {
  EXPECT_EQ(after({InsertNode{out_of(1), std::pair(at(3), 0), "Exp", {}, {std::nullopt}, {}}}),
            "%a = MatMul(%x, %w)\n%b = Relu(%a)\n%p1/new = Exp(%b)\n%c = MatMul(%b, %w)\n%d = Add(%p1/new, "
            "%c)\noutput %d\n");
  EXPECT_EQ(after({InsertNode{out_of(1), std::pair(at(3), 1), "Exp", {}, {std::nullopt}, {}}}),
            "operator 3 does not read that edge");
  EXPECT_EQ(after({InsertNode{out_of(1), std::pair(at(3), -1), "Exp", {}, {std::nullopt}, {}}}),
            "operator 3 does not read that edge");
}
TEST(EditInsertNode, BehindAnInputAndBeforeAnOutput) {
  EXPECT_EQ(after({InsertNode{model_input(0), {}, "Exp", {}, {std::nullopt}, {}}}).substr(0, 43),
            "%p1/new = Exp(%x)\n%a = MatMul(%p1/new, %w)\n");
  const std::string text = after({InsertNode{out_of(3), {}, "Exp", {}, {std::nullopt}, {}}});
  EXPECT_EQ(text.substr(text.find("%d")), "%d = Add(%b, %c)\n%p1/new = Exp(%d)\noutput %p1/new\n");
}
TEST(EditInsertNode, MayReadFurtherValues) {
  const InsertNode edit{out_of(2), std::pair(at(3), 1),          "Sub",
                        {},        {std::nullopt, std::nullopt}, {{1, out_of(0)}}};
  EXPECT_EQ(after({edit}),
            "%a = MatMul(%x, %w)\n%b = Relu(%a)\n%c = MatMul(%b, %w)\n%p1/new = Sub(%c, %a)\n"
            "%d = Add(%b, %p1/new)\noutput %d\n");
  InsertNode wrong = edit;
  wrong.other_operands = {{7, out_of(0)}};
  EXPECT_EQ(after({wrong}), "the inserted node has no operand 7");
}
TEST(EditInsertNode, TwoAreNamedInOrder) {
  const InsertNode one{out_of(3), {}, "Exp", {}, {std::nullopt}, {}};
  const std::string text = after({one, one});
  EXPECT_NE(text.find("%p1/new = Exp(%p2/new)\noutput %p1/new"), std::string::npos) << text;
}
TEST(EditRemoveNode, ReadersReadItsOperand) {
  EXPECT_EQ(after({RemoveNode{at(1), 0}}),
            "%a = MatMul(%x, %w)\n%c = MatMul(%a, %w)\n%d = Add(%a, %c)\noutput %d\n");
  EXPECT_EQ(after({RemoveNode{at(3), 1}}),
            "%a = MatMul(%x, %w)\n%b = Relu(%a)\n%c = MatMul(%b, %w)\noutput %c\n");
}
TEST(EditRemoveNode, NeedsAnOperandToPassThrough) {
  EXPECT_EQ(after({RemoveNode{at(1), 1}}), "operator 1 has no operand 1 to pass through");
  EXPECT_EQ(after({RemoveNode{at(1), -1}}), "operator 1 has no operand -1 to pass through");
}
TEST(EditKeepOutputs, DropsUnusedOnesOnly) {
  const char* start = "input %x float32[2]\n%a, %b, %c = Split(%x)\n%y = Relu(%b)\noutput %y\n";
  EXPECT_EQ(after({KeepOutputs{at(0), 2}}, start), "%a, %b = Split(%x)\n%y = Relu(%b)\noutput %y\n");
  EXPECT_EQ(after({KeepOutputs{at(0), 1}}, start), "output 1 of operator 0 is used");
}
TEST(EditAddress, ThatMeansNothingIsRefusedByName) {
  for (const Edit& edit :
       std::vector<Edit>{SetTensor{at(9), 0, Tensor::scalar(1.0f)}, SetAttribute{at(9), "k", int64_t{1}},
                         SetOperand{at(9), 0, out_of(0)}, ChangeType{at(9), "A", {}}, RemoveNode{at(9), 0},
                         KeepOutputs{at(9), 1}, InsertNode{out_of(9), {}, "A", {}, {std::nullopt}, {}}}) {
    EXPECT_EQ(after({edit}), "there is no operator 9");
    EXPECT_NE(describe(edit).find("operator 9"), std::string::npos) << describe(edit);
    EXPECT_EQ(address_of(edit).op.index, 9);
  }
}
TEST(EditAddress, OfEveryNodeAndValueResolvesToIt) {
  Graph graph = *parse_text(before);
  graph.node(0).role = graph.node(2).role = Role::bridge;  // two bridges of one operator
  graph.node(2).native = graph.node(0).native;
  const Uses uses(graph);
  for (NodeId n = 0; n < 4; ++n) EXPECT_EQ(*resolve(graph, address_of(graph, n)), n);
  for (ValueId v = 0; v < static_cast<ValueId>(graph.values.size()); ++v) {
    const auto address = address_of(graph, uses, v);
    if (graph.value(v).is_constant())
      EXPECT_FALSE(address.ok());
    else
      EXPECT_EQ(*resolve(graph, *address), v);
  }
}

}  // namespace
}  // namespace fetafix::graph
