#include "formats/onnx/testing/models.h"

#include <fstream>

namespace fetafix::formats::onnx {
namespace {

using namespace testing;
using graph::to_text;

ModelBuilder small() {
  ModelBuilder builder(17);
  builder.input("x", {1, 3, 4, 4}).weights("w", noise({2, 3, 3, 3}, 3));
  builder.node("Conv", {"x", "w"}, {"a"}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}})
      .node("Relu", {"a"}, {"y"})
      .output("y");
  return builder;
}

TEST(OnnxReading, RecognizesByContent) {
  const std::string bytes = small().bytes();
  EXPECT_TRUE(onnx_format().recognizes(as_bytes(bytes)));
  for (const std::string& other :
       {std::string(), std::string(100, '\0'), std::string("\x89PNG\r\n\x1a\n0000"),
        std::string("PK\x03\x04 zip zip"), std::string("\x1c\0\0\0TFL3\0\0\0\0", 12),
        std::string("\x89HDF\r\n\x1a\n"), std::string("plain text of some kind")})
    EXPECT_FALSE(onnx_format().recognizes(as_bytes(other))) << other;
}

TEST(OnnxReading, WritesTheSameBytes) {
  auto builder = small();
  builder.model.set_producer_name("someone");
  auto* unknown = builder.model.mutable_graph()->mutable_node(0)->add_metadata_props();
  unknown->set_key("k");
  const std::string bytes = builder.bytes();
  auto model = read_bytes(bytes);
  ASSERT_TRUE(model.ok());
  const auto copy = folder().path() / "copy.onnx";
  ASSERT_TRUE((*model)->write(copy).ok());
  EXPECT_EQ((*model)->sha256(), sha256(as_bytes(bytes)));
  EXPECT_EQ(sha256(*read_file(copy)), sha256(as_bytes(bytes)));
}

TEST(OnnxReading, EveryTruncationIsAnErrorOrAModel) {
  const std::string bytes = small().bytes();
  for (size_t size = 0; size < bytes.size(); ++size) (void)complaint(bytes.substr(0, size));
}

TEST(OnnxReading, EveryDamagedByteIsAnErrorOrAModel) {
  const std::string bytes = small().bytes();
  for (size_t at = 0; at < bytes.size(); ++at)
    for (int flip : {0x01, 0x80, 0xff}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      (void)complaint(damaged);
    }
}

TEST(OnnxLifting, ClearErrorsForWhatIsMalformed) {
  const auto has = [](const std::string& message, const char* part) {
    return message.find(part) != std::string::npos;
  };
  EXPECT_PRED2(has, complaint(small().node("Relu", {"ghost"}, {"z"}).bytes()), "reads 'ghost'");
  EXPECT_PRED2(has, complaint(small().node("Relu", {"a"}, {"y"}).bytes()),
               "computes 'y', which exists already");
  EXPECT_PRED2(has, complaint(small().node("Relu", {"a"}, {"x"}).bytes()),
               "computes 'x', which exists already");
  EXPECT_PRED2(has, complaint(small().node("Add", {"p", "a"}, {"q"}).node("Relu", {"q"}, {"p"}).bytes()),
               "depends on this node");
  EXPECT_PRED2(has, complaint(small().weights("w", noise({1})).bytes()), "two initializers are named 'w'");
  EXPECT_PRED2(has, complaint(small().output("nothing").bytes()), "output 'nothing' is never computed");
  EXPECT_PRED2(has, complaint(ModelBuilder(6).input("x", {1}).node("Relu", {"x"}, {"y"}).output("y").bytes()),
               "operator set 6");
  EXPECT_PRED2(has, complaint(ModelBuilder(17).bytes()), "without a graph");
  auto wrong = small();
  wrong.model.mutable_graph()->mutable_initializer(0)->set_dims(0, 99);
  EXPECT_PRED2(has, complaint(wrong.bytes()), "tensor 'w'");
}

