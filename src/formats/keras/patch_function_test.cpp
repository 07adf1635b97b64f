// Edits of functions, whose arguments stand in their calls: the patched file, lifted again, computes what the
// patched view computes, and nothing else changed.
#include "formats/keras/testing/patches.h"

namespace fetafix::formats::keras {
namespace {

using namespace testing;
using Names = std::set<std::string>;
using Ints = std::vector<int64_t>;

// "" for an archive, "h" for an .h5 file.
class PatchFunction : public ::testing::TestWithParam<const char*> {
 protected:
  const Net windows = net("windows_2" + std::string(GetParam()));
  const Net parts = net("parts_2" + std::string(GetParam()));

  static void expect_change(const Net& given, const std::string& layer, const Edit& edit,
                            const Names& others = {}) {
    SCOPED_TRACE(layer);
    const Bytes after = expect_agreement(given, {edit});
    if (after.empty()) return;  // said already
    Names expected = others;
    expected.insert("layer " + layer);
    EXPECT_EQ(changes(given.model, after), expected);
  }
  // The argument in the layer's slot `k` of those that stand for arguments becomes other numbers.
  static void set_argument(const Net& given, const std::string& layer, int k = 0) {
    const graph::Graph view = lifted(given.model).graph;
    const auto where = at(view, layer);
    const Tensor now = held(view, where, setting_slot + k);
    expect_change(given, layer, graph::SetTensor{where, setting_slot + k, other(now)});
  }
  static void set_numbers(const Net& given, const std::string& layer, const Ints& numbers, int k = 0) {
    const graph::Graph view = lifted(given.model).graph;
    expect_change(given, layer, graph::SetTensor{at(view, layer), setting_slot + k, Tensor::vector(numbers)});
  }
  static void set_attribute(const Net& given, const std::string& layer, const char* name,
                            graph::Attribute value, const Names& others = {}) {
    const graph::Graph view = lifted(given.model).graph;
    expect_change(given, layer, graph::SetAttribute{at(view, layer), name, std::move(value)}, others);
  }
  static void change_type(const Net& given, const std::string& layer, const char* type,
                          graph::Attributes attributes = {}) {
    const graph::Graph view = lifted(given.model).graph;
    for (const graph::Node& node : view.nodes)
      if (node.name == layer && node.type == (type == std::string("AveragePool") ? "MaxPool" : ""))
        attributes = node.attributes;
    expect_change(given, layer, graph::ChangeType{at(view, layer), type, std::move(attributes)});
  }
};

TEST_P(PatchFunction, WeightsAmongArguments) {
  for (const char* layer :
       {"tf.nn.convolution", "tf.compat.v1.nn.conv2d", "tf.compat.v1.nn.depthwise_conv2d",
        "tf.compat.v1.nn.depthwise_conv2d_1", "tf.nn.conv2d_transpose", "tf.math.add", "tf.nn.bias_add"})
    set_argument(windows, layer);
  set_argument(parts, "tf.linalg.matmul_2");
  set_argument(parts, "tf.math.multiply");
}

TEST_P(PatchFunction, NumbersInTheFirstPlace) {
  set_argument(parts, "tf.math.multiply_1");  // 1.5 * x
  set_argument(parts, "tf.concat");           // [x, numbers]
  set_argument(parts, "tf.concat_1");         // [numbers, x, y]
}

TEST_P(PatchFunction, OtherArguments) {
  set_numbers(windows, "tf.compat.v1.pad", {0, 2, 0, 0, 0, 1, 1, 0});
  set_numbers(parts, "tf.math.reduce_min", {2});
  set_numbers(parts, "tf.expand_dims", {2});
  set_argument(parts, "tf.clip_by_value", 0);
}

TEST_P(PatchFunction, Attributes) {
  set_attribute(windows, "tf.nn.convolution_1", "strides", Ints{2, 1});
  set_attribute(windows, "tf.compat.v1.nn.depthwise_conv2d_1", "dilations", Ints{1, 1});
  set_attribute(windows, "tf.nn.convolution_1", "pads", Ints{1, 0, 1, 1});  // those of "SAME"
  set_attribute(windows, "tf.nn.max_pool2d", "strides", Ints{1, 2});
  set_attribute(parts, "tf.nn.leaky_relu_1", "alpha", 0.5f);
  set_attribute(parts, "tf.concat", "axis", int64_t{-2});
  set_attribute(parts, "tf.math.reduce_sum", "keepdims", int64_t{0});
  set_attribute(parts, "tf.nn.gelu_1", "approximate", std::string("none"));
  set_attribute(windows, "tf.compat.v1.transpose", "perm", Ints{0, 2, 1, 3});
}

TEST_P(PatchFunction, PadsOfTheirOwnBecomeALayer) {
  set_attribute(windows, "tf.nn.convolution_1", "pads", Ints{2, 0, 1, 1}, {"layer p1_pad"});
}

TEST_P(PatchFunction, FunctionsOfOneFamily) {
  change_type(windows, "tf.math.add", "Sub");
  change_type(windows, "tf.nn.max_pool2d", "AveragePool");
  change_type(parts, "tf.nn.leaky_relu_1", "Tanh");
  change_type(parts, "tf.nn.gelu", "LeakyRelu", {{"alpha", 0.25f}});
  change_type(parts, "tf.math.reduce_min", "ReduceMax", {{"keepdims", int64_t{0}}});
  const auto refused = [](const Net& given, const char* layer) {
    return refusal(given, {graph::ChangeType{at(lifted(given.model).graph, layer), "Relu", {}}});
  };
  EXPECT_NE(refused(parts, "tf.tile").find("no function like"), std::string::npos);
  EXPECT_NE(refused(windows, "tf.nn.relu6").find("no function like"),
            std::string::npos);  // a Clip has bounds
}

TEST_P(PatchFunction, FunctionsAreTakenOut) {
  const graph::Graph view = lifted(windows.model).graph;
  expect_agreement(windows, {graph::RemoveNode{at(view, "tf.nn.relu6"), 0}});
  expect_agreement(windows, {graph::RemoveNode{at(view, "tf.math.add"), 0}});
  expect_agreement(windows, {graph::RemoveNode{at(view, "tf.compat.v1.pad"), 0}});
}

INSTANTIATE_TEST_SUITE_P(Keras, PatchFunction, ::testing::Values("", "h"), [](const auto& one) {
  return std::string(one.param) == "h" ? "in_h5" : "in_an_archive";
});

}  // namespace
}  // namespace fetafix::formats::keras
