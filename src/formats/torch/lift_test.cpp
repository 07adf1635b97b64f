// What lifts computes what PyTorch computes.
#include <set>

#include "formats/torch/lift_families.h"
#include "formats/torch/testing/models.h"

namespace fetafix::formats::torch {
namespace {

using namespace testing;
using Names = std::set<std::string>;

const std::vector<std::string>& all_files() {
  static const std::vector<std::string> files{
      "functions.pt2", "arithmetic.pt2", "reductions.pt2", "shapes.pt2",  "windows.pt2", "resizes.pt2",
      "layers.pt2",  "recurrent.pt2",  "in_place.pt2",   "dynamic.pt2", "core.pt2",    "edits.pt2"};
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
