// What lifts computes what PyTorch computes.
#include <set>
#include <sstream>

#include "formats/torch/lift_families.h"
#include "formats/torch/testing/models.h"

namespace fetafix::formats::torch {
namespace {

using namespace testing;
using Names = std::set<std::string>;

const std::vector<std::string>& all_files() {
  static const std::vector<std::string> files{
      "functions.pt2", "arithmetic.pt2", "reductions.pt2", "shapes.pt2",   "windows.pt2",
      "resizes.pt2",   "layers.pt2",     "recurrent.pt2",  "in_place.pt2", "dynamic.pt2",
      "core.pt2",      "edits.pt2",      "traced.pt"};
  return files;
}

std::vector<std::string> output_names(const graph::Graph& view) {
  std::vector<std::string> out;
  for (ValueId id : view.outputs) out.push_back(view.value(id).native_name);
  return out;
}

void expect_native(const fs::path& path, const std::vector<int64_t>& batches = {2}) {
  SCOPED_TRACE(path);
  const auto model = read(path);
  ASSERT_TRUE(model);
  const Lifted view = lifted(*model);
  std::string notes;
  for (const std::string& note : view.notes) notes += note + "\n";
  EXPECT_EQ(notes, "");
  for (const graph::Node& node : view.graph.nodes) EXPECT_FALSE(node.opaque) << node.name << " is opaque";
  for (int64_t batch : batches) {
    const auto inputs = inputs_of(view.graph, batch);
    expect_same(run_natively(path, inputs), run_view(view.graph, inputs, view.graph.outputs),
                output_names(view.graph));
  }
}

TEST(Lift, ComputesWhatPyTorchComputes) {
  for (const std::string& name : all_files()) expect_native(testdata(name));
}

TEST(Lift, OfAnyBatch) {
  expect_native(testdata("dynamic.pt2"), {1, 2, 5});
}

// Every rule of the table is met by one of the files.
TEST(Lift, EveryOperatorIsTried) {
  Names met;
  for (const std::string& name : all_files()) {
    const auto file = parse_file(read_file(testdata(name)).value());
    ASSERT_TRUE(file.ok());
    const auto lift = lift_file(*file);
    ASSERT_TRUE(lift.ok());
    for (const Op& op : lift->program.ops) met.insert(op.target);
  }
  std::string missing;
  for (const LiftRule& rule : lift_rules())
    if (!met.contains(rule.target)) missing += std::string(" ") + rule.target;
  EXPECT_EQ(missing, "");
}

TEST(Lift, TheTableIsInOrder) {
  EXPECT_TRUE(std::ranges::is_sorted(lift_rules(), std::less<>(),
                                     [](const LiftRule& rule) { return std::string_view(rule.target); }));
}

// Lines of a view's text that begin with a value's name.
std::string lines(const std::string& file, const Names& values) {
  std::istringstream text(graph::to_text(lifted(*read(testdata(file))).graph));
  std::string out, line;
  while (std::getline(text, line)) {
    const std::string name = line.substr(0, line.find_first_of(" ,", line.starts_with("const") ? 6 : 0));
    if (values.contains(name.substr(name.rfind('%') + 1))) out += line + "\n";
  }
  return out;
}

TEST(View, PadsOfSame) {
  EXPECT_EQ(
      lines("windows.pt2", {"conv2d_1"}),
      "%conv2d_1 = Conv(%inputs_1, %w2, _) {dilations=[2,2], group=1, kernel_shape=[3,2], pads=[2,1,2,1], "
      "strides=[1,1]}\n");
}

TEST(View, ALinearLayerOfThreeDimensions) {
  EXPECT_EQ(lines("edits.pt2", {"tokens/linear/MatMul", "linear"}),
            "%tokens/linear/MatMul = MatMul(%permute, %tokens.weight)\n"
            "%linear = Add(%tokens/linear/MatMul, %tokens.bias) : bias\n");
}

TEST(View, AClampWithOneBound) {
  EXPECT_EQ(lines("functions.pt2", {"clamp", "clamp_1", "clamp_1/max"}),
            "const %clamp_1/max float32[] {0.25}\n%clamp = Clip(%contiguous, %clamp/min, _)\n"
            "%clamp_1 = Clip(%contiguous, _, %clamp_1/max)\n");
}

TEST(View, WhatIsWrittenIntoIsReadAfterwards) {
  EXPECT_EQ(
      lines("in_place.pt2", {"add", "mul", "relu_", "sub"}),
      "%add = Add(%x, %y)\n%mul = Mul(%add, %mul/other)\n%relu_ = Relu(%add)\n%sub = Sub(%relu_, %y)\n");
}

TEST(View, GatesInOnnxsOrder) {
  const auto file = parse_file(read_file(testdata("recurrent.pt2")).value());
  ASSERT_TRUE(file.ok());
  const auto stored =
      to_doubles(file->read(file->stored.at(Table::weights).at("bare.weight_hh_l0")).value()).value();
  const graph::Graph view = lifted(*read(testdata("recurrent.pt2"))).graph;
  const auto value = std::ranges::find(view.values, "bare.weight_hh_l0/view", &graph::Value::name);
  ASSERT_NE(value, view.values.end());
  EXPECT_EQ(value->constant.shape(), (Shape{1, 8, 2}));
  const auto seen = to_doubles(value->constant).value();
  const std::vector<size_t> order{0, 3, 1, 2};  // i f g o to i o f c; of four numbers each
  for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], stored[order[i / 4] * 4 + i % 4]) << i;
}

