// What is recognized, what the view is, and that nothing changes without an edit.
#include "formats/tensorflow/testing/patches.h"

namespace fetafix::formats::tensorflow {
namespace {

using namespace testing;

Bytes head_of(const fs::path& path) {
  Bytes bytes = read_file(path).value();
  bytes.resize(std::min<size_t>(bytes.size(), 4096));
  return bytes;
}

const std::vector<fs::path>& all_files() {
  static const std::vector<fs::path> files{
      testdata("pictures"), testdata("sequence"),     testdata("functions"), testdata("session"),
      testdata("edits.pb"), testdata("operators.pb"), nets("several"),       nets("frozen.pb"),
      nets("dtypes.pb"),    nets("counter")};
  return files;
}

TEST(Read, IsToldByContent) {
  for (const fs::path& path : all_files())
    EXPECT_TRUE(tensorflow_format().recognizes(head_of(fs::is_directory(path) ? path / graph_file : path)))
        << path;
  for (const char* name : {"net.onnx", "sequence.onnx", "net.tflite", "net.keras", "net.h5"})
    EXPECT_FALSE(tensorflow_format().recognizes(head_of(fs::path(FETAFIX_CONFORMANCE_TESTDATA) / name)))
        << name;
  EXPECT_FALSE(tensorflow_format().recognizes(head_of(testdata("pictures/variables/variables.index"))));
  for (const char* text : {"", "\x08\x01", "\x0a", "\x0a\x7f", "PK\x03\x04", "plain text of some kind"})
    EXPECT_FALSE(tensorflow_format().recognizes(as_bytes(text))) << text;
}

TEST(Read, AFolderOrTheFileInIt) {
  const fs::path folder = testdata("functions");
  EXPECT_EQ(read(folder)->sha256(), read(folder / graph_file)->sha256());
  EXPECT_EQ(read(folder)->sha256(), read(fs::path(folder.string() + "/"))->sha256());
  const auto alone = tensorflow_format().parse(read_file(folder / graph_file).value(), folder);
  ASSERT_FALSE(alone.ok());
  EXPECT_EQ(alone.error().kind, ErrorKind::unsupported);
  EXPECT_FALSE(tensorflow_format().read(testdata("pictures/variables")).ok());
  EXPECT_FALSE(tensorflow_format().read(testdata("nothing")).ok());
}

TEST(Read, ThatASignatureIsMissingSaysWhichThereAre) {
  const auto bare = tensorflow_format().read(nets("bare")),
             unchosen = tensorflow_format().read(nets("unchosen"));
  ASSERT_FALSE(bare.ok() || unchosen.ok());
  EXPECT_NE(bare.error().message.find("no signature to run"), std::string::npos) << bare.error().message;
  EXPECT_NE(unchosen.error().message.find("'first', 'second'"), std::string::npos)
      << unchosen.error().message;
}

TEST(Write, WithoutEditsEveryFileIsTheSame) {
  for (const fs::path& path : all_files()) {
    SCOPED_TRACE(path);
    const auto model = read(path);
    ASSERT_TRUE(model);
    const auto same = model->patched({});
    ASSERT_TRUE(same.ok());
    for (const NativeModel* one : {&*model, &**same}) {
      const fs::path copy = scratch("copy");
      const auto status = one->write(copy);
      ASSERT_TRUE(status.ok()) << status.error().message;
      EXPECT_EQ(contents(path), contents(copy));
      EXPECT_EQ(one->sha256(), read(copy)->sha256());
    }
  }
}

// What a SavedModel's folder holds besides goes along.
TEST(Write, OtherFilesOfTheFolderGoAlong) {
  const fs::path folder = scratch("model");
  fs::copy(testdata("functions"), folder, fs::copy_options::recursive);
  fs::create_directories(folder / "assets.extra/deep");
  ASSERT_TRUE(write_file(folder / "assets.extra/deep/words.txt", std::string("a b c")).ok());
  ASSERT_TRUE(write_file(folder / "fingerprint.pb", std::string("of what it was")).ok());
  const auto model = read(folder);
  const graph::Graph view = lifted(*model).graph;
  const auto patched = model->patched({"tensorflow", "", {{{set(view, "add_1", 1)}, ""}}});
  ASSERT_TRUE(patched.ok());
  const fs::path written = scratch("written");
  ASSERT_TRUE((*patched)->write(written).ok());
  auto before = contents(folder), after = contents(written);
  EXPECT_NE(before[graph_file], after[graph_file]);
  before.erase(graph_file);
  after.erase(graph_file);
  EXPECT_EQ(before, after);
}

TEST(Write, AFolderIsReplacedOnlyIfItIsASavedModel) {
  const auto model = read(testdata("functions"));
  const fs::path other = scratch("other");
  fs::create_directory(other);
  EXPECT_TRUE(model->write(other).ok());  // it was empty
  EXPECT_TRUE(model->write(other).ok());  // the same again
  EXPECT_TRUE(read(testdata("session"))->write(other).ok());
  EXPECT_EQ(contents(other), contents(testdata("session")));
  const fs::path foreign = scratch("foreign");
  fs::create_directory(foreign);
  ASSERT_TRUE(write_file(foreign / "letter.txt", std::string("dear")).ok());
  const auto refused = model->write(foreign);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("no SavedModel that could be replaced"), std::string::npos);
  EXPECT_TRUE(fs::exists(foreign / "letter.txt"));
  const auto itself = read(other);
  EXPECT_FALSE(itself->write(other).ok());
  EXPECT_EQ(contents(other), contents(testdata("session")));
}

TEST(View, OfAFrozenGraph) {
  EXPECT_EQ(
      graph::to_text(lifted(*read(nets("frozen.pb"))).graph),
      "input %x float32[?,3]\nconst %Const float32[3,2] {1, 0, 0, -1, ...}\nconst %z/y float32[] {1}\n"
      "%MatMul = MatMul(%x, %Const)\n%Relu = Relu(%MatMul)\n%z = Add(%Relu, %z/y)\n%Identity = Identity(%z)\n"
      "output %Identity\n");
}

TEST(View, OfTensorflow1) {
  std::string text = graph::to_text(lifted(*read(testdata("session"))).graph);
  text.erase(text.find("const"), text.find("%MatMul") - text.find("const"));
  EXPECT_EQ(text,
            "input %x float32[?,3]\n%MatMul = MatMul(%x, %w)\n%BiasAdd = Add(%MatMul, %b)\n"
            "%y = Sigmoid(%BiasAdd)\noutput %y\n");
}

TEST(View, KnowsWhereItsConstantsAre) {
  const graph::Graph view = lifted(*read(testdata("edits.pb"))).graph;
  const graph::Node& stem = node_of(view, "stem");
  EXPECT_EQ(stem.slots, (std::vector<int>{-1, 1}));
  EXPECT_EQ(graph::to_text(stem.attributes.at("pads")), "[1,0,0,1]");
  const graph::Value& kernel = view.value(stem.inputs[1]);
  EXPECT_EQ(kernel.constant.shape(), (Shape{4, 4, 3, 3}));
  EXPECT_EQ(kernel.lens->permutation, (std::vector<int>{3, 2, 0, 1}));
  EXPECT_EQ(kernel.native_name, "Const");
  const graph::Node& deep = node_of(view, "deep");
  EXPECT_EQ(view.value(deep.inputs[1]).lens->permutation, (std::vector<int>{2, 3, 0, 1}));
  EXPECT_EQ(graph::attribute_or(deep, "group", int64_t{0}), 4);
}

TEST(View, IsTheSameEveryTime) {
  for (const fs::path& path : all_files())
    EXPECT_EQ(graph::to_text(lifted(*read(path)).graph), graph::to_text(lifted(*read(path)).graph)) << path;
}

// Inside of functions outputs have names, and numbers count only those of one name.
TEST(OutputNames, AreTensorflows) {
  EXPECT_EQ(output_name("Relu", 0), "activations:0");
  EXPECT_EQ(output_name("TopKV2", 1), "indices:0");
  EXPECT_EQ(output_name("Split", 2), "output:2");
  EXPECT_EQ(output_name("NoSuchOperator", 0), "");
  EXPECT_EQ(output_number("TopKV2", "indices", 0), 1);
  EXPECT_EQ(output_number("TopKV2", "indices", 1), -1);
  EXPECT_EQ(output_number("Split", "output", 2), 2);
  EXPECT_EQ(output_number("FusedBatchNormV3", "batch_variance", 0), 2);
  EXPECT_EQ(output_number("FusedBatchNormV3", "nothing", 0), -1);
  EXPECT_EQ(output_number("NoSuchOperator", "somewhere", 3), 3);
}

}  // namespace
}  // namespace fetafix::formats::tensorflow
