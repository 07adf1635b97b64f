// What is lifted computes what Keras computes: one branch for each class and setting (testdata).
#include "formats/keras/testing/nets.h"

namespace fetafix::formats::keras {
namespace {

using namespace testing;

class View : public ::testing::TestWithParam<const char*> {};

TEST_P(View, ComputesWhatKerasComputes) {
  const Net given = net(GetParam());
  const Lifted view = lifted(given.model);
  ASSERT_EQ(view.graph.inputs.size(), given.inputs.size());
  ASSERT_EQ(view.graph.outputs.size(), given.outputs.size());
  for (size_t i = 0; i < given.outputs.size(); ++i) {
    const ValueId id = view.graph.outputs[i];
    auto actual = evaluated(view.graph, id, given.inputs);
    if (!actual.ok() && actual.error().kind == ErrorKind::unsupported) continue;
    const std::string what = std::to_string(i) + " '" + view.graph.value(id).name + "'";
    ASSERT_TRUE(actual.ok()) << what << ": " << actual.error().message;
    expect_same(given.outputs[i], *actual, what);
  }
}

TEST_P(View, LeavesAloneWhatItDoesNotKnow) {
  const Net given = net(GetParam());
  if (given.opaque.contains("*")) return;
  const Lifted view = lifted(given.model);
  std::set<std::string> opaque;
  for (const graph::Node& node : view.graph.nodes)
    if (node.opaque) opaque.insert(node.name);
  std::string notes;
  for (const std::string& note : view.notes) notes += "\n" + note;
  EXPECT_EQ(opaque, given.opaque) << notes;
}

TEST_P(View, KnowsTheShapes) {
  const Net given = net(GetParam());
  const Lifted view = lifted(given.model);
  for (size_t i = 0; i < given.outputs.size() && i < view.graph.outputs.size(); ++i) {
    const graph::Value& value = view.graph.value(view.graph.outputs[i]);
    if (!value.shape) continue;
    ASSERT_EQ(value.shape->size(), given.outputs[i].shape().size()) << value.name;
    for (size_t axis = 0; axis < value.shape->size(); ++axis) {
      const int64_t stated = (*value.shape)[axis];
      EXPECT_TRUE(stated < 0 || stated == given.outputs[i].shape()[axis])
          << value.name << ": " << to_string(*value.shape) << ", is " << to_string(given.outputs[i].shape());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Keras, View,
                         ::testing::Values("activation_2", "activation_3", "attention_2", "attention_2h",
                                           "attention_3", "attention_3h", "chain_2", "chain_2h", "chain_3",
                                           "chain_3h", "conv_2", "conv_3", "dense_2", "dense_3", "edits_2",
                                           "edits_2h", "edits_3", "edits_3h", "functions_2", "functions_3",
                                           "masked_2", "masked_3", "merge_2", "merge_3", "normalize_2",
                                           "normalize_3", "open_2", "open_3", "pool_2", "pool_3",
                                           "recurrent_2", "recurrent_2h", "recurrent_3", "recurrent_3h",
                                           "shape_2", "shape_3", "structure_2", "structure_2h", "structure_3",
                                           "structure_3h", "windows_2", "windows_2h", "parts_2", "parts_2h"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace fetafix::formats::keras
