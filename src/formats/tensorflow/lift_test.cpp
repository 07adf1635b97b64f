// What lifts computes what TensorFlow computes.
#include <set>

#include "formats/tensorflow/lift_families.h"
#include "formats/tensorflow/testing/models.h"

namespace fetafix::formats::tensorflow {
namespace {

using namespace testing;

std::vector<std::string> output_names(const graph::Graph& view) {
  std::vector<std::string> out;
  for (ValueId id : view.outputs) out.push_back(view.value(id).native_name);
  return out;
}

// Of two runs, the batch is one and three where it may be any.
void expect_native(const fs::path& path) {
  SCOPED_TRACE(path);
  const auto model = read(path);
  ASSERT_TRUE(model);
  const Lifted view = lifted(*model);
  for (const graph::Node& node : view.graph.nodes) EXPECT_FALSE(node.opaque) << node.name << " is opaque";
  for (int64_t batch : {1, 3}) {
    const auto inputs = inputs_of(view.graph, batch);
    expect_same(run_natively(path, inputs), run_view(view.graph, inputs, view.graph.outputs),
                output_names(view.graph));
  }
}

TEST(Lift, ComputesWhatTensorflowComputes) {
  for (const char* name : {"pictures", "sequence", "functions", "session", "edits.pb", "operators.pb"})
    expect_native(testdata(name));
  for (const char* name : {"several", "frozen.pb"}) expect_native(nets(name));
}

// Every rule of the table is met by one of the files.
TEST(Lift, EveryOperatorIsTried) {
  std::set<std::string> met;
  for (const char* name : {"operators.pb", "functions", "pictures", "sequence"}) {
    const auto file = fs::is_directory(testdata(name)) ? read_saved_model(testdata(name))
                                                       : parse_frozen(read_file(testdata(name)).value());
    ASSERT_TRUE(file.ok());
    const auto lift = lift_file(*file);
    ASSERT_TRUE(lift.ok());
    for (const Op& op : lift->program.ops) met.insert(op.node->op());
  }
  std::string missing;
  for (const LiftRule& rule : lift_rules())
    if (!met.contains(std::string(rule.type))) missing += " " + std::string(rule.type);
  EXPECT_EQ(missing, "");
}

TEST(Lift, TheTableIsInOrder) {
  EXPECT_TRUE(std::ranges::is_sorted(lift_rules(), std::less<>(),
                                     [](const LiftRule& rule) { return std::string_view(rule.type); }));
}

TEST(Lift, ExposedValuesAreTheViews) {
  for (const char* name : {"pictures", "functions", "session", "edits.pb"}) {
    SCOPED_TRACE(name);
    const auto model = read(testdata(name));
    ASSERT_TRUE(model);
    const graph::Graph view = lifted(*model).graph;
    std::vector<ValueId> all(view.values.size());
    std::iota(all.begin(), all.end(), 0);
    const fs::path copy = scratch(name);
    const auto exposed = model->expose(all, copy);
    ASSERT_TRUE(exposed.ok()) << exposed.error().message;
    EXPECT_GT(exposed->size(), 1u);
    std::vector<ValueId> wanted = view.outputs;
    std::vector<std::string> names = output_names(view);
    for (const ExposedValue& one : *exposed) {
      wanted.push_back(one.value);
      names.push_back(view.value(one.value).name);
    }
    const auto inputs = inputs_of(view);
    expect_same(run_view(view, inputs, wanted), run_natively(copy, inputs), names);
  }
}

}  // namespace
}  // namespace fetafix::formats::tensorflow
