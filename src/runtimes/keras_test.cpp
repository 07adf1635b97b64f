#include <gtest/gtest.h>

#include <memory>

#include "base/files.h"
#include "channel/locate.h"
#include "channel/models.h"
#include "runtimes/runtime.h"

// The files under testdata/keras are made by tests/zoo/make_keras_testdata.py, which says what they compute.
namespace fetafix::runtimes {
namespace {

namespace fs = std::filesystem;
using channel::LoadedModel;
using channel::ModelWorker;

const Runtime& keras_runtime() {
  return **find_runtime("keras");
}

fs::path testdata(const std::string& name) {
  return fs::path(FETAFIX_TESTDATA) / "keras" / name;
}

LoadOptions pinned_keras() {
  LoadOptions options;
  options.locations.python = channel::pinned_python();
  return options;
}

#define ASSERT_OK(result) ASSERT_TRUE((result).ok()) << (result).error().message
#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

// One worker for all of them: importing TensorFlow takes seconds. That each of these tests finds it usable is
// itself a test.
class KerasWorker : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto script = channel::find_worker("keras_worker.py");
    ASSERT_OK(script);
    auto started = ModelWorker::start({"keras worker", channel::pinned_python(), {script->string()}});
    ASSERT_OK(started);
    worker_ = std::make_unique<ModelWorker>(std::move(*started));
  }
  static void TearDownTestSuite() { worker_.reset(); }

  void SetUp() override { ASSERT_NE(worker_, nullptr); }

  static Result<LoadedModel> load(const std::string& file, Json options = Json::object()) {
    return worker_->load(testdata(file), std::move(options));
  }

  static Result<std::vector<Tensor>> run(const LoadedModel& model, std::vector<Tensor> inputs,
                                         const std::vector<std::string>& wanted = {}) {
    std::vector<channel::NamedTensor> named;
    for (Tensor& input : inputs) named.push_back({"", std::move(input)});
    return worker_->run(model.session, named, wanted);
  }

  static inline std::unique_ptr<ModelWorker> worker_;
};

Tensor rows_of(float value, int64_t rows) {
  return Tensor::of<float>(std::vector<float>(static_cast<size_t>(rows) * 3, value), {rows, 3});
}

struct Way {
  const char* file;
  bool optimize;
};

TEST_F(KerasWorker, DescribesAndRunsEveryShape) {
  for (const Way way : {Way{"adder3.keras", true}, Way{"adder3.keras", false}, Way{"adder3.h5", true},
                        Way{"adder2.keras", true}, Way{"adder2.h5", true}, Way{"adder2.h5", false}}) {
    SCOPED_TRACE(way.file);
    auto model = load(way.file, {{"optimize", way.optimize}});
    ASSERT_OK(model);
    ASSERT_EQ(model->inputs.size(), 2u);
    EXPECT_EQ(model->inputs[0].name, "x");
    EXPECT_EQ(model->inputs[1].name, "y");
    EXPECT_EQ(model->inputs[0].shape, (Shape{-1, 3}));
    EXPECT_EQ(model->inputs[0].dtype, DType::float32);
    ASSERT_EQ(model->outputs.size(), 2u);
    EXPECT_EQ(model->outputs[0].name, "sum");
    EXPECT_EQ(model->outputs[1].name, "doubled");
    for (int64_t rows : {1, 4, 2, 1}) {
      auto result = run(*model, {rows_of(1, rows), rows_of(2, rows)});
      ASSERT_OK(result);
      EXPECT_TRUE(result->at(0).identical(rows_of(3, rows))) << to_text(result->at(0));
      EXPECT_TRUE(result->at(1).identical(rows_of(6, rows))) << to_text(result->at(1));
    }
    EXPECT_TRUE(worker_->unload(model->session).ok());
    EXPECT_FALSE(run(*model, {rows_of(1, 1), rows_of(2, 1)}).ok());
  }
}

