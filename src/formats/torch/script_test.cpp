// TorchScript files: what their text says, the view against PyTorch, and edits that are written back as text.
#include "formats/torch/script.h"
#include "base/zip.h"
#include "formats/torch/arguments.h"
#include "formats/torch/script_schema.h"
#include "formats/torch/testing/patches.h"

namespace fetafix::formats::torch {
namespace {

using namespace testing;
using Names = std::set<std::string>;
using Ints = std::vector<int64_t>;

std::string text_of(const fs::path& path, const std::string& end) {
  const auto file = parse_file(read_file(path).value());
  EXPECT_TRUE(file.ok());
  for (const Code& code : file->script->codes)
    if (code.entry.ends_with(end)) return code.text;
  return {};
}

// --- text ------------------------------------------------------------------------------------------

TEST(ScriptText, StatementsAndTheirPlaces) {
  const std::string text =
      "def f(x: Tensor,\n    n: int=3) -> Tensor:\n  a, b, = torch.chunk(x, 2, 1)\n  if torch.gt(n, 2):\n"
      "    y = torch.add(a, b, alpha=-1)\n  else:\n    pass\n  return (y)[0]\n";
  const auto source = parse_script(text);
  ASSERT_TRUE(source.ok()) << source.error().message;
  ASSERT_EQ(source->functions.size(), 1u);
  const Function& f = source->functions[0];
  ASSERT_EQ(f.parameters.size(), 2u);
  EXPECT_EQ(f.parameters[1].otherwise->integer, 3);
  ASSERT_EQ(f.body.size(), 3u);
  EXPECT_TRUE(f.body[0].unpacks);
  EXPECT_EQ(f.body[0].targets.size(), 2u);
  const Expr& add = f.body[1].body[0].value;
  EXPECT_EQ(add.keywords, (std::vector<std::string>{"", "", "alpha"}));
  EXPECT_EQ(text.substr(add.span.begin, add.span.end - add.span.begin), "torch.add(a, b, alpha=-1)");
  EXPECT_EQ(f.body[2].value.kind, Expr::Kind::index);
  EXPECT_EQ(text.substr(f.span.begin, f.span.end - f.span.begin), text);
}

TEST(ScriptText, WhatEndsEarlyIsNamedByItsLine) {
  const auto cut = parse_script("class A(Module):\n  def forward(self) -> Tensor:\n    x = torch.relu(y");
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().message, "line 3: expected ',', found the end of the line");
}

TEST(ScriptText, NestingHasAnEnd) {
  std::string deep = "def f(x: Tensor) -> Tensor:\n  return ";
  for (int i = 0; i < 100'000; ++i) deep += "torch.relu(";
  EXPECT_FALSE(parse_script(deep).ok());
  std::string chain = "def f(x: Tensor) -> Tensor:\n  return x";
  for (int i = 0; i < 100'000; ++i) chain += ".a";
  EXPECT_FALSE(parse_script(chain).ok());
  std::string inward = "def f(x: Tensor) -> Tensor:\n";
  for (size_t i = 1; i < 2000; ++i) inward += std::string(i, ' ') + "if a:\n";
  EXPECT_FALSE(parse_script(inward).ok());
}

TEST(ScriptSchema, OverloadsByWhatTheyTake) {
  const ScriptValue x = script_tensor("x"), two = script_integer(2), half = script_real(0.5);
  const auto target = [](const std::string& name, const std::vector<ScriptValue>& values) {
    const auto call = bind_call(name, values, std::vector<std::string>(values.size()));
    return call ? call->schema.target : std::string();
  };
  EXPECT_EQ(target("add", {x, x}), "aten.add.Tensor");
  EXPECT_EQ(target("add", {x, half}), "aten.add.Scalar");
  EXPECT_EQ(target("mean", {x}), "aten.mean.default");
  EXPECT_EQ(target("mean", {x, script_list({two})}), "aten.mean.dim");
  EXPECT_EQ(target("conv2d", {x, x, x, two, script_text("same")}), "aten.conv2d.padding");
  EXPECT_EQ(target("relu", {two}), "");
}

// --- views -----------------------------------------------------------------------------------------

TEST(ScriptView, ComputesWhatPyTorchComputes) {
  for (const char* name : {"traced.pt", "frozen.pt", "scripted.pt", "turns.pt", "padded.pt"}) {
    SCOPED_TRACE(name);
    const auto model = read(testdata(name));
    ASSERT_TRUE(model);
    const Lifted view = lifted(*model);
    // Its text asks for the number of dimensions.
    const bool asks = name == std::string("turns.pt");
    ASSERT_EQ(view.notes.size(), asks ? 1u : 0u);
    if (asks) {
      EXPECT_TRUE(view.notes[0].starts_with("input 'steps' is taken to have 3 dimensions"));
    }
    const auto inputs = inputs_of(view.graph);
    expect_same(run_natively(testdata(name), inputs), run_view(view.graph, inputs, view.graph.outputs));
  }
}

TEST(ScriptView, NodesAreNamedByTheirModules) {
  const graph::Graph view = lifted(*read(testdata("scripted.pt"))).graph;
  EXPECT_EQ(node_of(view, "second.norm/batch_norm_1").type, "BatchNormalization");
  EXPECT_EQ(node_of(view, "deep.0/conv2d_4").type, "Conv");
}

// The file says the shape that it was traced with; of what was scripted the weights tell a part.
TEST(ScriptView, ShapesOfInputs) {
  const auto shape = [](const char* name) {
    const graph::Graph view = lifted(*read(testdata(name))).graph;
    return *view.value(view.inputs[0]).shape;
  };
  EXPECT_EQ(shape("traced.pt"), (Shape{1, 2, 8, 8}));
  EXPECT_EQ(shape("scripted.pt"), (Shape{-1, 2, -1, -1}));
  EXPECT_EQ(shape("turns.pt"), (Shape{-1, -1, 3}));
  EXPECT_EQ(shape("padded.pt"), (Shape{-1, -1, -1, 2}));
}

TEST(ScriptView, InnerValuesAreWhatTheViewComputes) {
  for (const char* name : {"traced.pt", "frozen.pt", "scripted.pt", "turns.pt"}) {
    SCOPED_TRACE(name);
    const auto model = read(testdata(name));
    const graph::Graph view = lifted(*model).graph;
    std::vector<ValueId> wanted;
    for (size_t id = 0; id < view.values.size(); ++id)
      if (view.values[id].native_tensor >= 0) wanted.push_back(static_cast<ValueId>(id));
    const fs::path path = scratch("opened.pt");
    const auto exposed = model->expose(wanted, path);
    ASSERT_TRUE(exposed.ok()) << exposed.error().message;
    ASSERT_GT(exposed->size(), 3u);
    std::vector<ValueId> all = view.outputs;
    for (const ExposedValue& one : *exposed) all.push_back(one.value);
    const auto inputs = inputs_of(view);
    expect_same(run_natively(path, inputs), run_view(view, inputs, all));
  }
}

// --- edits -----------------------------------------------------------------------------------------

struct Subject {
  fs::path path;
  graph::Graph view;

  explicit Subject(const fs::path& file) : path(file), view(lifted(*read(path)).graph) {}
  explicit Subject(const char* name) : Subject(testdata(name)) {}
  Names agrees(const std::vector<Edit>& edits) const { return expect_agreement(path, edits); }
  graph::Address at(const std::string& name) const { return testing::at(view, name); }
  // The text of an entry of code after edits.
  std::string written(const std::vector<Edit>& edits, const std::string& end) const {
    const auto patched = read(path)->patched({"torch", "", {{edits, "a test"}}});
    EXPECT_TRUE(patched.ok()) << (patched.ok() ? "" : patched.error().message);
    if (!patched.ok()) return {};
    const fs::path out = scratch("patched.pt");
    EXPECT_TRUE((*patched)->write(out).ok());
    return text_of(out, end);
  }
};

TEST(ScriptPatch, WeightsAreWrittenWhereTheyLie) {
  for (const char* name : {"traced.pt", "scripted.pt"}) {
    const Subject given(name);
    const std::string conv = name[0] == 't' ? "stem/_convolution" : "stem/conv2d";
    const Names changed = given.agrees({set(given.view, conv, "weight")});
    ASSERT_EQ(changed.size(), 1u);
    EXPECT_TRUE(changed.begin()->starts_with("data/")) << *changed.begin();
  }
  const Subject frozen("frozen.pt");
  const Names changed = frozen.agrees({set(frozen.view, "_convolution", "weight")});
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_TRUE(changed.begin()->starts_with("constants/")) << *changed.begin();
}

TEST(ScriptPatch, ANumberIsWrittenIntoTheCall) {
  const Subject given("traced.pt");
  const graph::SetAttribute stride{given.at("stem/_convolution"), "strides", Ints{1, 1}};
  EXPECT_EQ(given.agrees({stride}).count("_convolution"), 1u);
  const std::string before = text_of(given.path, "conv.py"), after = given.written({stride}, "conv.py");
  ASSERT_EQ(before.size(), after.size());
  EXPECT_NE(after.find("None, [1, 1], [1, 1], [1, 1]"), std::string::npos) << after;
}

// One method of two modules: the one that is meant gets a copy, and what calls it calls that.
TEST(ScriptPatch, AMethodThatOthersShareIsCopied) {
  const Subject given("scripted.pt");
  const graph::SetAttribute epsilon{given.at("second.norm/batch_norm_1"), "epsilon", 0.25f};
  given.agrees({epsilon});
  const std::string after = given.written({epsilon}, "functional.py");
  EXPECT_NE(after.find("def batch_norm__fetafix1("), std::string::npos) << after;
  EXPECT_NE(after.find("def batch_norm("), std::string::npos);
}

// All of them: the text that they share.
TEST(ScriptPatch, AMethodThatAllMeanAlikeIsNot) {
  const Subject given("scripted.pt");
  std::vector<Edit> edits;
  for (const char* name : {"first.norm/batch_norm", "second.norm/batch_norm_1"})
    edits.push_back(graph::SetAttribute{given.at(name), "epsilon", 0.25f});
  given.agrees(edits);
  EXPECT_EQ(given.written(edits, "functional.py").find("fetafix"), std::string::npos);
}

TEST(ScriptPatch, CallsPutInAndTakenOut) {
  for (const char* name : {"traced.pt", "frozen.pt", "scripted.pt"}) {
    SCOPED_TRACE(name);
    const Subject given(name);
    given.agrees({insert(out_of(given.view, "sigmoid"), "Neg")});
    given.agrees({insert(out_of(given.view, "sigmoid"), "Sub", {},
                         {std::nullopt, moved(Tensor::of<float>({1, 2, 3, 4}, {1, 4, 1, 1}))})});
    given.agrees({graph::RemoveNode{given.at("sigmoid"), 0}});
    given.agrees({graph::RemoveNode{given.at("relu_1"), 0}});
    given.agrees({graph::ChangeType{given.at("relu_1"), "Tanh", {}}});
    given.agrees({insert(graph::ValueAddress(out_of(given.view, "picture")), "Abs")});
  }
}

TEST(ScriptPatch, ANewWeightIsAConstant) {
  for (const char* name : {"traced.pt", "scripted.pt", "frozen.pt"}) {
    SCOPED_TRACE(name);
    const Subject given(name);
    const std::string conv = name[0] == 's'   ? "stem/conv2d"
                             : name[0] == 't' ? "stem/_convolution"
                                              : "_convolution";
    if (name[0] == 'f') continue;  // its normalization has become a bias
    given.agrees({graph::SetTensor{given.at(conv), slot_of("bias"), Tensor::of<float>({1, -2, 3, -4}, {4})}});
  }
}

// One convolution runs twice, and one of its runs alone gets other weights.
TEST(ScriptPatch, OneRunOfAModuleThatRunsTwice) {
  const Subject traced("traced.pt"), scripted("scripted.pt");
  traced.agrees({set(traced.view, "deep.0/_convolution_4", "weight")});
  scripted.agrees({set(scripted.view, "deep.0/conv2d_4", "weight")});
  traced.agrees({graph::SetAttribute{traced.at("deep.0/_convolution_4"), "dilations", Ints{1, 2}},
                 graph::SetAttribute{traced.at("deep.0/_convolution_4"), "pads", Ints{1, 2, 1, 2}}});
}

// --- edits of texts that are written for it -----------------------------------------------------------

// A module without attributes, whose forward is `body` of `x`; `others`: functions; `first`: what says that
// it is a matrix.
Subject by_hand(const std::string& body, const std::string& others = "",
                const std::string& first = "    rows, columns, = torch.size(x)\n") {
  const auto entry = [](const std::string& name, const std::string& text) {
    const BytesView view = as_bytes(text);
    return ZipEntry{"m/" + name, Bytes(view.begin(), view.end())};
  };
  const std::string code = others + "class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n" +
                           "  def forward(self: __torch__.M,\n    x: Tensor):\n" + first + body;
  const std::string module(
      "\x80\x02"
      "c__torch__\nM\n)\x81}b.");
  const fs::path path = scratch("by_hand.pt");
  const auto bytes = zip({entry("data.pkl", module), entry("code/__torch__.py", code),
                          entry("constants.pkl", "\x80\x02)."), entry("version", "3\n")},
                         true);
  EXPECT_TRUE(write_file(path, bytes.value()).ok());
  return Subject(path);
}

void expect_as_native(const Subject& given) {
  const auto inputs = inputs_of(given.view);
  expect_same(run_natively(given.path, inputs), run_view(given.view, inputs, given.view.outputs));
}

// A traced number of channels is a tensor, and what is computed of it may be no whole number.
TEST(ScriptView, TensorsThatHoldSizes) {
  expect_as_native(
      by_hand("    wide = ops.prim.NumToTensor(torch.size(x, 1))\n"
              "    return torch.div(torch.sin(x), torch.pow(torch.floor_divide(wide, 2), 0.5))\n"));
}

TEST(ScriptView, LoopsThatBeginLater) {
  expect_as_native(
      by_hand("    y = x\n    for turn in range(torch.__range_length(1, 6, 2)):\n"
              "      at = torch.__derive_index(turn, 1, 2)\n      z = torch.add(torch.sin(y), at)\n"
              "      y = z\n    return y\n"));
}

// A permutation has a place for each dimension.
TEST(ScriptView, RankByAPermutation) {
  const graph::Graph view = by_hand("    return torch.permute(x, [0, 2, 1])\n", "", "").view;
  EXPECT_EQ(*view.value(view.inputs[0]).shape, (Shape{-1, -1, -1}));
}

// Each of two runs gets other numbers: two copies, and the function behind has an edit of its own.
TEST(ScriptPatch, CopiesOfOneMethod) {
  const Subject given = by_hand(
      "    a = __torch__.f(torch.add(x, x))\n    b = __torch__.f(torch.neg(a))\n"
      "    return __torch__.g(torch.neg(__torch__.f(torch.neg(b))))\n",
      "def f(x: Tensor) -> Tensor:\n  return torch.leaky_relu(x, 0.5)\n"
      "def g(x: Tensor) -> Tensor:\n  return torch.elu(x, 0.5)\n");
  const auto alpha = [&](const char* name, float value) {
    return graph::SetAttribute{given.at(name), "alpha", value};
  };
  given.agrees({alpha("leaky_relu", 0.25f), alpha("leaky_relu_1", 0.75f)});
  given.agrees({alpha("leaky_relu", 0.25f), alpha("elu", 0.75f)});
  given.agrees({alpha("leaky_relu", 0.25f), alpha("leaky_relu_1", 0.75f), alpha("elu", 0.75f)});
  given.agrees({alpha("leaky_relu", 0.25f), alpha("leaky_relu_1", 0.25f), alpha("leaky_relu_2", 0.25f)});
}

// A call in a loop is the call of all its turns.
TEST(ScriptPatch, OneTurnOfALoop) {
  const Subject given =
      by_hand("    y = x\n    for i in range(2):\n      z = __torch__.f(y)\n      y = z\n    return y\n",
              "def g(x: Tensor) -> Tensor:\n  return torch.sub(torch.leaky_relu(x, 0.5), 1)\n"
              "def f(x: Tensor) -> Tensor:\n  return __torch__.g(x)\n");
  const graph::SetAttribute first{given.at("leaky_relu"), "alpha", 0.25f},
      second{given.at("leaky_relu_1"), "alpha", 0.25f};
  EXPECT_NE(refusal(given.path, first).find("loop"), std::string::npos);
  EXPECT_NE(refusal(given.path, second).find("loop"), std::string::npos);
  given.agrees({first, second});
}

// What stands in the place of a value does not stand there twice, and the value itself is not to be had.
TEST(ScriptPatch, EditsThatReadEachOther) {
  const Subject given = by_hand(
      "    a = torch.sin(x)\n    b = torch.tanh(a)\n    c = torch.exp(x)\n"
      "    d = torch.cat([a, b, c], 1)\n    return torch.mul(d, torch.sum(torch.cos(c)))\n");
  const Edit negated = insert(out_of(given.view, "sin"), "Neg");
  given.agrees({negated, graph::RemoveNode{given.at("tanh"), 0}});
  given.agrees({graph::RemoveNode{given.at("tanh"), 0}, negated});
  given.agrees({negated, graph::SetOperand{given.at("cat"), 2, out_of(given.view, "tanh")}});
  given.agrees({negated, insert(out_of(given.view, "sin"), "Abs")});
  auto joined = insert(out_of(given.view, "cos"), "Sub", {}, {std::nullopt, std::nullopt});
  joined.other_operands = {{1, out_of(given.view, "sin")}};
  given.agrees({joined});
  EXPECT_NE(refusal(given.path, {negated, joined}).find("another value"), std::string::npos);
}

TEST(ScriptPatch, AResultIsAnotherValue) {
  const Subject given = by_hand(
      "    a = torch.sin(x)\n    b = torch.exp(a)\n    c = torch.neg(b)\n    return (torch.add(c, x), a)\n");
  given.agrees({graph::SetOutput{0, out_of(given.view, "exp")}});
  given.agrees({graph::SetOutput{0, out_of(given.view, "sin")}});
  refusal(given.path, graph::SetOutput{1, out_of(given.view, "exp")});
  for (const char* name : {"traced.pt", "scripted.pt", "frozen.pt"}) {
    SCOPED_TRACE(name);
    const Subject file(name);
    file.agrees({graph::SetOutput{0, out_of(file.view, "mul")}});
  }
}

TEST(ScriptPatch, WhatWritesIntoItsOperand) {
  const Subject given = by_hand(
      "    a = torch.sin(x)\n    b = torch.mul_(a, 2)\n    c = torch.tan(x)\n    d = torch.relu_(c)\n"
      "    return torch.add(torch.mul(a, 3), c)\n");
  given.agrees({graph::RemoveNode{given.at("mul_"), 0}});
  given.agrees({insert(out_of(given.view, "sin"), "Neg")});
  given.agrees({graph::RemoveNode{given.at("mul_"), 0}, insert(out_of(given.view, "sin"), "Neg")});
  given.agrees({graph::RemoveNode{given.at("relu_"), 0}});
  const std::string by_name = "by whose name the text reads";
  for (const std::vector<Edit>& edits : std::vector<std::vector<Edit>>{
           {insert(out_of(given.view, "mul_"), "Neg")},
           {graph::ChangeType{given.at("relu_"), "Tanh", {}}},
           {insert(out_of(given.view, "tan"), "Abs"), insert(out_of(given.view, "relu_"), "Neg")}})
    EXPECT_NE(refusal(given.path, edits).find(by_name), std::string::npos);
  // Where nothing else reads the operand, that is no matter.
  const Subject plain = by_hand("    a = torch.sin(x)\n    b = torch.relu_(a)\n    return torch.mul(b, 3)\n");
  plain.agrees({insert(out_of(plain.view, "relu_"), "Neg")});
  plain.agrees({graph::ChangeType{plain.at("relu_"), "Tanh", {}}});
}

TEST(ScriptPatch, NoEditsNoChange) {
  for (const char* name : {"traced.pt", "scripted.pt", "frozen.pt", "turns.pt"}) {
    const fs::path out = scratch("same.pt");
    ASSERT_TRUE(read(testdata(name))->write(out).ok());
    EXPECT_EQ(read_file(out).value(), read_file(testdata(name)).value());
  }
}

}  // namespace
}  // namespace fetafix::formats::torch
