// Each kind of edit, on archives and .h5 files of both generations: the patched file, lifted again, computes
// what the patched view computes, and nothing else changed.
#include "formats/keras/testing/patches.h"

namespace fetafix::formats::keras {
namespace {

using namespace testing;
using Names = std::set<std::string>;
using Ints = std::vector<int64_t>;

class Patch : public ::testing::TestWithParam<std::string> {
 protected:
  const Net given = net("edits_" + GetParam());
  const graph::Graph view = lifted(given.model).graph;
  const bool archive = GetParam().size() == 1;  // else .h5

  graph::Address at(const std::string& layer, Role role = Role::core, int nth = 0) const {
    return testing::at(view, layer, role, nth);
  }
  graph::ValueAddress out_of(const std::string& layer) const { return testing::out_of(view, layer); }
  // Of what changed: only that many datasets, and only these other parts.
  void expect_changes(const Bytes& after, size_t datasets, const Names& rest = {}) const {
    if (after.empty()) return;  // said already
    Names others, data;
    for (const std::string& name : changes(given.model, after))
      (name.find("layer ") == 0 || name.find("outputs ") == 0 || name.find("entry ") == 0 ? others : data)
          .insert(name);
    EXPECT_EQ(data.size(), datasets) << (data.empty() ? "" : *data.begin());
    EXPECT_EQ(others, rest);
  }
  Bytes set_weight(const std::string& layer, Role role, int k) const {
    const auto where = at(layer, role);
    return expect_agreement(
        given, {graph::SetTensor{where, weight_slot + k, other(held(view, where, weight_slot + k))}});
  }
};

TEST_P(Patch, NothingToDoIsTheSameFile) {
  auto patched = (*read_bytes(given.model))->patched({});
  ASSERT_TRUE(patched.ok());
  EXPECT_EQ(written(**patched), given.model);
}

TEST_P(Patch, Weights) {
  expect_changes(set_weight("conv", Role::core, 0), 1);
  expect_changes(set_weight("conv", Role::core, 1), 1);
  expect_changes(set_weight("deep", Role::core, 0), 1);
  for (int k = 0; k < 4; ++k) expect_changes(set_weight("norm", Role::core, k), 1);
  expect_changes(set_weight("a", Role::core, 0), 1);
  expect_changes(set_weight("a", Role::bias, 1), 1);
  expect_changes(set_weight("layer_norm", Role::core, 1), 1);
  expect_changes(set_weight(archive ? "nested/one" : "nested/nested_one", Role::core, 0), 1);
  expect_changes(set_weight(archive ? "nested/two" : "nested/nested_two", Role::bias, 1), 1);
}

TEST_P(Patch, WeightsOfRecurrentLayers) {
  for (int k = 0; k < 3; ++k) expect_changes(set_weight("gru", Role::core, k), 1);
  for (int k = 0; k < 3; ++k) {
    const auto where = at("both");
    Tensor value = held(view, where, weight_slot + k);
    if (k == 2) {  // Keras adds one bias
      const auto half = static_cast<size_t>(value.size()) / 2;
      for (size_t i = 0; i < half; ++i) value.mutable_as<float>()[i] = 0.125f * static_cast<float>(i);
    } else {
      value = other(value);
    }
    expect_changes(expect_agreement(given, {graph::SetTensor{where, weight_slot + k, value}}), 1);
  }
}

TEST_P(Patch, AnAbsentBiasIsAdded) {
  Tensor bias = Tensor::vector<float>({1, -2, 3, -4});
  const Bytes after = expect_agreement(given, {graph::SetTensor{at("deep"), weight_slot + 1, bias}});
  expect_changes(after, 1, {"layer deep"});
  auto edit = insert(testing::out_of(view, "b"), "Add", {}, {std::nullopt, bias});
  expect_agreement(given, {edit});
}

TEST_P(Patch, Settings) {
  expect_changes(expect_agreement(given, {graph::SetAttribute{at("norm"), "epsilon", 0.5f}}), 0,
                 {"layer norm"});
  expect_changes(expect_agreement(given, {graph::SetAttribute{at("layer_norm"), "epsilon", 0.125f}}), 0,
                 {"layer layer_norm"});
  EXPECT_NE(refusal(given, {graph::SetAttribute{at("norm"), "group", int64_t{2}}}).find("no group"),
            std::string::npos);
}

TEST_P(Patch, PadsOfTheirOwnBecomeALayer) {
  const Bytes after = expect_agreement(given, {graph::SetAttribute{at("conv"), "pads", Ints{1, 1, 0, 0}}});
  expect_changes(after, 0, {"layer conv", "layer p1_pad"});
  expect_agreement(given, {graph::SetAttribute{at("deep"), "pads", Ints{2, 0, 0, 2}}});
}

TEST_P(Patch, ActivationFunctions) {
  expect_changes(expect_agreement(given, {graph::RemoveNode{at("a", Role::activation), 0}}), 0, {"layer a"});
  expect_changes(expect_agreement(given, {graph::ChangeType{at("a", Role::activation), "Sigmoid", {}}}), 0,
                 {"layer a"});
  expect_changes(expect_agreement(given, {graph::ChangeType{at("act"), "Tanh", {}}}), 0, {"layer act"});
  expect_changes(expect_agreement(given, {graph::ChangeType{at("act"), "LeakyRelu", {{"alpha", 0.125f}}}}), 0,
                 {"layer act"});
}

TEST_P(Patch, BiasesAreTakenAway) {
  expect_changes(expect_agreement(given, {graph::RemoveNode{at("a", Role::bias), 0}}), 1, {"layer a"});
}

TEST_P(Patch, KindsOfOneFamily) {
  expect_changes(expect_agreement(given, {graph::ChangeType{at("sum"), "Mul", {}}}), 0, {"layer sum"});
  expect_changes(expect_agreement(given, {graph::ChangeType{at("sum"), "Max", {}}}), 0, {"layer sum"});
  graph::Attributes pool;
  for (const graph::Node& node : view.nodes)
    if (node.type == "MaxPool") pool = node.attributes;
  pool["count_include_pad"] = int64_t{0};
  expect_changes(expect_agreement(given, {graph::ChangeType{at("pool"), "AveragePool", pool}}), 0,
                 {"layer pool"});
}

TEST_P(Patch, LayersAreTakenOut) {
  expect_changes(expect_agreement(given, {graph::RemoveNode{at("act"), 0}}), 0, {"layer act", "layer deep"});
  const Bytes after = expect_agreement(given, {graph::RemoveNode{at("norm"), 0}});
  EXPECT_TRUE(changes(given.model, after).contains("layer act"));
  expect_agreement(given, {graph::RemoveNode{at("sum"), 0}});
  expect_agreement(given, {graph::RemoveNode{at("sum"), 1}});
  expect_agreement(given, {graph::RemoveNode{at("layer_norm"), 0}});
  expect_agreement(given, {graph::RemoveNode{at("act"), 0}, graph::RemoveNode{at("norm"), 0}});
}

TEST_P(Patch, LayersArePutIn) {
  const Tensor four = Tensor::vector<float>({0.5f, 2, -1, 3}),
               turned = Tensor::of<float>({0.5f, 2, -1, 3}, {4, 1, 1});
  expect_changes(expect_agreement(given, {insert(out_of("act"), "Sigmoid")}), 0,
                 {"layer p1_activation", "layer deep"});
  expect_agreement(given, {insert(out_of("norm"), "Mul", {}, {std::nullopt, four})});
  expect_agreement(given, {insert(out_of("norm"), "Add", {}, {std::nullopt, four})});
  expect_agreement(given, {insert({-1, at("conv"), 0}, "Mul", {}, {std::nullopt, turned})});
  expect_agreement(given, {insert({-1, at("conv"), 0}, "Relu")});
  expect_agreement(given, {insert({0, {}, 0}, "Mul", {}, {std::nullopt, Tensor::scalar(0.5f)})});
  expect_agreement(
      given, {insert({1, {}, 0}, "Clip", {}, {std::nullopt, Tensor::scalar(0.f), Tensor::scalar(0.5f)})});
  expect_agreement(given, {insert(out_of("gru"), "Softmax", {{"axis", int64_t{-1}}})});
  expect_agreement(given, {insert(out_of("head"), "Sub", {}, {std::nullopt, Tensor::scalar(2.f)})});
  expect_agreement(given, {insert({-1, at("deep"), 0}, "Elu", {{"alpha", 0.5f}})});  // before its function
  expect_agreement(given, {insert(out_of("act"), "Sigmoid"), insert(out_of("act"), "Tanh")});
  expect_agreement(given, {insert(out_of(archive ? "nested/one" : "nested/nested_one"), "Tanh")});
  auto one_reader = insert(out_of("b"), "Sigmoid");
  one_reader.only_consumer = std::pair(at("sum"), 1);
  expect_changes(expect_agreement(given, {one_reader}), 0, {"layer p1_activation", "layer sum"});
  auto joined = insert(out_of("b"), "Sub", {}, {std::nullopt, std::nullopt});
  joined.other_operands = {{1, out_of("a")}};
  expect_agreement(given, {joined});
  joined.operands = {std::nullopt, std::nullopt};
  joined.other_operands = {{0, out_of("a")}};
  expect_agreement(given, {joined});
  EXPECT_NE(refusal(given, {insert(out_of("act"), "Erf")}).find("no Keras layer"), std::string::npos);
}

TEST_P(Patch, OperandsAreRewired) {
  expect_changes(expect_agreement(given, {graph::SetOperand{at("sum"), 0, out_of("b")}}), 0, {"layer sum"});
  expect_changes(expect_agreement(given, {graph::SetOperand{at("join"), 1, out_of("a")}}), 0, {"layer join"});
  expect_agreement(given, {graph::SetOperand{at("deep", Role::bridge), 0, out_of("conv")}});
}

TEST_P(Patch, OutputsAreReplaced) {
  // Keras forgets what no output depends on.
  expect_changes(expect_agreement(given, {graph::SetOutput{1, out_of("sum")}}), 0,
                 {"layer join", "outputs of the model"});
}

TEST_P(Patch, SeveralAtOnce) {
  expect_agreement(given,
                   {graph::SetTensor{at("conv"), weight_slot, other(held(view, at("conv"), weight_slot))},
                    graph::RemoveNode{at("norm"), 0}, insert(out_of("conv"), "Tanh"),
                    graph::SetAttribute{at("layer_norm"), "epsilon", 0.25f},
                    graph::ChangeType{at("a", Role::activation), "Elu", {}}, insert(out_of("b"), "Sigmoid")});
}

INSTANTIATE_TEST_SUITE_P(Keras, Patch, ::testing::ValuesIn(of_each("")),
                         [](const auto& one) { return "of_" + one.param; });

// --- settings of single layers ----------------------------------------------------------------------------

void set(const Net& given, const std::string& layer, const std::string& name, graph::Attribute value) {
  SCOPED_TRACE(layer + " " + name);
  expect_agreement(given, {graph::SetAttribute{at(lifted(given.model).graph, layer), name, std::move(value)}},
                   layer);
}

TEST(PatchSettings, Windows) {
  for (const char* name : {"conv_3", "conv_2"}) {
    const Net given = net(name);
    set(given, "c1_valid", "strides", Ints{1});
    set(given, "c1_causal", "dilations", Ints{1});
    set(given, "c2_same_stride", "strides", Ints{1, 1});
    set(given, "c2_valid", "pads", Ints{1, 0, 2, 1});
    if (given.model[0] != std::byte{'P'}) continue;  // the rest is said the same way in both
    set(given, "c2_valid", "strides", Ints{1, 2});
    set(given, "c2_valid", "dilations", Ints{2, 1});
    set(given, "c2_same", "pads", Ints{0, 0, 0, 0});
    set(given, "c2_same", "pads", Ints{2, 0, 0, 2});
    set(given, "c2_first", "pads", Ints{1, 1, 1, 1});
    set(given, "c1_causal", "pads", Ints{0, 0});
    set(given, "c1_same", "pads", Ints{2, 0});
    set(given, "d2_stride", "strides", Ints{1, 1});
    EXPECT_NE(
        refusal(given, {graph::SetAttribute{at(lifted(given.model).graph, "t2_same"), "strides", Ints{1, 1}}})
            .find("Conv2DTranspose with pads of its own"),
        std::string::npos);
    set(given, "c3_valid", "pads", Ints{0, 1, 0, 1, 0, 0});
  }
}

TEST(PatchSettings, Pools) {
  for (const char* name : {"pool_3", "pool_2"}) {
    const Net given = net(name);
    set(given, "m2", "strides", Ints{1, 1});
    set(given, "m2", "kernel_shape", Ints{3, 3});
    set(given, "a2_same", "pads", Ints{0, 0, 0, 0});
    set(given, "gm2", "keepdims", int64_t{1});
    const graph::Address up = at(lifted(given.model).graph, "u2");
    expect_agreement(given,
                     {graph::SetAttribute{up, "mode", std::string("linear")},
                      graph::SetAttribute{up, "coordinate_transformation_mode", std::string("half_pixel")},
                      graph::SetAttribute{up, "nearest_mode", std::nullopt}},
                     "u2");
    EXPECT_NE(
        refusal(given, {graph::SetAttribute{at(lifted(given.model).graph, "m2"), "pads", Ints{1, 1, 0, 0}}})
            .find("Keras pads with 'same' alone"),
        std::string::npos);
  }
}

TEST(PatchSettings, Others) {
  for (const char* generation : {"3", "2"}) {
    const std::string g = generation;
    const Net merge = net("merge_" + g), activation = net("activation_" + g), shape = net("shape_" + g),
              normalize = net("normalize_" + g), recurrent = net("recurrent_" + g), dense = net("dense_" + g);
    set(merge, "concat", "axis", int64_t{1});
    set(activation, "LeakyReLU", "alpha", 0.0625f);
    set(activation, "ELU", "alpha", 2.0f);
    set(activation, "Softmax", "axis", int64_t{1});
    set(shape, "permute", "perm", Ints{0, 2, 1, 3});
    set(normalize, "g", "num_groups", int64_t{3});
    set(normalize, "b3_middle", "epsilon", 0.5f);
    set(recurrent, "g_bare", "linear_before_reset", int64_t{0});
    set(recurrent, "l_back", "direction", std::string("forward"));
    set(dense, "e2", "equation", std::string("abc,cde->abde"));
  }
}

TEST(PatchSettings, ConstantsThatAreSettings) {
  for (const char* generation : {"3", "2"}) {
    const std::string g = generation;
    const auto tensor = [](const Net& given, const std::string& layer, int slot, const Tensor& value,
                           Role role = Role::core) {
      SCOPED_TRACE(layer);
      expect_agreement(given, {graph::SetTensor{at(lifted(given.model).graph, layer, role), slot, value}},
                       layer);
    };
    const Net normalize = net("normalize_" + g), shape = net("shape_" + g),
              activation = net("activation_" + g);
    tensor(normalize, "scale", setting_slot, Tensor::scalar(0.75f));
    tensor(normalize, "scale", setting_slot + 1, Tensor::scalar(3.0f), Role::bias);
    tensor(normalize, "scale_each", setting_slot, Tensor::vector<float>({1, 2, 3, 0.1f}));
    tensor(normalize, "n_each", setting_slot, Tensor::vector<float>({3, 2, 1, 0}));
    tensor(shape, "p2_each", setting_slot, Tensor::vector<int64_t>({0, 0, 3, 0, 0, 1, 2, 0}));
    tensor(shape, "p2_first", setting_slot, Tensor::vector<int64_t>({0, 0, 0, 3, 0, 0, 1, 2}));
    tensor(shape, "p1_pair", setting_slot, Tensor::vector<int64_t>({0, 2, 0, 0, 1, 0}));
    tensor(shape, "reshape", setting_slot, Tensor::vector<int64_t>({0, 20, 3}));
    tensor(activation, "ReLU_most", setting_slot + 1, Tensor::scalar(0.5f));
  }
}

// --- models in models -------------------------------------------------------------------------------------

class PatchChain : public ::testing::TestWithParam<std::string> {};

TEST_P(PatchChain, ASequentialBecomesFunctionalWhereItMust) {
  const Net given = net("chain_" + GetParam());
  const graph::Graph view = lifted(given.model).graph;
  const auto kernel = at(view, "conv");
  const Bytes weights = expect_agreement(
      given, {graph::SetTensor{kernel, weight_slot, other(held(view, kernel, weight_slot))}});
  EXPECT_EQ(changes(given.model, weights).size(), 1u);
  const auto inner = at(view, "inside/first");
  EXPECT_EQ(changes(given.model,
                    expect_agreement(
                        given, {graph::SetTensor{inner, weight_slot, other(held(view, inner, weight_slot))}}))
                .size(),
            1u);
  expect_agreement(given, {insert(out_of(view, "pool"), "Sigmoid")});
  expect_agreement(given, {insert(out_of(view, "inside/first"), "Sigmoid")});
  expect_agreement(given, {insert(out_of(view, "two"), "Sigmoid")});
  expect_agreement(given, {insert({0, {}, 0}, "Mul", {}, {std::nullopt, Tensor::scalar(2.f)})});
  expect_agreement(given, {graph::RemoveNode{at(view, "inside/drop"), 0}});
  expect_agreement(given, {graph::SetAttribute{at(view, "conv"), "pads", Ints{2, 1, 0, 1}}});
  expect_agreement(given, {graph::RemoveNode{at(view, "conv", Role::activation), 0},
                           insert(out_of(view, "pool"), "Tanh")});
}

INSTANTIATE_TEST_SUITE_P(Keras, PatchChain, ::testing::ValuesIn(of_each("")),
                         [](const auto& one) { return "of_" + one.param; });

class PatchStructure : public ::testing::TestWithParam<std::string> {};

TEST_P(PatchStructure, CallsKeepTheirNumbers) {
  const Net given = net("structure_" + GetParam());
  const graph::Graph view = lifted(given.model).graph;
  for (const graph::Node& node : view.nodes) {
    if (node.name.find('/') == std::string::npos || node.type != "MatMul") continue;
    SCOPED_TRACE(node.name);
    const graph::Address where{node.native, node.role, 0};
    auto patched =
        (*read_bytes(given.model))
            ->patched(
                {"keras",
                 "",
                 {{{graph::SetTensor{where, weight_slot, other(held(view, where, weight_slot))}}, ""}}});
    ASSERT_TRUE(patched.ok()) << patched.error().message;
    EXPECT_EQ(changes(given.model, written(**patched)).size(), 1u);
  }
  expect_agreement(given, {insert(out_of(view, "sum"), "Sigmoid")});
  expect_agreement(given, {insert(out_of(view, "of_both"), "Sigmoid")});
  expect_agreement(given, {graph::RemoveNode{at(view, "r"), 0}});
}

INSTANTIATE_TEST_SUITE_P(Keras, PatchStructure, ::testing::ValuesIn(of_each("")),
                         [](const auto& one) { return "of_" + one.param; });

}  // namespace
}  // namespace fetafix::formats::keras
