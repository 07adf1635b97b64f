// Each kind of edit, on a frozen graph, on functions in functions and on what Keras exports.
#include "formats/tensorflow/testing/patches.h"

namespace fetafix::formats::tensorflow {
namespace {

using namespace testing;
using Names = std::set<std::string>;
using Ints = std::vector<int64_t>;

// A file with its view.
struct Subject {
  fs::path path;
  graph::Graph view;

  explicit Subject(const std::string& name) : path(testdata(name)), view(lifted(*read(path)).graph) {}
  graph::Address at(const std::string& name) const { return testing::at(view, name); }
  graph::ValueAddress out_of(const std::string& name, int output = 0) const {
    return testing::out_of(view, name, output);
  }
  Names agrees(const std::vector<Edit>& edits) const { return expect_agreement(path, edits); }
  // Of one attribute; only that node changes.
  void sets(const std::string& name, const std::string& attribute, graph::Attribute value) const {
    EXPECT_EQ(agrees({graph::SetAttribute{at(name), attribute, std::move(value)}}), Names{name});
  }
  std::string refuses(const Edit& edit) const { return refusal(path, edit); }
};

// --- constants and variables ---------------------------------------------------------------------

TEST(PatchTensor, ConstantsOfAFrozenGraph) {
  const Subject given("edits.pb");
  EXPECT_EQ(given.agrees({set(given.view, "stem", 1)}), Names{"Const"});
  EXPECT_EQ(given.agrees({set(given.view, "deep", 1)}), Names{"Const_3"});
  EXPECT_EQ(given.agrees({set(given.view, "norm", 1)}), Names{"scale"});
  EXPECT_EQ(given.agrees({set(given.view, "norm", 4)}), Names{"Const_2"});
  EXPECT_EQ(given.agrees({set(given.view, "dense", 1)}), Names{"Const_4"});
  EXPECT_EQ(given.agrees({set(given.view, "logits", 1)}), Names{"Const_5"});
}

TEST(PatchTensor, ASharedConstantStaysForItsOtherReaders) {
  const Subject given("edits.pb");
  EXPECT_EQ(given.agrees({set(given.view, "norm", 2)}), (Names{"norm", "norm/Const"}));
  EXPECT_EQ(given.agrees({set(given.view, "norm", 2), set(given.view, "norm", 3)}), Names{"shared"});
}

TEST(PatchTensor, VariablesAndTheirCopies) {
  const Subject functions("functions"), session("session"), pictures("pictures");
  EXPECT_EQ(session.agrees({set(session.view, "MatMul", 1)}), Names{"variable w"});
  EXPECT_EQ(session.agrees({set(session.view, "BiasAdd", 1)}), Names{"variable b"});
  // `b` is read twice; `w` by a function that is called twice.
  EXPECT_EQ(functions.agrees({set(functions.view, "add_1", 1)}), (Names{"add_1", "add_1/Const"}));
  const std::string b = "variable b/.ATTRIBUTES/VARIABLE_VALUE", w = "variable w/.ATTRIBUTES/VARIABLE_VALUE";
  const graph::Address first = functions.at("StatefulPartitionedCall/add"), second = functions.at("add_1");
  const Tensor bias = other(functions.view, "add_1", 1);
  EXPECT_EQ(functions.agrees({graph::SetTensor{first, 1, bias}, graph::SetTensor{second, 1, bias}}),
            Names{b});
  const Tensor weights = other(functions.view, "MatMul", 1);
  EXPECT_EQ(functions.agrees(
                {graph::SetTensor{functions.at("StatefulPartitionedCall/StatefulPartitionedCall/MatMul"), 1,
                                  weights},
                 graph::SetTensor{functions.at("StatefulPartitionedCall_1/MatMul"), 1, weights}}),
            Names{w});
  const Names copies = pictures.agrees({set(pictures.view, "wide_1/convolution", 1)});
  EXPECT_EQ(copies.size(), 2u);
  for (const std::string& name : copies) EXPECT_TRUE(name.starts_with("variable ")) << name;
  EXPECT_EQ(pictures.agrees({set(pictures.view, "deep_1/depthwise", 1)}).size(), 2u);
  EXPECT_EQ(pictures.agrees({set(pictures.view, "scores_1/MatMul", 1)}).size(), 2u);
}

TEST(PatchTensor, BoundsThatRelu6DoesNotHave) {
  const Subject given("edits.pb");
  EXPECT_EQ(given.agrees({graph::SetTensor{given.at("bounded"), 2, Tensor::scalar(0.125f)}}),
            (Names{"bounded", "bounded/Const", "bounded/Const_1", "bounded/Const_2"}));
}

// --- attributes ----------------------------------------------------------------------------------

TEST(PatchAttribute, OfWindows) {
  const Subject given("edits.pb"), all("attributes.pb");
  given.sets("stem", "pads", Ints{0, 1, 1, 0});
  given.sets("stem", "strides", Ints{1, 2});
  EXPECT_EQ(given.agrees({graph::SetAttribute{given.at("deep"), "pads", Ints{2, 1, 0, 1}}}),
            (Names{"deep", "deep/Const", "deep/Pad"}));
  given.sets("most", "pads", Ints{1, 1, 0, 0});
  all.sets("AvgPool_1", "kernel_shape", Ints{3, 2});
  all.sets("AvgPool", "pads", Ints{0, 0, 0, 0});
  all.sets("AvgPool", "auto_pad", std::string("VALID"));
  all.sets("MaxPool_1", "pads", Ints{0, 0, 0, 0});
  all.sets("Conv2D", "dilations", Ints{2, 2});
  EXPECT_EQ(all.agrees({graph::SetAttribute{all.at("Conv3D"), "strides", Ints{2, 2, 1}},
                        graph::SetAttribute{all.at("Conv3D"), "pads", Ints{0, 0, 0, 0, 0, 0}}}),
            Names{"Conv3D"});
  EXPECT_NE(given.refuses(graph::SetAttribute{given.at("mean"), "pads", Ints{1, 0, 1, 1}})
                .find("pads but those of SAME and VALID"),
            std::string::npos);
}

TEST(PatchAttribute, NumbersAndFlags) {
  const Subject given("edits.pb"), all("attributes.pb");
  given.sets("norm", "epsilon", 0.5f);
  given.sets("leaky", "alpha", 0.75f);
  given.sets("top", "to", int64_t{7});
  all.sets("FusedBatchNormV2", "epsilon", 0.75f);
  all.sets("LRN", "alpha", 3.f);
  all.sets("LRN", "beta", 0.25f);
  all.sets("LRN", "bias", 3.f);
  all.sets("LRN", "size", int64_t{1});
  all.sets("Mean", "keepdims", int64_t{0});
  all.sets("Sum_1", "keepdims", int64_t{1});
  all.sets("Cumsum", "exclusive", int64_t{0});
  all.sets("Cumsum", "reverse", int64_t{0});
  all.sets("OneHot", "axis", int64_t{1});
  all.sets("SpaceToDepth", "blocksize", int64_t{2});
  all.sets("Einsum", "equation", std::string("abc,cd->bad"));
  all.sets("ResizeBilinear", "coordinate_transformation_mode", std::string("half_pixel"));
  EXPECT_NE(given.refuses(graph::SetAttribute{given.at("norm"), "alpha", 1.f}), "");
  EXPECT_NE(
      given.refuses(graph::SetAttribute{given.at("norm"), "no_such_thing", 1.f}).find("no attribute like"),
      std::string::npos);
  // The view has several operators for it, of which one alone would change.
  EXPECT_NE(all.refuses(graph::SetAttribute{all.at("Pack"), "axis", int64_t{0}}), "");
}

TEST(PatchAttribute, InConstantOperands) {
  const Subject all("attributes.pb");
  EXPECT_EQ(all.agrees({graph::SetAttribute{all.at("ConcatV2"), "axis", int64_t{0}}}),
            Names{"ConcatV2/axis"});
  EXPECT_EQ(all.agrees({graph::SetAttribute{all.at("Concat"), "axis", int64_t{2}}}),
            Names{"Concat/concat_dim"});
  EXPECT_EQ(all.agrees({graph::SetAttribute{all.at("ArgMax"), "axis", int64_t{0}}}),
            Names{"ArgMax/dimension"});
  EXPECT_EQ(all.agrees({graph::SetAttribute{all.at("GatherV2"), "axis", int64_t{2}}}),
            Names{"GatherV2/axis"});
  const Names turned = all.agrees({graph::SetAttribute{all.at("Transpose"), "perm", Ints{1, 0, 2}}});
  EXPECT_EQ(turned.size(), 1u);
}

TEST(PatchTensor, AnAbsentBiasIsAdded) {
  const Subject given("edits.pb");
  const Tensor bias = Tensor::vector<float>({1, -2, 3, -4});
  EXPECT_EQ(given.agrees({graph::SetTensor{given.at("deep"), 2, bias}}),
            (Names{"mul", "deep/BiasAdd", "deep/Const"}));
}

TEST(PatchTensor, OperandsThatAreNoWeights) {
  const Subject all("attributes.pb");
  const auto sets = [&](const std::string& name, int slot, const Tensor& value) {
    return all.agrees({graph::SetTensor{all.at(name), slot, value}});
  };
  EXPECT_EQ(sets("Mean", 1, Tensor::vector<int64_t>({2})), Names{"Mean/reduction_indices"});
  EXPECT_EQ(sets("Cumsum", 1, Tensor::scalar<int64_t>(2)), Names{"Cumsum/axis"});
  EXPECT_EQ(sets("StridedSlice", 3, Tensor::vector<int64_t>({1, -2, -1})), Names{"StridedSlice/strides"});
}

// --- types ---------------------------------------------------------------------------------------

TEST(PatchType, OfOneFamily) {
  const Subject given("edits.pb"), functions("functions");
  const auto becomes = [](const Subject& subject, const std::string& name, const std::string& type,
                          graph::Attributes attributes = {}) {
    return subject.agrees({graph::ChangeType{subject.at(name), type, std::move(attributes)}});
  };
  EXPECT_EQ(becomes(given, "leaky", "Relu"), Names{"leaky"});
  EXPECT_EQ(becomes(given, "leaky", "Elu"), Names{"leaky"});
  EXPECT_EQ(becomes(given, "sum", "Mul"), Names{"sum"});
  EXPECT_EQ(becomes(given, "less", "Max"), Names{"less"});
  EXPECT_EQ(
      becomes(given, "flat", "ReduceMax", {{"keepdims", int64_t{0}}, {"noop_with_empty_axes", int64_t{1}}}),
      Names{"flat"});
  EXPECT_EQ(becomes(given, "best", "ArgMin", {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}}),
            Names{"best"});
  graph::Attributes pool = node_of(given.view, "most").attributes;
  pool["count_include_pad"] = int64_t{0};
  pool["ceil_mode"] = int64_t{0};
  EXPECT_EQ(becomes(given, "most", "AveragePool", pool), Names{"most"});
  pool = node_of(given.view, "mean").attributes;
  pool.erase("count_include_pad");
  EXPECT_EQ(becomes(given, "mean", "MaxPool", pool), Names{"mean"});
  EXPECT_EQ(becomes(given, "logits", "Mul"), Names{"logits"});
  const Subject pictures("pictures");  // where what has a default is left out
  pool = node_of(pictures.view, "most_1/MaxPool2d").attributes;
  pool["count_include_pad"] = int64_t{0};
  EXPECT_EQ(becomes(pictures, "most_1/MaxPool2d", "AveragePool", pool).size(), 1u);
  EXPECT_EQ(becomes(pictures, "leaky_1/LeakyRelu", "Relu").size(), 1u);
  // In a function what reads it says another name: Tanh gives `y`, Relu `activations`.
  EXPECT_EQ(becomes(functions, "Tanh", "Relu"), (Names{"Tanh", "Identity_1"}));
  EXPECT_EQ(becomes(functions, "Relu", "Sigmoid"), (Names{"Relu", "Identity_2"}));
  EXPECT_NE(given.refuses(graph::ChangeType{given.at("stem"), "MatMul", {}}).find("can't become MatMul"),
            std::string::npos);
}

// --- nodes put in --------------------------------------------------------------------------------

TEST(PatchInsert, WhatTakesOneOperand) {
  const Subject given("edits.pb");
  for (const char* type : {"Abs", "Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "Neg", "Relu", "Round", "Selu",
                           "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Tanh", "HardSwish", "Gelu"})
    given.agrees({insert(given.out_of("leaky"), type)});
  for (const char* type : {"Log", "Sqrt", "Reciprocal"}) given.agrees({insert(given.out_of("scores"), type)});
  given.agrees({insert(given.out_of("leaky"), "LeakyRelu", {{"alpha", 0.5f}})});
  for (int64_t axis : {1, 2, -1}) given.agrees({insert(given.out_of("sum"), "Softmax", {{"axis", axis}})});
  given.agrees({insert(given.out_of("logits"), "LogSoftmax", {{"axis", int64_t{0}}})});
}

TEST(PatchInsert, WithConstants) {
  const Subject given("edits.pb");
  const Tensor four = Tensor::vector<float>({0.5f, 2, -1, 3}),
               turned = Tensor::of<float>({0.5f, 2, -1, 3}, {4, 1, 1});
  for (const char* type : {"Add", "Sub", "Mul", "Div", "Max", "Min"}) {
    given.agrees({insert(given.out_of("leaky"), type, {}, {std::nullopt, four})});
    given.agrees({insert(inside(given.view, "stem"), type, {}, {std::nullopt, turned})});
  }
  given.agrees({insert(given.out_of("leaky"), "Sub", {}, {four, std::nullopt})});
  given.agrees({insert(given.out_of("scores"), "Pow", {}, {std::nullopt, Tensor::scalar(2.f)})});
  const auto clip = [&](float low, float high) {
    return insert(given.out_of("norm"), "Clip", {},
                  {std::nullopt, Tensor::scalar(low), Tensor::scalar(high)});
  };
  given.agrees({clip(0, 6)});
  given.agrees({clip(-0.5f, 0.25f)});
  given.agrees({insert(given.out_of("logits"), "MatMul", {},
                       {std::nullopt, Tensor::of<float>({1, 0, 0, 0, 2, 0, 1, 0, 0, 0, 3, 0, 1,
                                                         0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1},
                                                        {5, 5})})});
}

TEST(PatchInsert, OnImages) {
  const Subject given("edits.pb"), all("attributes.pb");
  const Tensor kernel = Tensor::of<float>({1, 0, 0, 2, 0, 1, 0, 0, 3, 0, 1, 0, 0, 0, 0, 1}, {4, 4, 1, 1});
  const Tensor bias = Tensor::vector<float>({1, 2, 3, 4});
  const graph::ValueAddress stem = inside(given.view, "stem"), inner = inside(all.view, "AvgPool_1");
  given.agrees({insert(stem, "Conv", {{"kernel_shape", Ints{1, 1}}}, {std::nullopt, kernel, bias})});
  given.agrees(
      {insert(stem, "BatchNormalization", {{"epsilon", 0.25f}}, {std::nullopt, bias, bias, bias, bias})});
  given.agrees({insert(stem, "Transpose", {{"perm", Ints{0, 1, 3, 2}}})});
  given.agrees({insert(given.out_of("leaky"), "Transpose", {{"perm", Ints{0, 2, 1, 3}}})});
  const Tensor each = Tensor::of<float>({1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7}, {4, 1, 2, 2});
  all.agrees({insert(inner, "Conv", {{"group", int64_t{4}}}, {std::nullopt, each})});
  all.agrees({insert(inner, "MaxPool",
                     {{"kernel_shape", Ints{3, 2}}, {"strides", Ints{1, 1}}, {"pads", Ints{1, 1, 1, 0}}})});
  all.agrees({insert(inner, "AveragePool", {{"kernel_shape", Ints{2, 1}}})});
  const Tensor pads = Tensor::vector<int64_t>({0, 0, 1, 1, 0, 0, 0, 1});
  all.agrees({insert(inner, "Pad", {}, {std::nullopt, pads})});
  all.agrees({insert(inner, "Pad", {{"mode", std::string("reflect")}}, {std::nullopt, pads})});
  all.agrees({insert(inner, "Pad", {}, {std::nullopt, pads, Tensor::scalar(2.f)})});
}

TEST(PatchInsert, AtResultsInputsAndSingleReaders) {
  const Subject given("edits.pb"), functions("functions"), pictures("pictures");
  const Edit halved = insert({0, {}, 0}, "Mul", {}, {std::nullopt, Tensor::scalar(0.5f)});
  given.agrees({halved});
  functions.agrees({halved});
  pictures.agrees({halved});
  // A result of a frozen graph is known by its node: the new one has its name.
  given.agrees({insert(given.out_of("scores"), "Sigmoid")});
  given.agrees({insert(given.out_of("scores"), "Sigmoid"), insert(given.out_of("top"), "Neg")});
  auto one_reader = insert(given.out_of("leaky"), "Neg");
  one_reader.only_consumer = std::pair(graph::Address{given.at("deep").op, Role::bridge, 0}, 0);
  EXPECT_EQ(given.agrees({one_reader}), (Names{"deep", "deep/Neg"}));
  auto joined = insert(given.out_of("sum"), "Sub", {}, {std::nullopt, std::nullopt});
  joined.other_operands = {{1, given.out_of("less")}};
  given.agrees({joined});
}

TEST(PatchInsert, InFunctions) {
  const Subject given("functions"), pictures("pictures");
  given.agrees({insert(given.out_of("split", 1), "Exp")});
  given.agrees({insert(given.out_of("TopKV2"), "Neg")});
  given.agrees(
      {insert(given.out_of("Tanh"), "Mul", {}, {std::nullopt, Tensor::vector<float>({1, 2, 3, 4})})});
  given.agrees({insert(given.out_of("Relu"), "Tanh"), insert(given.out_of("Relu"), "Exp")});
  pictures.agrees({insert(pictures.out_of("leaky_1/LeakyRelu"), "Tanh")});
  pictures.agrees({insert(pictures.out_of("scores_1/Softmax"), "Sqrt")});
}

// --- nodes taken out, operands -------------------------------------------------------------------

TEST(PatchRemove, BehindTheirOperands) {
  const Subject given("edits.pb"), functions("functions"), pictures("pictures");
  given.agrees({graph::RemoveNode{given.at("leaky"), 0}});
  given.agrees({graph::RemoveNode{given.at("norm"), 0}});
  given.agrees({graph::RemoveNode{given.at("bounded"), 0}});
  given.agrees({graph::RemoveNode{given.at("sum"), 0}});
  given.agrees({graph::RemoveNode{given.at("sum"), 1}});
  given.agrees({graph::RemoveNode{given.at("turned"), 0}});
  given.agrees({graph::RemoveNode{given.at("leaky"), 0}, graph::RemoveNode{given.at("norm"), 0}});
  EXPECT_EQ(given.agrees({graph::RemoveNode{given.at("scores"), 0}}),
            Names{"scores"});  // a result: an Identity
  EXPECT_EQ(functions.agrees({graph::RemoveNode{functions.at("Tanh"), 0}}), (Names{"Tanh", "Identity_1"}));
  EXPECT_EQ(functions.agrees({graph::RemoveNode{functions.at("sub"), 0}}), (Names{"sub", "add_1"}));
  pictures.agrees({graph::RemoveNode{pictures.at("leaky_1/LeakyRelu"), 0}});
  pictures.agrees({graph::RemoveNode{pictures.at("sum_1/Add"), 1}});
}

TEST(PatchOperand, IsAnotherTensorOfTheSameFunction) {
  const Subject given("edits.pb"), functions("functions");
  // What nobody reads any longer goes: in a frozen graph it would be a result.
  given.agrees({graph::SetOperand{given.at("sum"), 1, given.out_of("bounded")}});
  given.agrees({graph::SetOperand{given.at("join"), 1, given.out_of("flat")}});
  given.agrees({graph::SetOperand{given.at("less"), 0, given.out_of("mean")}});
  EXPECT_EQ(functions.agrees({graph::SetOperand{functions.at("concat"), 0, functions.out_of("split", 0)}}),
            Names{"concat"});
  EXPECT_NE(functions.refuses(graph::SetOperand{functions.at("concat"), 0, functions.out_of("Relu")}), "");
  EXPECT_NE(given.refuses(graph::SetOperand{given.at("norm"), 0, given.out_of("sum")}), "");  // a cycle
}

TEST(Patch, SeveralAtOnce) {
  const Subject given("edits.pb"), pictures("pictures");
  given.agrees({set(given.view, "stem", 1), graph::RemoveNode{given.at("norm"), 0},
                insert(given.out_of("leaky"), "Tanh"), graph::ChangeType{given.at("sum"), "Mul", {}},
                graph::SetAttribute{given.at("most"), "pads", Ints{1, 1, 0, 0}}});
  pictures.agrees({set(pictures.view, "wide_1/convolution", 1), insert(pictures.out_of("sum_1/Add"), "Tanh"),
                   graph::SetAttribute{pictures.at("leaky_1/LeakyRelu"), "alpha", 0.5f}});
}

// A patch of a patched model, and what a patch of nothing is.
TEST(Patch, OneAfterAnother) {
  const Subject given("pictures");
  const graph::Patch first{"tensorflow", "", {{{set(given.view, "wide_1/convolution", 1)}, ""}}};
  const graph::Patch second{"tensorflow", "", {{{insert(given.out_of("sum_1/Add"), "Tanh")}, ""}}};
  const auto once = read(given.path)->patched(first);
  ASSERT_TRUE(once.ok());
  const auto twice = (*once)->patched(second);
  ASSERT_TRUE(twice.ok()) << twice.error().message;
  const fs::path written = scratch("twice");
  ASSERT_TRUE((*twice)->write(written).ok());
  EXPECT_EQ(read(written)->sha256(), (*twice)->sha256());
  EXPECT_NE((*twice)->sha256(), (*once)->sha256());
  graph::Graph view = given.view;
  ASSERT_TRUE(graph::apply(view, first).ok() && graph::apply(view, second).ok());
  const auto inputs = inputs_of(view);
  expect_same(run_view(view, inputs, view.outputs), run_natively(written, inputs));
}

// A node of a loop's body.
const graph::Graph& body_with(const graph::Graph& view, const std::string& name) {
  for (const graph::Node& node : view.nodes)
    for (const auto& [attribute, body] : node.bodies)
      for (const graph::Node& inner : body.graph->nodes)
        if (is_named(inner.name, name)) return *body.graph;
  ADD_FAILURE() << "no loop computes '" << name << "'";
  return view;
}

// What a loop is given is written where it is given, its function's own constants in the function.
TEST(PatchLoops, WritesVariablesOutsideAndConstantsInside) {
  const Subject given("sequence");
  for (const char* name : {"long_1/while/lstm_cell_1/MatMul", "long_1/while/lstm_cell_1/MatMul_1"}) {
    const Names changed = given.agrees({set(body_with(given.view, name), name, 1)});
    ASSERT_FALSE(changed.empty());
    for (const std::string& part : changed) EXPECT_TRUE(part.starts_with("variable ")) << part;
  }
  const std::string rest = "gated_1/while/gru_cell_1/sub";
  const graph::Graph& body = body_with(given.view, rest);
  const Names changed = given.agrees({graph::SetTensor{at(body, rest), 0, Tensor::scalar(0.75f)}});
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_TRUE(changed.begin()->ends_with("sub/x")) << *changed.begin();
}

TEST(PatchLoops, WhatTheyComputeIsNoConstant) {
  const Subject given("sequence");
  const std::string name = "long_1/while/lstm_cell_1/MatMul";
  const graph::Address at = testing::at(body_with(given.view, name), name);
  EXPECT_NE(refusal(given.path, graph::SetTensor{at, 0, Tensor::scalar(1.f)}).find("computed"),
            std::string::npos);
  graph::Address nowhere = at;
  nowhere.op.graph = "nowhere";
  EXPECT_NE(
      refusal(given.path, graph::SetTensor{nowhere, 1, Tensor::scalar(1.f)}).find("no function 'nowhere'"),
      std::string::npos);
}

}  // namespace
}  // namespace fetafix::formats::tensorflow