TEST_F(KerasWorker, NumbersTheOutputsOfALayerAndSortsDicts) {
  auto model = load("named.keras");
  ASSERT_OK(model);
  std::vector<std::string> names;
  for (const auto& spec : model->inputs) names.push_back(spec.name);
  for (const auto& spec : model->outputs) names.push_back(spec.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "table", "split", "split#2"}));
  EXPECT_EQ(model->inputs[0].dtype, DType::int32);
  EXPECT_EQ(model->inputs[0].shape, (Shape{-1}));
  const Tensor a = Tensor::vector<int32_t>({1, 3});
  const Tensor b = Tensor::of<float>({1, 2, 3, 4}, {2, 2});
  auto result = run(*model, {a, b});
  ASSERT_OK(result);
  EXPECT_TRUE(result->at(0).identical(Tensor::of<float>({10, 30}, {2, 1})));
  EXPECT_TRUE(result->at(2).identical(Tensor::of<float>({1, 3}, {2, 1})));
  auto one = run(*model, {a, b}, {"split"});
  ASSERT_OK(one);
  ASSERT_EQ(one->size(), 1u);
  EXPECT_TRUE(one->at(0).identical(Tensor::of<float>({2, 4}, {2, 1})));
  EXPECT_HAS(run(*model, {a, b}, {"nothing"}).error().message, "there is table, split, split#2");
}

TEST_F(KerasWorker, RunsSequentialModelsInHalfFloats) {
  auto model = load("sequence.keras");
  ASSERT_OK(model);
  EXPECT_EQ(model->inputs.at(0).name, "x");
  EXPECT_EQ(model->outputs.at(0).name, "line");
  EXPECT_EQ(model->outputs[0].dtype, DType::float16);
  auto result = run(*model, {Tensor::of<float>({1, 2}, {1, 2})});
  ASSERT_OK(result);
  EXPECT_EQ(result->at(0).dtype(), DType::float16);
  EXPECT_HAS(to_text(result->at(0)), "3, 5");
}

TEST_F(KerasWorker, ForgetsStateBetweenRuns) {
  for (const char* file : {"stateful3.keras", "stateful2.h5"})
    for (const bool optimize : {true, false}) {
      auto model = load(file, {{"optimize", optimize}});
      ASSERT_OK(model);
      for (int i = 0; i < 3; ++i) {
        auto result = run(*model, {Tensor::of<float>({1, 2}, {1, 2, 1})});
        ASSERT_OK(result);
        EXPECT_EQ(result->at(0).as<float>()[0], 2.5f) << file;
      }
    }
}

TEST_F(KerasWorker, DrawsTheSameNumbersInEveryRun) {
  auto model = load("drawing2.h5");
  ASSERT_OK(model);
  std::vector<float> values(128);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const Tensor x = Tensor::of<float>(values, {2, 64});
  auto first = run(*model, {x});
  ASSERT_OK(first);
  for (int i = 0; i < 3; ++i) {
    auto again = run(*model, {x});
    ASSERT_OK(again);
    EXPECT_TRUE(again->at(0).identical(first->at(0)));
  }
}

TEST_F(KerasWorker, RefusesWrongInputsAndGoesOn) {
  auto model = load("adder3.keras");
  ASSERT_OK(model);
  const Tensor good = rows_of(1, 2);
  EXPECT_HAS(run(*model, {good}).error().message, "expected 2 inputs, found 1");
  EXPECT_HAS(run(*model, {good, *Tensor::zeros(DType::int32, {2, 3})}).error().message,
             "input 'y': expected float32, found int32");
  const auto shape = run(*model, {good, *Tensor::zeros(DType::float32, {2, 4})});
  EXPECT_EQ(shape.error().kind, ErrorKind::runtime_failed);
  EXPECT_HAS(shape.error().message, "expected shape=(None, 3), found shape=(2, 4)");
  auto result = run(*model, {good, good});
  ASSERT_OK(result);
  EXPECT_TRUE(result->at(0).identical(rows_of(2, 2)));
}

TEST_F(KerasWorker, RunsFilesOfKeras2InKeras3AndSaysWhatCannotBe) {
  auto model = load("adder2.h5", {{"keras_version", "3"}});
  ASSERT_OK(model);
  auto result = run(*model, {rows_of(1, 1), rows_of(1, 1)});
  ASSERT_OK(result);
  EXPECT_TRUE(result->at(1).identical(rows_of(4, 1)));
  const auto older = load("adder3.keras", {{"keras_version", "2"}});
  ASSERT_FALSE(older.ok());
  EXPECT_EQ(older.error().kind, ErrorKind::runtime_failed);
  EXPECT_HAS(older.error().message, "does not load the file, written by Keras 3.");
  EXPECT_EQ(load("adder3.keras", {{"keras_version", "4"}}).error().kind, ErrorKind::usage);
}

