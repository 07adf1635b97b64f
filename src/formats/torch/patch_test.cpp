// Each kind of edit, on a net that is made for it and on recurrent layers.
#include "formats/torch/arguments.h"
#include "formats/torch/testing/patches.h"
#include "graph/lens.h"

namespace fetafix::formats::torch {
namespace {

using namespace testing;
using Names = std::set<std::string>;
using Ints = std::vector<int64_t>;

// A file with its view.
struct Subject {
  fs::path path;
  graph::Graph view;

  explicit Subject(const std::string& name) : path(testdata(name)), view(lifted(*read(path)).graph) {}
  graph::Address at(const std::string& name, Role role = Role::core) const {
    return testing::at(view, name, role);
  }
  graph::ValueAddress out_of(const std::string& name) const { return testing::out_of(view, name); }
  Edit set(const std::string& name, const std::string& argument, Role role = Role::core) const {
    return testing::set(view, name, argument, role);
  }
  Names agrees(const std::vector<Edit>& edits) const { return expect_agreement(path, edits); }
  // Of one argument that is a number or a list of them.
  Names puts(const std::string& name, const std::string& argument, Tensor value) const {
    return agrees({graph::SetTensor{at(name), slot_of(argument), std::move(value)}});
  }
  // Of one attribute; only that node changes, and what is said of tensors if sizes do.
  void sets(const std::string& name, const std::string& attribute, graph::Attribute value) const {
    const std::string node = node_of(view, name).name;
    Names changed = agrees({graph::SetAttribute{at(name), attribute, std::move(value)}});
    std::erase_if(changed, [](const std::string& part) { return part.starts_with("meta "); });
    EXPECT_EQ(changed, Names{node.substr(node.rfind('/') + 1)}) << attribute;
  }
  std::string refuses(const Edit& edit) const { return refusal(path, edit); }
};

void expect_says(const std::string& text, const std::string& words) {
  EXPECT_NE(text.find(words), std::string::npos) << text << " does not say: " << words;
}

// The archive's entry that holds a stored tensor.
std::string entry_of(const std::string& file, const std::string& target) {
  const auto parsed = parse_file(read_file(testdata(file)).value());
  return parsed->stored.at(Table::weights).at(target).entry.substr(parsed->prefix.size());
}

Names entries_of(const std::string& file, const std::vector<std::string>& targets) {
  Names out;
  for (const std::string& target : targets) out.insert(entry_of(file, target));
  return out;
}

// --- stored tensors ------------------------------------------------------------------------------

TEST(PatchTensor, WeightsAreWrittenWhereTheyLie) {
  const Subject given("edits.pt2");
  const auto changes = [&](const std::string& name, const std::string& argument, const std::string& target,
                           Role role = Role::core) {
    EXPECT_EQ(given.agrees({given.set(name, argument, role)}), entries_of("edits.pt2", {target}));
  };
  changes("stem/conv2d", "weight", "stem.weight");
  changes("stem/conv2d", "bias", "stem.bias");
  changes("batch_norm", "running_mean", "norm.running_mean");
  changes("batch_norm", "weight", "norm.weight");
  changes("conv2d_1", "weight", "block.deep.weight");
  changes("hidden/linear_1", "bias", "hidden.bias");
  changes("tokens/linear", "weight", "tokens.weight");  // turned by its lens
  changes("tokens/linear", "bias", "tokens.bias", Role::bias);
}

TEST(PatchTensor, GatesGoBackIntoPyTorchsOrder) {
  const Subject given("recurrent.pt2");
  const auto changes = [&](const std::string& name, int element, const std::string& target) {
    const int slot = slot_of("params", element);
    EXPECT_EQ(given.agrees({graph::SetTensor{given.at(name), slot, other(given.view, name, slot)}}),
              entries_of("recurrent.pt2", {target}));
  };
  changes("lstm", 0, "both.weight_ih_l0");
  changes("lstm", 6, "both.bias_ih_l0_reverse");
  changes("lstm", 13, "both.weight_hh_l1_reverse");
  changes("gru", 5, "gated_twice.weight_hh_l0_reverse");
  changes("gru_1", 2, "gated.bias_ih_l0");
  changes("lstm_2", 1, "bare.weight_hh_l0");
  changes("rnn_tanh", 0, "tanh.weight_ih_l0");
  changes("rnn_relu", 7, "relu.bias_hh_l1");
}

TEST(PatchTensor, WhatTwoReadIsCopiedForOne) {
  const Subject given("edits.pt2");
  const Names one = given.agrees({given.set("hidden/linear_1", "weight")});
  EXPECT_TRUE(one.contains("linear_1") && !one.contains("linear_2"));
  EXPECT_FALSE(one.contains(entry_of("edits.pt2", "scores.weight")));
  EXPECT_EQ(std::ranges::count_if(one, [](const auto& part) { return part.starts_with("weights fetafix_"); }),
            1);
  const Tensor both = other(given.view, "linear_1", slot_of("weight"));
  EXPECT_EQ(given.agrees({graph::SetTensor{given.at("linear_1"), slot_of("weight"), both},
                          graph::SetTensor{given.at("linear_2"), slot_of("weight"), both}}),
            entries_of("edits.pt2", {"scores.weight"}));
  const Tensor two = moved(both);
  const Names each = given.agrees({graph::SetTensor{given.at("linear_1"), slot_of("weight"), both},
                                   graph::SetTensor{given.at("linear_2"), slot_of("weight"), two}});
  EXPECT_TRUE(each.contains("linear_1") && each.contains("linear_2"));
  EXPECT_TRUE(given.agrees({given.set("mul", "other")}).contains("mul"));
}

TEST(PatchTensor, WhatIsSetBackReadsItsOwnAgain) {
  for (const auto& [file, name, seen] : {std::tuple{"edits.pt2", "linear_1", "stem/conv2d"},
                                         std::tuple{"scripted.pt", "deep.0/conv2d_4", "stem/conv2d"}}) {
    const Subject given(file);
    const graph::Address at = given.at(name);
    const int slot = slot_of("weight");
    const graph::Value* now = graph::constant_behind(given.view, at.op.index, slot);
    ASSERT_TRUE(now) << file;
    given.agrees(
        {given.set(name, "weight"), graph::SetTensor{at, slot, now->constant}, given.set(seen, "weight")});
  }
}

TEST(PatchTensor, WhatIsNoneGetsATensor) {
  const Subject given("edits.pt2");
  const Names changed = given.puts("conv2d_1", "bias", Tensor::vector<float>({1, -2, 3, -4}));
  EXPECT_TRUE(changed.contains("conv2d_1") && changed.contains("rest"));
}

TEST(PatchTensor, NumbersAreArguments) {
  const Subject given("edits.pt2");
  EXPECT_EQ(given.puts("clamp", "min", Tensor::scalar(-0.25f)), Names{"clamp"});
  EXPECT_EQ(given.puts("clamp", "max", Tensor::scalar(0.125f)), Names{"clamp"});
  EXPECT_EQ(given.puts("pad", "value", Tensor::scalar(-1.f)), Names{"pad"});
  const Names pads = given.puts("pad", "pad", Tensor::vector<int64_t>({0, 0, 1, 2, 0, 0, 0, 1}));
  EXPECT_EQ(pads, (Names{"pad", "meta pad", "meta upsample_bilinear2d"}));
  EXPECT_EQ(given.puts("pad", "pad", Tensor::vector<int64_t>({0, 0, 1, 0, 0, 0, 0, 1})), Names{"pad"});
  EXPECT_EQ(given.puts("upsample_bilinear2d", "scale_factors", Tensor::vector<float>({1, 1, 1.5f, 3})),
            (Names{"upsample_bilinear2d", "meta upsample_bilinear2d"}));
  EXPECT_EQ(given.puts("upsample_nearest2d", "output_size", Tensor::vector<int64_t>({2, 4, 9, 5})),
            (Names{"upsample_nearest2d", "meta upsample_nearest2d"}));
  EXPECT_EQ(given.puts("amax", "dim", Tensor::vector<int64_t>({2})), (Names{"amax", "meta amax"}));
}

TEST(PatchTensor, RefusalsSayWhy) {
  const Subject given("edits.pt2"), layers("recurrent.pt2");
  const auto sets = [&](const Subject& subject, const std::string& name, int slot, Tensor value) {
    return subject.refuses(graph::SetTensor{subject.at(name), slot, std::move(value)});
  };
  expect_says(sets(given, "relu", slot_of("self"), Tensor::scalar(1.f)), "is computed");
  expect_says(sets(given, "relu", -1, Tensor::scalar(1.f)), "has no operand -1");
  expect_says(sets(given, "relu", 1 << 29, Tensor::scalar(1.f)), "has no operand");
  expect_says(sets(given, "clamp", slot_of("min"), Tensor::vector<float>({1, 2})), "is one number");
  expect_says(sets(layers, "gru", slot_of("params", 99), Tensor::of<float>({1, 2, 3}, {1, 3, 1})),
              "has no such element");
  expect_says(sets(layers, "lstm", slot_of("params", 0), Tensor::of<float>({1, 2, 3}, {1, 3, 1})),
              "a recurrent weight of shape");
}

#ifndef FETAFIX_SANITIZE  // a document of JSON is slow there, and what is written by others is a document
                          // like these
// --- attributes ----------------------------------------------------------------------------------

TEST(PatchAttribute, OfWindows) {
  const Subject given("edits.pt2");
  given.sets("loose/conv2d_3", "strides", Ints{2, 1});
  given.sets("loose/conv2d_3", "pads", Ints{2, 0, 2, 0});
  given.sets("loose/conv2d_3", "dilations", Ints{1, 2});
  given.sets("max_pool2d_1", "kernel_shape", Ints{3, 2});
  given.sets("max_pool2d_1", "pads", Ints{1, 0, 1, 0});
  given.sets("max_pool2d_1", "strides", Ints{1, 2});
  given.sets("max_pool2d_1", "ceil_mode", int64_t{1});
  given.sets("avg_pool2d_1", "ceil_mode", int64_t{1});
  given.sets("avg_pool2d_1", "count_include_pad", int64_t{0});
  given.sets("avg_pool2d_1", "pads", Ints{0, 1, 0, 1});
}

// A pad of its own does what PyTorch's convolutions can't; "same" becomes numbers.
TEST(PatchAttribute, PadsThatDiffer) {
  const Subject given("edits.pt2");
  const auto pads = [&](const std::string& name, Ints values) {
    return given.agrees({graph::SetAttribute{given.at(name), "pads", std::move(values)}});
  };
  EXPECT_EQ(pads("stem/conv2d", {0, 1, 2, 1}),
            (Names{"conv2d", "constant_pad_nd_added", "meta constant_pad_nd_added"}));
  const Names changed = pads("loose/conv2d_3", {0, 1, 1, 1});
  EXPECT_TRUE(changed.contains("constant_pad_nd_added") && changed.contains("meta conv2d_3"));
  expect_says(given.refuses(graph::SetAttribute{given.at("max_pool2d_1"), "pads", Ints{0, 1, 1, 1}}),
              "whose pads differ before and behind");
  expect_says(given.refuses(graph::SetAttribute{given.at("stem/conv2d"), "pads", Ints{-1, 1, 1, 1}}),
              "negative pads");
  expect_says(
      given.refuses(graph::SetAttribute{given.at("stem/conv2d"), "auto_pad", std::string("SAME_UPPER")}),
      "pads are numbers");
}

TEST(PatchAttribute, NumbersFlagsAndAxes) {
  const Subject given("edits.pt2"), core("core.pt2"), shapes("shapes.pt2");
  given.sets("batch_norm", "epsilon", 0.5f);
  given.sets("leaky_relu", "alpha", 0.75f);
  given.sets("elu", "alpha", 1.5f);
  given.sets("gelu", "approximate", std::string("tanh"));
  given.sets("softmax", "axis", int64_t{0});
  given.sets("argmax", "axis", int64_t{0});
  shapes.sets("cat", "axis", int64_t{2});
  given.sets("transpose", "perm", Ints{1, 0, 2});
  given.sets("amax", "keepdims", int64_t{1});
  given.sets("to", "to", int64_t{11});
  core.sets("addmm", "alpha", 0.5f);
  core.sets("addmm", "beta", 2.f);
  expect_says(given.refuses(graph::SetAttribute{given.at("relu"), "alpha", 1.f}), "has no alpha");
  expect_says(given.refuses(graph::SetAttribute{given.at("relu"), "no_such_thing", 1.f}), "no counterpart");
  expect_says(core.refuses(graph::SetAttribute{core.at("var"), "keepdims", int64_t{0}}),
              "several operators in one");
}

TEST(PatchAttribute, OfResizes) {
  const Subject given("edits.pt2");
  given.sets("upsample_bilinear2d", "coordinate_transformation_mode", std::string("align_corners"));
  const auto agrees = [&](const std::string& name, const graph::Attributes& attributes) {
    std::vector<Edit> edits;
    for (const auto& [key, value] : attributes)
      edits.push_back(graph::SetAttribute{given.at(name), key, value});
    EXPECT_EQ(given.agrees(edits), Names{name});
  };
  agrees("upsample_bilinear2d", {{"mode", std::string("cubic")}, {"cubic_coeff_a", -0.75f}});
  agrees("upsample_bilinear2d", {{"mode", std::string("nearest")},
                                 {"coordinate_transformation_mode", std::string("asymmetric")},
                                 {"nearest_mode", std::string("floor")}});
  agrees("upsample_nearest2d",
         {{"mode", std::string("linear")}, {"coordinate_transformation_mode", std::string("half_pixel")}});
  expect_says(
      given.refuses(graph::SetAttribute{given.at("upsample_nearest2d"), "mode", std::string("linear")}),
      "coordinates by 'asymmetric'");
  agrees("upsample_nearest2d", {{"coordinate_transformation_mode", std::string("half_pixel")},
                                {"nearest_mode", std::string("round_prefer_ceil")}});
}

TEST(PatchAttribute, TrainingModeIsLeft) {
  const Subject given("training.pt2");
  EXPECT_EQ(given.agrees({graph::SetAttribute{given.at("batch_norm"), "training_mode", int64_t{0}},
                          graph::KeepOutputs{given.at("batch_norm"), 1}}),
            Names{"batch_norm"});
  const Subject reductions("reductions.pt2");
  expect_says(reductions.refuses(graph::KeepOutputs{reductions.at("topk"), 1}), "is read");
}

// --- types ---------------------------------------------------------------------------------------

TEST(PatchType, OfOneFamily) {
  const Subject given("edits.pt2");
  const auto becomes = [&](const std::string& name, const std::string& type,
                           graph::Attributes attributes = {}) {
    EXPECT_EQ(given.agrees({graph::ChangeType{given.at(name), type, std::move(attributes)}}),
              Names{name.substr(name.rfind('/') + 1)});
  };
  for (const char* type : {"Tanh", "Sigmoid", "HardSwish", "Softplus", "Selu", "Mish", "Abs"})
    becomes("relu", type);
  becomes("leaky_relu", "Relu");
  becomes("leaky_relu", "Elu", {{"alpha", 0.5f}});
  becomes("elu", "Gelu", {{"approximate", std::string("tanh")}});
  becomes("sub", "Add");
  becomes("add", "Max");
  becomes("mul", "Div");
  becomes("mean", "ReduceMax", node_of(given.view, "mean").attributes);
  becomes("amax", "ReduceSum", node_of(given.view, "amax").attributes);
  becomes("argmax", "ArgMin", node_of(given.view, "argmax").attributes);
  becomes("softmax", "LogSoftmax", node_of(given.view, "softmax").attributes);
  graph::Attributes pool = node_of(given.view, "max_pool2d_1").attributes;
  for (int64_t counts : {0, 1}) {
    pool["count_include_pad"] = counts;
    becomes("max_pool2d_1", "AveragePool", pool);
  }
  pool.erase("count_include_pad");
  becomes("avg_pool2d_1", "MaxPool", pool);
  expect_says(given.refuses(graph::ChangeType{given.at("stem/conv2d"), "MatMul", {}}), "can't become MatMul");
  expect_says(given.refuses(graph::ChangeType{given.at("tokens/linear", Role::bias), "Sub", {}}),
              "has one type");
}

// --- nodes put in --------------------------------------------------------------------------------

TEST(PatchInsert, WhatTakesOneOperand) {
  const Subject given("edits.pt2");
  // Each at a result of its own, several at a time.
  const std::vector<std::vector<const char*>> types{
      {"Relu", "Sigmoid", "Tanh", "Exp", "Abs", "Neg"},
      {"Erf", "Floor", "Ceil", "Round", "Softplus", "HardSwish"},
      {"HardSigmoid", "Selu", "Mish", "Sin", "Cos", "Gelu"}};
  for (const auto& group : types) {
    std::vector<Edit> edits;
    for (size_t i = 0; i < group.size(); ++i) {
      const bool sigmoid = std::string(group[i]) == "HardSigmoid";
      edits.push_back(insert(given.out_of(std::vector{"sub_1", "sub", "amax", "upsample_bilinear2d",
                                                      "max_pool2d_1", "avg_pool2d_1"}[i]),
                             group[i],
                             sigmoid ? graph::Attributes{{"alpha", 1.f / 6}} : graph::Attributes{}));
    }
    given.agrees(edits);
  }
  given.agrees({insert(given.out_of("sub_1"), "Elu")});
  expect_says(given.refuses(insert(given.out_of("sub_1"), "HardSigmoid")), "whose slope is not 1/6");
  for (const char* type : {"Log", "Sqrt", "Reciprocal"})
    given.agrees({insert(given.out_of("softmax"), type)});
  given.agrees({insert(given.out_of("sub_1"), "LeakyRelu", {{"alpha", 0.5f}})});
  given.agrees({insert(given.out_of("sub_1"), "Softmax", {{"axis", int64_t{2}}})});
  given.agrees({insert(given.out_of("sub_1"), "LogSoftmax")});
  expect_says(given.refuses(insert(given.out_of("sub_1"), "NonMaxSuppression")), "can't be put into");
}

TEST(PatchInsert, WithConstants) {
  const Subject given("edits.pt2");
  const Tensor four = Tensor::of<float>({0.5f, 2, -1, 3}, {4, 1, 1}), two = Tensor::scalar(2.f);
  for (const char* type : {"Add", "Sub", "Mul", "Div", "Max", "Min"}) {
    given.agrees({insert(given.out_of("sub_1"), type, {}, {std::nullopt, four})});
    given.agrees({insert(given.out_of("add"), type, {}, {std::nullopt, two})});
    given.agrees({insert(given.out_of("sub_1"), type, {}, {four, std::nullopt})});
  }
  given.agrees({insert(given.out_of("softmax"), "Pow", {}, {std::nullopt, two})});
  std::vector<float> square(64);
  for (size_t i = 0; i < square.size(); ++i) square[i] = static_cast<float>(i % 7) - 2;
  given.agrees({insert(given.out_of("relu"), "MatMul", {}, {std::nullopt, Tensor::of(square, {8, 8})})});
  const auto clips = [&](float low, float high) {
    return given.agrees({insert(given.out_of("batch_norm"), "Clip", {},
                                {std::nullopt, Tensor::scalar(low), Tensor::scalar(high)})});
  };
  EXPECT_TRUE(clips(0, 6).contains("relu6_added"));
  EXPECT_TRUE(clips(-0.5f, 0.25f).contains("clamp_added"));
  const Names added =
      given.agrees({insert(given.out_of("sub_1"), "Clip", {}, {std::nullopt, Tensor::scalar(0.f)})});
  EXPECT_EQ(added, (Names{"relu_added", "meta relu_added", "rest"}));
}

TEST(PatchInsert, AxesShapesAndTypes) {
  const Subject given("edits.pt2");
  const auto axes = [](Ints list) { return Tensor::vector<int64_t>(list); };
  const auto on = [&](const char* value, const char* type, graph::Attributes attributes,
                      std::vector<std::optional<Tensor>> operands = {std::nullopt}) {
    return given.agrees({insert(given.out_of(value), type, std::move(attributes), std::move(operands))});
  };
  for (const char* type : {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"})
    for (int64_t keeps : {0, 1}) on("sub_1", type, {{"keepdims", keeps}}, {std::nullopt, axes({2, 3})});
  on("sub_1", "Transpose", {{"perm", Ints{0, 2, 3, 1}}});
  on("clamp", "Transpose", {{"perm", Ints{0, 1, 3, 2}}});
  on("sub_1", "Reshape", {}, {std::nullopt, axes({2, -1})});
  on("sub_1", "Reshape", {}, {std::nullopt, axes({0, 0, 36})});
  on("sub_1", "Flatten", {{"axis", int64_t{1}}});
  on("sub_1", "Unsqueeze", {}, {std::nullopt, axes({0, -1})});
  given.agrees({insert(given.out_of("sub_1"), "Squeeze", {}, {std::nullopt, axes({0})}),
                insert(given.out_of("sub_1"), "Unsqueeze", {}, {std::nullopt, axes({0})}),
                insert(given.out_of("sub_1"), "Neg")});
  // What PyTorch's exporter has checked of the value's type stays with the value.
  on("argmax", "Cast", {{"to", int64_t{9}}});
  on("sub_1", "Cast", {{"to", int64_t{7}}});
}

TEST(PatchInsert, Windows) {
  const Subject given("edits.pt2");
  const auto on = [&](const char* type, graph::Attributes attributes,
                      std::vector<std::optional<Tensor>> operands = {std::nullopt}) {
    return given.agrees({insert(given.out_of("sub_1"), type, std::move(attributes), std::move(operands))});
  };
  const Tensor bias = Tensor::vector<float>({1, 2, 3, 4});
  const Tensor each = Tensor::of<float>({1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7}, {4, 1, 2, 2});
  on("Conv",
     {{"group", int64_t{4}},
      {"kernel_shape", Ints{2, 2}},
      {"strides", Ints{2, 1}},
      {"pads", Ints{1, 0, 1, 0}}},
     {std::nullopt, each, bias});
  on("BatchNormalization", {{"epsilon", 0.25f}}, {std::nullopt, bias, bias, bias, bias});
  on("MaxPool", {{"kernel_shape", Ints{3, 2}}, {"strides", Ints{1, 2}}, {"pads", Ints{1, 0, 1, 0}}});
  on("AveragePool", {{"kernel_shape", Ints{2, 1}}});
  on("AveragePool",
     {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}, {"count_include_pad", int64_t{1}}});
  const Tensor pads = Tensor::vector<int64_t>({0, 0, 1, 1, 0, 0, 0, 1});
  on("Pad", {}, {std::nullopt, pads});
  on("Pad", {{"mode", std::string("reflect")}}, {std::nullopt, pads});
  on("Pad", {}, {std::nullopt, pads, Tensor::scalar(2.f)});
  on("Concat", {{"axis", int64_t{1}}}, {std::nullopt, std::nullopt});
}

TEST(PatchInsert, AtInputsResultsAndSingleReaders) {
  const Subject given("edits.pt2"), layers("recurrent.pt2"), in_place("in_place.pt2");
  const Edit halved = insert({0, {}, 0}, "Mul", {}, {std::nullopt, Tensor::scalar(0.5f)});
  given.agrees({halved});
  layers.agrees({halved});
  in_place.agrees({halved});
  layers.agrees({insert(layers.out_of("getitem_3"), "Neg")});
  EXPECT_TRUE(given.agrees({insert(given.out_of("softmax"), "Sigmoid")}).contains("rest"));
  given.agrees({insert(given.out_of("relu"), "Tanh"), insert(given.out_of("relu"), "Exp")});
  auto one_reader = insert(given.out_of("add"), "Neg");
  one_reader.only_consumer = std::pair(given.at("avg_pool2d"), 0);
  EXPECT_EQ(given.agrees({one_reader}), (Names{"avg_pool2d", "neg_added", "meta neg_added"}));
  auto joined = insert(given.out_of("mul"), "Sub", {}, {std::nullopt, std::nullopt});
  joined.other_operands = {{1, given.out_of("conv2d_2")}};
  given.agrees({joined});
}

#endif

// --- nodes taken out, operands -------------------------------------------------------------------

TEST(PatchRemove, BehindTheirOperands) {
  const Subject given("edits.pt2");
  EXPECT_EQ(given.agrees({graph::RemoveNode{given.at("leaky_relu"), 0}}),
            (Names{"leaky_relu", "meta leaky_relu", "mul"}));
  given.agrees({graph::RemoveNode{given.at("batch_norm"), 0}});
  given.agrees({graph::RemoveNode{given.at("clamp"), 0}});
  given.agrees({graph::RemoveNode{given.at("sub_1"), 0}});
  given.agrees({graph::RemoveNode{given.at("sub_1"), 1}});
  given.agrees({graph::RemoveNode{given.at("transpose"), 0}});
  given.agrees({graph::RemoveNode{given.at("softmax"), 0}});  // a result
  given.agrees({graph::RemoveNode{given.at("leaky_relu"), 0}, graph::RemoveNode{given.at("conv2d_1"), 0}});
  given.agrees({graph::RemoveNode{given.at("relu"), 0}, insert(given.out_of("linear_1"), "Tanh")});
  EXPECT_EQ(given.agrees({graph::RemoveNode{given.at("tokens/linear", Role::bias), 0}}), Names{"linear"});
  expect_says(given.refuses(graph::RemoveNode{given.at("relu"), 3}), "no operand 3");
}

TEST(PatchRemove, WhatWritesIntoItsOperand) {
  const Subject given("in_place.pt2");
  for (const char* name : {"relu_", "add_", "mul_", "hardtanh_", "leaky_relu_", "clamp_", "sigmoid_"})
    given.agrees({graph::RemoveNode{given.at(name), 0}});
  given.agrees({insert(given.out_of("relu_"), "Neg")});
  given.agrees({insert(given.out_of("add"), "Neg")});
  given.agrees({insert(given.out_of("hardtanh_"), "Exp")});
  given.agrees({insert(given.out_of("leaky_relu_"), "Exp")});
  given.agrees({graph::ChangeType{given.at("relu_"), "Tanh", {}}});
  given.agrees({graph::SetAttribute{given.at("leaky_relu_"), "alpha", 0.125f}});
  given.agrees({graph::SetOperand{given.at("add_1"), 1, given.out_of("mul_")}});
}

// What read a removed node reads what the node read last.
TEST(PatchRemove, BehindOtherEdits) {
  const Subject given("edits.pt2"), in_place("in_place.pt2");
  const Edit negated = insert(given.out_of("conv2d"), "Neg"),
             gone = graph::RemoveNode{given.at("batch_norm"), 0};
  given.agrees({negated, gone});
  given.agrees({gone, negated});
  in_place.agrees({graph::RemoveNode{in_place.at("relu_"), 0}, insert(in_place.out_of("add"), "Neg")});
}

TEST(PatchOperand, IsAnotherValue) {
  const Subject given("edits.pt2");
  EXPECT_EQ(given.agrees({graph::SetOperand{given.at("sub_1"), 1, given.out_of("leaky_relu")}}),
            Names{"sub_1"});
  EXPECT_EQ(given.agrees({graph::SetOperand{given.at("cat"), 0, given.out_of("avg_pool2d")}}), Names{"cat"});
  EXPECT_EQ(given.agrees({graph::SetOperand{given.at("linear_2"), 0, given.out_of("linear_1")}}),
            Names{"linear_2"});
  EXPECT_EQ(given.agrees({graph::SetOperand{given.at("stem/conv2d"), 0, {0, {}, 0}},
                          graph::SetOperand{given.at("wide/conv2d_2"), 0, {0, {}, 0}}}),
            Names{"conv2d_2"});
  expect_says(given.refuses(graph::SetOperand{given.at("clamp"), 0, given.out_of("sub_1")}),
              "computed behind");
}

TEST(Patch, SeveralAtOnce) {
  const Subject given("edits.pt2");
  given.agrees({given.set("stem/conv2d", "weight"), graph::RemoveNode{given.at("batch_norm"), 0},
                insert(given.out_of("leaky_relu"), "Tanh"), graph::ChangeType{given.at("add"), "Mul", {}},
                graph::SetAttribute{given.at("max_pool2d_1"), "pads", Ints{1, 0, 1, 0}},
                given.set("hidden/linear_1", "weight"), given.set("mul", "other")});
}

// A patch of a patched model, and what a patch of nothing is.
TEST(Patch, OneAfterAnother) {
  const Subject given("edits.pt2");
  const graph::Patch first{"torch", "", {{{given.set("hidden/linear_1", "weight")}, ""}}};
  const graph::Patch second{
      "torch", "", {{{insert(given.out_of("relu"), "Tanh"), given.set("linear_2", "weight")}, ""}}};
  const auto once = read(given.path)->patched(first);
  ASSERT_TRUE(once.ok());
  const auto twice = (*once)->patched(second);
  ASSERT_TRUE(twice.ok()) << twice.error().message;
  const fs::path written = scratch("twice.pt2");
  ASSERT_TRUE((*twice)->write(written).ok());
  EXPECT_EQ(read(written)->sha256(), (*twice)->sha256());
  EXPECT_NE((*twice)->sha256(), (*once)->sha256());
  EXPECT_EQ(read(given.path)->patched({}).value()->sha256(), read(given.path)->sha256());
  graph::Graph view = given.view;
  ASSERT_TRUE(graph::apply(view, first).ok() && graph::apply(view, second).ok());
  const auto inputs = inputs_of(view);
  expect_same(run_view(view, inputs, view.outputs), run_natively(written, inputs));
}

}  // namespace
}  // namespace fetafix::formats::torch
