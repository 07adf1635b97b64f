// What is written runs in Keras itself: patched files and instrumented copies, of both generations and
// containers.
#include "channel/locate.h"
#include "channel/models.h"
#include "formats/keras/testing/patches.h"

namespace fetafix::formats::keras {
namespace {

using namespace testing;
using Ints = std::vector<int64_t>;

// One worker for all: importing TensorFlow takes seconds.
class InKeras : public ::testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() {
    auto script = channel::find_worker("keras_worker.py");
    ASSERT_TRUE(script.ok()) << script.error().message;
    auto started =
        channel::ModelWorker::start({"keras worker", channel::pinned_python(), {script->string()}});
    ASSERT_TRUE(started.ok()) << started.error().message;
    worker_ = std::make_unique<channel::ModelWorker>(std::move(*started));
  }
  static void TearDownTestSuite() { worker_.reset(); }
  void SetUp() override { ASSERT_NE(worker_, nullptr); }

  // Outputs in the file's order, or those that are named.
  static Result<std::vector<Tensor>> run(const Bytes& bytes, const std::vector<Tensor>& inputs,
                                         const std::vector<std::string>& wanted = {}) {
    FETAFIX_TRY(const TemporaryFolder folder, TemporaryFolder::make());
    const bool zipped = bytes.size() > 1 && bytes[0] == std::byte{'P'};
    const auto path = folder.path() / (zipped ? "m.keras" : "m.h5");
    FETAFIX_CHECK(write_file(path, bytes));
    FETAFIX_TRY(const auto model, worker_->load(path, {{"optimize", false}}));
    std::vector<channel::NamedTensor> named;
    for (const Tensor& input : inputs) named.push_back({"", input});
    auto out = worker_->run(model.session, named, wanted);
    FETAFIX_CHECK(worker_->unload(model.session));
    return out;
  }

  static void expect_agreement_in_keras(const Net& given, const std::vector<Edit>& edits) {
    const Bytes bytes = expect_agreement(given, edits);
    const Lifted view = lifted(bytes);
    auto answers = run(bytes, given.inputs);
    ASSERT_TRUE(answers.ok()) << answers.error().message;
    ASSERT_EQ(answers->size(), view.graph.outputs.size());
    for (size_t i = 0; i < answers->size(); ++i) {
      auto expected = evaluated(view.graph, view.graph.outputs[i], given.inputs);
      ASSERT_TRUE(expected.ok()) << expected.error().message;
      expect_same(*expected, (*answers)[i], "output " + std::to_string(i));
    }
  }

  static inline std::unique_ptr<channel::ModelWorker> worker_;
};

TEST_P(InKeras, PatchedFiles) {
  const std::string kind = GetParam(), nested = kind.size() == 1 ? "nested/one" : "nested/nested_one";
  const Net given = net("edits_" + kind);
  const graph::Graph view = lifted(given.model).graph;
  const auto set = [&](const std::string& layer, Role role, int k) {
    const auto where = at(view, layer, role);
    return graph::SetTensor{where, weight_slot + k, other(held(view, where, weight_slot + k))};
  };
  const Tensor four = Tensor::vector<float>({0.5f, 2, -1, 3});
  expect_agreement_in_keras(given,
                            {set("conv", Role::core, 0), set("norm", Role::core, 2), set("a", Role::bias, 1),
                             set("gru", Role::core, 2), set(nested, Role::core, 0)});
  expect_agreement_in_keras(
      given,
      {graph::SetTensor{at(view, "deep"), weight_slot + 1, four},
       insert(out_of(view, "norm"), "Mul", {}, {std::nullopt, four}),
       insert(out_of(view, "gru"), "Softmax", {{"axis", int64_t{-1}}}), insert(out_of(view, nested), "Tanh"),
       insert({1, {}, 0}, "Clip", {}, {std::nullopt, Tensor::scalar(0.f), Tensor::scalar(0.5f)})});
  expect_agreement_in_keras(
      given,
      {graph::SetAttribute{at(view, "conv"), "pads", Ints{1, 1, 0, 0}},
       graph::SetAttribute{at(view, "layer_norm"), "epsilon", 0.25f}, graph::RemoveNode{at(view, "norm"), 0},
       graph::ChangeType{at(view, "sum"), "Mul", {}}, graph::RemoveNode{at(view, "a", Role::bias), 0},
       graph::ChangeType{at(view, "act"), "LeakyRelu", {{"alpha", 0.125f}}}});
  auto joined = insert(out_of(view, "b"), "Sub", {}, {std::nullopt, std::nullopt});
  joined.other_operands = {{1, out_of(view, "a")}};
  auto one_reader = insert(out_of(view, "b"), "Sigmoid");
  one_reader.only_consumer = std::pair(at(view, "sum"), 1);
  expect_agreement_in_keras(given, {joined});
  expect_agreement_in_keras(given, {one_reader, graph::SetOperand{at(view, "join"), 1, out_of(view, "a")}});
  expect_agreement_in_keras(given, {graph::SetOutput{1, out_of(view, "sum")}});
}

TEST_P(InKeras, PatchedModelsOfModels) {
  const std::string kind = GetParam();
  const Net chain = net("chain_" + kind), structure = net("structure_" + kind);
  const graph::Graph view = lifted(chain.model).graph, other_view = lifted(structure.model).graph;
  expect_agreement_in_keras(
      chain, {insert(out_of(view, "pool"), "Sigmoid"), insert(out_of(view, "inside/first"), "Tanh")});
  expect_agreement_in_keras(chain, {graph::RemoveNode{at(view, "inside/drop"), 0},
                                    graph::SetAttribute{at(view, "conv"), "pads", Ints{2, 1, 0, 1}}});
  expect_agreement_in_keras(
      structure, {insert(out_of(other_view, "sum"), "Sigmoid"), graph::RemoveNode{at(other_view, "r"), 0}});
}

TEST_P(InKeras, InstrumentedCopies) {
  for (const char* name : {"chain_", "edits_", "structure_"}) {
    SCOPED_TRACE(name);
    const Net given = net(name + GetParam());
    auto model = read_bytes(given.model);
    const Lifted view = lifted(**model);
    auto folder = TemporaryFolder::make();
    auto exposed = (*model)->expose(inner_values(view), folder->path() / "copy");
    ASSERT_TRUE(exposed.ok()) << exposed.error().message;
    std::vector<std::string> names;
    for (const ExposedValue& one : *exposed) names.push_back(one.output_name);
    auto answers = run(*read_file(folder->path() / "copy"), given.inputs, names);
    ASSERT_TRUE(answers.ok()) << answers.error().message;
    ASSERT_EQ(answers->size(), exposed->size());
    for (size_t i = 0; i < answers->size(); ++i) {
      auto expected = evaluated(view.graph, (*exposed)[i].value, given.inputs);
      ASSERT_TRUE(expected.ok()) << expected.error().message;
      expect_same(*expected, (*answers)[i], names[i] + " is " + view.graph.value((*exposed)[i].value).name);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Keras, InKeras, ::testing::ValuesIn(some_of_each("")),
                         [](const auto& one) { return "of_" + one.param; });

}  // namespace
}  // namespace fetafix::formats::keras