TEST(View, NodesAreNamedByTheirModules) {
  const graph::Graph view = lifted(*read(testdata("edits.pt2"))).graph;
  Names names;
  for (const graph::Node& node : view.nodes) names.insert(node.name);
  for (const char* name : {"stem/conv2d", "block.deep/conv2d_1", "scores/linear_2", "clamp"})
    EXPECT_TRUE(names.contains(name)) << name;
}

// What is inferred of operators is what PyTorch computes.
TEST(View, KnowsShapes) {
  for (const std::string& name : all_files()) {
    SCOPED_TRACE(name);
    const graph::Graph view = lifted(*read(testdata(name))).graph;
    const auto outputs = run_view(view, inputs_of(view), view.outputs);
    ASSERT_TRUE(outputs.ok()) << outputs.error().message;
    for (size_t i = 0; i < outputs->size(); ++i) {
      Shape known = view.value(view.outputs[i]).shape.value_or(Shape{});
      const Shape& found = (*outputs)[i].shape();
      for (size_t axis = 0; axis < known.size() && axis < found.size(); ++axis)
        if (known[axis] < 0) known[axis] = found[axis];
      EXPECT_EQ(known, found) << view.value(view.outputs[i]).name;
    }
  }
}

TEST(Lift, ExposedValuesAreTheViews) {
  for (const std::string& name : all_files()) {
    SCOPED_TRACE(name);
    const auto model = read(testdata(name));
    ASSERT_TRUE(model);
    const graph::Graph view = lifted(*model).graph;
    std::vector<ValueId> all(view.values.size());
    std::iota(all.begin(), all.end(), 0);
    const fs::path copy = scratch(name);
    const auto exposed = model->expose(all, copy);
    ASSERT_TRUE(exposed.ok()) << exposed.error().message;
    std::vector<ValueId> wanted = view.outputs;
    std::vector<std::string> names = output_names(view);
    for (const ExposedValue& one : *exposed) {
      wanted.push_back(one.value);
      names.push_back(view.value(one.value).name);
    }
    const auto inputs = inputs_of(view);
    expect_same(run_natively(copy, inputs), run_view(view, inputs, wanted), names);
  }
}

}  // namespace
}  // namespace fetafix::formats::torch
