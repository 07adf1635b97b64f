// Files that are no models: what is wrong is found in the file alone, and mending it makes a view of it.
#include "formats/onnx/testing/models.h"

namespace fetafix::formats::onnx::testing {
namespace {

using Damage = std::function<void(onnx_wire::Model&)>;

ModelBuilder base() {
  ModelBuilder out(17);
  out.input("x", {1, 3, 4, 4})
      .weights("w", noise({2, 3, 1, 1}))
      .weights("v", noise({2, 2, 1, 1}, 2))
      .output("y");
  out.node("Conv", {"x", "w"}, {"a"}).node("Relu", {"a"}, {"b"}).node("Conv", {"b", "v"}, {"c"});
  return out.node("Sigmoid", {"c"}, {"y"});
}

std::unique_ptr<NativeModel> parsed(const ModelBuilder& builder) {
  const std::string bytes = builder.bytes();
  const auto view = as_bytes(bytes);
  auto file = onnx_format().parse(Bytes(view.begin(), view.end()), ".");
  EXPECT_TRUE(file.ok());
  return std::move(file).value();
}

onnx_wire::Node& node(onnx_wire::Model& model, int index) {
  return *model.mutable_graph()->mutable_node(index);
}

struct Mended {
  std::vector<std::string> patterns;
  std::string view;  // after all first ways; else why there is none
};

Mended mended(const Damage& damage) {
  ModelBuilder builder = base();
  const auto source = parsed(builder)->lift();
  damage(builder.model);
  const auto file = parsed(builder);
  Mended out;
  graph::Patch patch;
  for (const Defect& defect : file->defects(source->graph)) {
    if (defect.only_if_it_loads) continue;
    out.patterns.push_back(defect.pattern);
    patch.groups.push_back({defect.ways[0], defect.explanation});
  }
  const auto patched = file->patched(patch);
  if (!patched.ok()) return {out.patterns, patched.error().message};
  const auto view = (*patched)->lift();
  out.view = view.ok() ? graph::to_text(view->graph) : view.error().message;
  return out;
}

std::string sound() {
  return mended([](auto&) {}).view;
}

TEST(Sound, ARightFileHasNoDefect) {
  EXPECT_TRUE(mended([](auto&) {}).patterns.empty());
}

// What has one way only gives the model back.
TEST(Sound, VersionsNamesAndTypesAreMended) {
  const std::vector<std::pair<std::string, Damage>> table{
      {"ir-version", [](auto& m) { m.set_ir_version(99); }},
      {"opset", [](auto& m) { m.clear_opset_import(); }},
      {"opset", [](auto& m) { m.mutable_opset_import(0)->set_version(99); }},
      {"input-type",
       [](auto& m) {
         m.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(11);
       }},
      {"missing-output", [](auto& m) { node(m, 3).set_output(0, "elsewhere"); }},
      {"dangling-operand", [](auto& m) { node(m, 2).set_input(0, "nowhere"); }},
      {"dangling-operand", [](auto& m) { node(m, 2).set_input(0, ""); }},
      {"cycle", [](auto& m) { node(m, 1).set_input(0, "c"); }},
      {"tensor-type",
       [](auto& m) {
         auto& wire = *m.mutable_graph()->mutable_initializer(1);
         const Tensor wide = *cast(*onnx_wire::read_tensor(wire, "."), DType::float64);
         onnx_wire::write_tensor(wide, wire);
       }},
  };
  for (const auto& [pattern, damage] : table) {
    const Mended out = mended(damage);
    EXPECT_EQ(out.patterns, std::vector<std::string>{pattern});
    EXPECT_EQ(out.view, sound()) << pattern;
  }
}

TEST(Sound, ANameThatIsWrittenTwiceBecomesTwo) {
  const Mended out = mended([](auto& m) {
    node(m, 2).set_output(0, "a");
    node(m, 3).set_input(0, "a");
  });
  EXPECT_EQ(out.patterns, std::vector<std::string>{"duplicate-name"});
  EXPECT_NE(out.view.find("= Sigmoid(%a/p1)"), std::string::npos) << out.view;
  EXPECT_NE(out.view.find("= Relu(%a)"), std::string::npos) << out.view;
}

// Something of the right rank stands in the place until the source says what belongs there.
TEST(Sound, AMissingTensorGetsAPlace) {
  const Mended out = mended([](auto& m) { m.mutable_graph()->mutable_initializer()->DeleteSubrange(1, 1); });
  EXPECT_EQ(out.patterns, std::vector<std::string>{"missing-tensor"});
  EXPECT_NE(out.view.find("const %v float32[1,1,1,1]"), std::string::npos) << out.view;
}

TEST(Sound, NumbersThatDoNotFillTheirShapeGetAPlace) {
  const Mended out = mended([](auto& m) {
    auto& wire = *m.mutable_graph()->mutable_initializer(1);
    wire.mutable_raw_data()->resize(wire.raw_data().size() - 4);
  });
  EXPECT_EQ(out.patterns, std::vector<std::string>{"missing-tensor"});
  EXPECT_NE(out.view.find("const %v float32[2,2,1,1]"), std::string::npos) << out.view;
}

TEST(Sound, ABiasThatCountsIsMadeReal) {
  const Mended out = mended([](auto& m) {
    auto& wire = *m.mutable_graph()->add_initializer();
    wire.set_name("bias");
    onnx_wire::write_tensor(Tensor::vector(std::vector<int32_t>{3, -4}), wire);
    node(m, 2).add_input("bias");
  });
  EXPECT_EQ(out.patterns, std::vector<std::string>{"tensor-type"});
  EXPECT_NE(out.view.find("const %bias float32[2] {3, -4}"), std::string::npos) << out.view;
}

TEST(Sound, AnAbsentOperandIsNoticedBeforeItIsMissed) {
  const Mended out = mended([](auto& m) { node(m, 2).mutable_input()->RemoveLast(); });
  EXPECT_EQ(out.patterns, std::vector<std::string>{"missing-tensor"});
  EXPECT_NE(out.view.find("float32[1,1,1,1]"), std::string::npos) << out.view;
}

TEST(Sound, SeveralDefectsAreFoundOneBehindTheOther) {
  const Mended out = mended([](auto& m) {
    m.set_ir_version(0);
    node(m, 2).set_input(0, "nowhere");
    node(m, 3).set_output(0, "elsewhere");
  });
  EXPECT_EQ(out.patterns, (std::vector<std::string>{"ir-version", "dangling-operand", "missing-output"}));
  EXPECT_EQ(out.view, sound());
}

// Mixed on purpose: a model that casts has both types by right.
TEST(Sound, TypesThatTheFileCastsAreLeftAlone) {
  ModelBuilder builder(17);
  builder.input("x", {2}).weights("w", *cast(noise({2}), DType::float64)).output("y", DType::float64);
  builder.weights("v", noise({2})).node("Add", {"x", "v"}, {"a"});
  builder.node("Cast", {"a"}, {"b"}, {{"to", int64_t{11}}}).node("Add", {"b", "w"}, {"y"});
  const auto file = parsed(builder);
  for (const Defect& defect : file->defects(file->lift()->graph)) EXPECT_TRUE(defect.only_if_it_loads);
}

}  // namespace
}  // namespace fetafix::formats::onnx::testing