TEST(OnnxLifting, NodesOutOfOrderAreSorted) {
  ModelBuilder builder(17);
  builder.input("x", {2}).node("Relu", {"a"}, {"y"}).node("Exp", {"x"}, {"a"}).output("y");
  auto lifted = (*read_bytes(builder.bytes()))->lift();
  ASSERT_TRUE(lifted.ok()) << lifted.error().message;
  EXPECT_EQ(lifted->graph.node(0).native.index, 1);
  EXPECT_EQ(lifted->graph.node(1).native.index, 0);
}

TEST(OnnxLifting, ConstantNodesAndInitializersAreConstants) {
  ModelBuilder builder(17);
  builder.input("x", {2}).weights("w", Tensor::vector(std::vector<float>{1, 2}));
  builder.node("Constant", {}, {"c"}, {{"value_floats", std::vector<float>{3, 4}}});
  builder.node("Add", {"x", "w"}, {"a"}).node("Add", {"a", "c"}, {"y"}).output("y");
  auto lifted = (*read_bytes(builder.bytes()))->lift();
  ASSERT_TRUE(lifted.ok());
  EXPECT_EQ(to_text(lifted->graph),
            "input %x float32[2]\nconst %w float32[2] {1, 2}\nconst %c float32[2] {3, 4}\n"
            "%a = Add(%x, %w)\n%y = Add(%a, %c)\noutput %y\n");
  EXPECT_EQ(lifted->graph.node(1).native.index, 2);
}

TEST(OnnxLifting, UnknownDomainsAreOpaqueControlFlowIsNot) {
  ModelBuilder builder(17);
  builder.input("x", {2}).input("q", {}, DType::boolean).node("Odd", {"x"}, {"a"});
  builder.model.mutable_graph()->mutable_node(0)->set_domain("elsewhere");
  builder.node("If", {"q"}, {"y"}).output("y");
  for (const char* branch : {"then_branch", "else_branch"}) {
    auto* attribute = builder.model.mutable_graph()->mutable_node(1)->add_attribute();
    attribute->set_name(branch);
    attribute->set_type(5);
    auto* node = attribute->mutable_g()->add_node();
    node->set_op_type("Relu");
    node->add_input("a");
    node->add_output("inner");
    attribute->mutable_g()->add_output()->set_name("inner");
  }
  auto lifted = (*read_bytes(builder.bytes()))->lift();
  ASSERT_TRUE(lifted.ok()) << lifted.error().message;
  EXPECT_EQ(lifted->notes.size(), 2u);
  EXPECT_EQ(to_text(lifted->graph, lifted->graph.node(0)), "%a = opaque elsewhere::Odd(%x)");
  EXPECT_EQ(to_text(lifted->graph, lifted->graph.node(1)),
            "%y = If(%q, %a) {else_branch=graph of 1, then_branch=graph of 1}");
}

// y = x after three times v = v + step * w; w is captured from outside, and the Add is of `domain`.
ModelBuilder looping(const std::string& domain = "") {
  ModelBuilder builder(13);
  builder.input("x", {2}).weights("w", noise({2}, 4)).weights("n", Tensor::scalar(int64_t{3}));
  ModelBuilder body(13);
  body.input("i", {}, DType::int64).input("go", {}, DType::boolean).input("v", {2});
  body.node("Cast", {"i"}, {"step"}, {{"to", int64_t{1}}}).node("Mul", {"step", "w"}, {"d"});
  body.node("Add", {"v", "d"}, {"next"}).output("go", DType::boolean).output("next").output("next");
  body.model.mutable_graph()->mutable_node(2)->set_domain(domain);
  body.node("Identity", {"go"}, {"go_on"}).node("Identity", {"next"}, {"scanned"});
  body.model.mutable_graph()->mutable_output(0)->set_name("go_on");
  body.model.mutable_graph()->mutable_output(2)->set_name("scanned");
  builder.node("Loop", {"n", "", "x"}, {"y", "steps"}).output("y").output("steps");
  auto* attribute = builder.model.mutable_graph()->mutable_node(0)->add_attribute();
  attribute->set_name("body");
  attribute->set_type(5);
  *attribute->mutable_g() = body.model.graph();
  return builder;
}