TEST_F(KerasWorker, RunsNoCodeOfAFile) {
  for (const char* file : {"lambda3.keras", "lambda2.h5"}) {
    const auto refused = load(file);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ErrorKind::unsupported);
    EXPECT_HAS(refused.error().message, "layer 'plus_one' (Lambda) holds Python code");
  }
  const auto foreign = load("foreign.keras");
  ASSERT_FALSE(foreign.ok());
  EXPECT_HAS(foreign.error().message, "layer 'doubled' (Dense) needs system of the module os");
  EXPECT_HAS(load("writes2.h5").error().message, "(TFOpLambda) calls tf.io.write_file");
}

TEST_F(KerasWorker, RunsFunctionsOfTensorFlowThatOnlyCompute) {
  auto model = load("operators2.h5");
  ASSERT_OK(model);
  EXPECT_EQ(model->outputs.at(0).name, "tf.nn.relu");
  auto result = run(*model, {rows_of(3, 1)});
  ASSERT_OK(result);
  EXPECT_TRUE(result->at(0).identical(rows_of(2, 1)));
}

TEST_F(KerasWorker, ReportsBrokenFilesAndLoadsTheNext) {
  const TemporaryFolder folder = TemporaryFolder::make().value();
  const fs::path broken = folder.path() / "broken";
  for (const char* file : {"adder3.keras", "adder2.h5"}) {
    const Bytes whole = read_file(testdata(file)).value();
    for (const size_t size : {size_t{0}, size_t{6}, whole.size() / 2, whole.size() - 30}) {
      ASSERT_TRUE(write_file(broken, BytesView(whole).first(size)).ok());
      const auto refused = worker_->load(broken);
      ASSERT_FALSE(refused.ok()) << file << " cut to " << size;
      EXPECT_EQ(refused.error().kind, ErrorKind::file) << refused.error().message;
    }
  }
  EXPECT_HAS(load("only.weights.h5").error().message, "holds no model_config, so only weights");
  EXPECT_EQ(load("nothing.keras").error().kind, ErrorKind::file);
  EXPECT_TRUE(load("adder3.keras").ok());
}

TEST_F(KerasWorker, TellsAFileByItsContentAndTakesBytes) {
  const Bytes bytes = read_file(testdata("adder3.h5")).value();
  const TemporaryFolder folder = TemporaryFolder::make().value();
  const fs::path misnamed = folder.path() / "model.keras";
  ASSERT_TRUE(write_file(misnamed, bytes).ok());
  EXPECT_TRUE(worker_->load(misnamed).ok());
  auto model = worker_->load(BytesView(bytes));
  ASSERT_OK(model);
  auto result = run(*model, {rows_of(1, 1), rows_of(1, 1)});
  ASSERT_OK(result);
  EXPECT_TRUE(result->at(0).identical(rows_of(2, 1)));
}

TEST(KerasSession, RunsThroughTheRuntime) {
  EXPECT_EQ((*runtime_for("keras"))->name(), "keras");
  LoadOptions options = pinned_keras();
  options.options = {{"keras.version", "auto"}, {"tflite.kernels", "builtin"}};
  auto session = keras_runtime().load(testdata("adder2.h5"), options);
  ASSERT_OK(session);
  const Tensor x = rows_of(1, 5);
  auto result = (*session)->run(std::vector<Tensor>{x, x});
  ASSERT_OK(result);
  EXPECT_TRUE(result->at(1).identical(rows_of(4, 5)));
  EXPECT_EQ((*session)->run(std::vector<Tensor>{x}).error().kind, ErrorKind::usage);
}

TEST(KerasOptions, UnknownOnesAreRefused) {
  LoadOptions options;
  options.options["keras.version"] = "1";
  const auto unknown = keras_runtime().load("x", options);
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().kind, ErrorKind::usage);
  EXPECT_HAS(unknown.error().message, "keras.version: expected auto, 2 or 3, found '1'");
  options.options = {{"keras.color", "red"}};
  EXPECT_HAS(keras_runtime().load("x", options).error().message, "there is keras.version");
  EXPECT_TRUE(check_option("keras.version", "2").ok());
  EXPECT_EQ(check_option("keras.version", "4").error().kind, ErrorKind::usage);
}

TEST(KerasRuntime, SaysWhatIsMissing) {
  LoadOptions options;
  options.locations.python = "/nonexistent/python";
  auto session = keras_runtime().load("x.keras", options);
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().kind, ErrorKind::runtime_missing);
  EXPECT_HAS(session.error().message, "-m pip install keras'");
  EXPECT_HAS(session.error().message, "backend");
}

}  // namespace
}  // namespace fetafix::runtimes
