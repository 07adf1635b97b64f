// Reading, writing unchanged, and instrumented copies.
#include "formats/keras/testing/patches.h"

namespace fetafix::formats::keras {
namespace {

using namespace testing;
namespace fs = std::filesystem;

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(FETAFIX_KERAS_TESTDATA)) out.push_back(entry.path().stem());
  std::ranges::sort(out);
  return out;
}

TEST(Read, WritesTheSameBytes) {
  for (const std::string& name : names()) {
    const Net given = net(name);
    auto model = read_bytes(given.model);
    ASSERT_TRUE(model.ok()) << name;
    EXPECT_EQ((*model)->sha256(), sha256(given.model));
    EXPECT_EQ(written(**model), given.model) << name;
  }
}

TEST(Read, TheViewIsTheSameEachTime) {
  for (const char* name : {"structure_3", "recurrent_2", "functions_3"}) {
    const Net given = net(name);
    EXPECT_EQ(graph::to_text(lifted(given.model).graph), graph::to_text(lifted(given.model).graph));
  }
}

TEST(Read, RecognizesByContent) {
  for (const std::string& name : names()) {
    const Bytes bytes = net(name).model;
    EXPECT_TRUE(keras_format().recognizes(BytesView(bytes).first(4096))) << name;
  }
  for (const std::string& foreign : {std::string(), std::string(100, '\0'), std::string("PK\x03\x04 zip zip"),
                                     std::string("\x89PNG\r\n\x1a\n0000"), std::string("plain text")})
    EXPECT_FALSE(keras_format().recognizes(as_bytes(foreign))) << foreign;
}

// The small files of the runtime's tests; what their names say, and what the reader is to say of them.
TEST(Read, FilesOfTheRuntime) {
  const std::map<std::string, std::string> said{
      {"adder2.h5", ""},
      {"adder2.keras", ""},
      {"adder3.h5", ""},
      {"adder3.keras", ""},
      {"drawing2.h5", "'drop' (Dropout) is opaque: it is called as in training"},
      {"foreign.keras", "of os"},
      {"lambda2.h5", "(Lambda) is opaque"},
      {"lambda3.keras", "(Lambda) is opaque"},
      {"named.keras", ""},
      {"only.weights.h5", "HDF5"},
      {"operators2.h5", ""},
      {"sequence.keras", "it computes in float16"},
      {"stateful2.h5", "it keeps its state"},
      {"stateful3.keras", "it keeps its state"},
      {"writes2.h5", "function 'tf.io.write_file' is not known"}};
  for (const auto& [name, part] : said) {
    auto model = keras_format().read(fs::path(FETAFIX_KERAS_NETS) / name);
    std::string text;
    if (!model.ok()) {
      text = model.error().message;
    } else {
      auto view = (*model)->lift();
      ASSERT_TRUE(view.ok()) << name << ": " << view.error().message;
      for (const std::string& note : view->notes) text += note + "\n";
    }
    if (part.empty())
      EXPECT_EQ(text, "") << name;
    else
      EXPECT_NE(text.find(part), std::string::npos) << name << ": " << text;
  }
}

class Expose : public ::testing::TestWithParam<const char*> {};

// Every inner value that can be had is an output of the copy, behind those of the file, and has the same
// value.
TEST_P(Expose, CopiesAnswerWithInnerValues) {
  const Net given = net(GetParam());
  auto model = read_bytes(given.model);
  ASSERT_TRUE(model.ok());
  const Lifted view = lifted(**model);
  auto folder = TemporaryFolder::make();
  auto exposed = (*model)->expose(inner_values(view), folder->path() / "copy");
  ASSERT_TRUE(exposed.ok()) << exposed.error().message;
  EXPECT_GT(exposed->size(), 0u);
  auto bytes = read_file(folder->path() / "copy");
  const Lifted copy = lifted(*bytes);
  const size_t before = view.graph.outputs.size();
  ASSERT_EQ(copy.graph.outputs.size(), before + exposed->size());
  std::set<std::string> names;
  for (size_t i = 0; i < exposed->size(); ++i) {
    const ValueId id = (*exposed)[i].value;
    EXPECT_TRUE(names.insert((*exposed)[i].output_name).second) << (*exposed)[i].output_name;
    auto expected = evaluated(view.graph, id, given.inputs);
    auto actual = evaluated(copy.graph, copy.graph.outputs[before + i], given.inputs);
    ASSERT_EQ(expected.ok(), actual.ok());
    if (expected.ok()) expect_same(*expected, *actual, view.graph.value(id).name);
  }
  for (size_t i = 0; i < before; ++i) {
    auto actual = evaluated(copy.graph, copy.graph.outputs[i], given.inputs);
    if (actual.ok()) expect_same(given.outputs[i], *actual, "output " + std::to_string(i));
  }
  // Weights are where they were, if under other names.
  auto after = parts(*bytes);
  for (const auto& [name, value] : parts(given.model)) {
    if (name.starts_with("entry ")) {
      EXPECT_EQ(after[name], value) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Keras, Expose,
                         ::testing::Values("chain_2", "chain_2h", "chain_3", "chain_3h", "structure_2",
                                           "structure_2h", "structure_3", "structure_3h", "edits_2",
                                           "edits_2h", "edits_3", "edits_3h"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace fetafix::formats::keras