TEST(OnnxLifting, ALoopComputesWhatTheFileComputes) {
  const std::string bytes = looping().bytes();
  auto lifted = (*read_bytes(bytes))->lift();
  ASSERT_TRUE(lifted.ok()) << lifted.error().message;
  EXPECT_EQ(to_text(lifted->graph, lifted->graph.node(0)),
            "%y, %steps = Loop(%n, _, %x, %w) {body=graph of 5}");
  EXPECT_EQ(lifted->notes.size(), 1u);
  const std::vector<channel::NamedTensor> inputs{{"x", noise({2}, 9)}};
  auto file = run_file(bytes, inputs);
  auto view = run_view(lifted->graph, inputs);
  ASSERT_TRUE(file.ok()) << file.error().message;
  ASSERT_TRUE(view.ok()) << view.error().message;
  expect_near(*file, *view, 0);
}

TEST(OnnxLifting, ALoopWithAnUnknownPartIsOpaque) {
  auto lifted = (*read_bytes(looping("elsewhere").bytes()))->lift();
  ASSERT_TRUE(lifted.ok()) << lifted.error().message;
  EXPECT_EQ(to_text(lifted->graph, lifted->graph.node(0)), "%y, %steps = opaque Loop(%n, _, %x, %w)");
  ASSERT_EQ(lifted->notes.size(), 1u);
  EXPECT_EQ(lifted->notes[0], "node 0 (Loop) is opaque: inside, node 2 (Add) is opaque");
}

TEST(OnnxExposing, AddsTheWantedOutputs) {
  auto model = read_bytes(small().bytes());
  auto lifted = (*model)->lift();
  const auto path = folder().path() / "exposed.onnx";
  const std::vector<graph::ValueId> wanted{lifted->graph.node(0).outputs[0], lifted->graph.outputs[0]};
  auto exposed = (*model)->expose(wanted, path);
  ASSERT_TRUE(exposed.ok());
  ASSERT_EQ(exposed->size(), 1u);  // the other is an output already
  EXPECT_EQ((*exposed)[0].output_name, "a");
  const Bytes bytes = *read_file(path);
  auto run = run_file(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
                      {{"x", noise({1, 3, 4, 4})}});
  ASSERT_TRUE(run.ok()) << run.error().message;
  EXPECT_EQ(run->size(), 2u);
}

std::string with_external(const std::string& location, int64_t offset = 0) {
  auto builder = small();
  auto* wire = builder.model.mutable_graph()->mutable_initializer(0);
  wire->clear_raw_data();
  wire->set_data_location(1);
  for (const auto& [key, value] :
       {std::pair<std::string, std::string>{"location", location}, {"offset", std::to_string(offset)}}) {
    auto* entry = wire->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  return builder.bytes();
}

TEST(OnnxExternalData, InsideTheFolderIsRead) {
  const Tensor w = noise({2, 3, 3, 3}, 3);
  const std::string data(reinterpret_cast<const char*>(w.bytes().data()), w.byte_size());
  ASSERT_TRUE(write_file(folder().path() / "weights.bin", "1234" + data).ok());
  auto model = read_bytes(with_external("weights.bin", 4));
  ASSERT_TRUE(model.ok()) << model.error().message;
  auto lifted = (*model)->lift();
  ASSERT_TRUE(lifted.ok()) << lifted.error().message;
  EXPECT_TRUE(lifted->graph.value(0).constant.identical(w));
  EXPECT_NE(complaint(with_external("weights.bin", 5)).find("outside"), std::string::npos);
  EXPECT_NE(complaint(with_external("weights.bin", -1)).find("outside"), std::string::npos);
  EXPECT_NE(complaint(with_external("weights.bin", std::numeric_limits<int64_t>::max())).find("outside"),
            std::string::npos);
}

TEST(OnnxExternalData, OutsideTheFolderIsRefused) {
  for (const char* location : {"../weights.bin", "/etc/passwd", "a/../../weights.bin", "..", ""})
    EXPECT_NE(complaint(with_external(location)), "") << location;
  EXPECT_NE(complaint(with_external("../weights.bin")).find("leaves the model's folder"), std::string::npos);
  EXPECT_NE(complaint(with_external("missing.bin")).find("missing.bin"), std::string::npos);
}

}  // namespace
}  // namespace fetafix::formats::onnx
