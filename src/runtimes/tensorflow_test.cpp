#include <gtest/gtest.h>

#include <memory>

#include "base/files.h"
#include "channel/locate.h"
#include "channel/models.h"
#include "runtimes/runtime.h"

// The files under testdata/tensorflow are made by tests/zoo/make_tensorflow_testdata.py, which says what they
// compute.
namespace fetafix::runtimes {
namespace {

namespace fs = std::filesystem;
using channel::LoadedModel;
using channel::ModelWorker;

const Runtime& tensorflow_runtime() {
  return **find_runtime("tensorflow");
}

fs::path testdata(const std::string& name) {
  return fs::path(FETAFIX_TESTDATA) / "tensorflow" / name;
}

LoadOptions pinned_tensorflow() {
  LoadOptions options;
  options.locations.python = channel::pinned_python();
  return options;
}

#define ASSERT_OK(result) ASSERT_TRUE((result).ok()) << (result).error().message
#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

// One worker for all of them, with oneDNN or without. That each of these tests finds it usable is itself a
// test.
class TensorflowWorker : public ::testing::TestWithParam<const char*> {
 protected:
  static void TearDownTestSuite() { workers_.clear(); }

  void SetUp() override {
    auto& worker = workers_[GetParam()];
    if (!worker) {
      const auto package = channel::find_python_package("tensorflow", channel::pinned_python());
      ASSERT_OK(package);
      const auto program = channel::find_worker("fetafix-tensorflow-worker");
      ASSERT_OK(program);
      auto started =
          ModelWorker::start({"tensorflow worker", *program, {package->folder.string(), GetParam()}});
      ASSERT_OK(started);
      worker = std::make_unique<ModelWorker>(std::move(*started));
    }
    worker_ = worker.get();
  }

  Result<LoadedModel> load(const std::string& file, Json options = Json::object()) {
    return worker_->load(testdata(file), std::move(options));
  }

  Result<std::vector<Tensor>> run(const LoadedModel& model, std::vector<Tensor> inputs,
                                  const std::vector<std::string>& wanted = {}) {
    std::vector<channel::NamedTensor> named;
    for (Tensor& input : inputs) named.push_back({"", std::move(input)});
    return worker_->run(model.session, named, wanted);
  }

  // Given 0, 1, 2 ..., the windows hold 10, 14, 18, 26, ... 50.
  static Tensor pictures(int64_t count) {
    std::vector<float> values(static_cast<size_t>(count) * 16);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 16);
    return Tensor::of(values, {count, 4, 4, 1});
  }

  static inline std::map<std::string, std::unique_ptr<ModelWorker>> workers_;
  ModelWorker* worker_ = nullptr;
};

TEST_P(TensorflowWorker, DescribesAndRunsEveryShape) {
  for (const bool optimize : {true, false}) {
    auto model = load("several", {{"optimize", optimize}});
    ASSERT_OK(model);
    ASSERT_EQ(model->inputs.size(), 1u);
    EXPECT_EQ(model->inputs[0].name, "picture");
    EXPECT_EQ(model->inputs[0].dtype, DType::float32);
    EXPECT_EQ(model->inputs[0].shape, (Shape{-1, 4, 4, 1}));
    ASSERT_EQ(model->outputs.size(), 2u);
    EXPECT_EQ(model->outputs[0].name, "scores");
    EXPECT_EQ(model->outputs[0].shape, (Shape{-1, 2}));
    EXPECT_EQ(model->outputs[1].name, "summed");
    for (const int64_t count : {1, 3, 1}) {
      auto result = run(*model, {pictures(count)});
      ASSERT_OK(result);
      ASSERT_EQ(result->size(), 2u);
      EXPECT_EQ(result->at(0).shape(), (Shape{count, 2}));
      EXPECT_EQ(result->at(0).as<float>()[0], 270.0f);
      EXPECT_EQ(result->at(0).as<float>()[1], 1392.0f);
      EXPECT_EQ(result->at(1).as<float>()[8], 50.0f);
    }
    auto one = run(*model, {pictures(1)}, {"summed"});
    ASSERT_OK(one);
    ASSERT_EQ(one->size(), 1u);
    EXPECT_EQ(one->at(0).shape(), (Shape{1, 3, 3, 1}));
    EXPECT_HAS(run(*model, {pictures(1)}, {"nothing"}).error().message, "there is scores, summed");
    EXPECT_TRUE(worker_->unload(model->session).ok());
    EXPECT_FALSE(run(*model, {pictures(1)}).ok());
  }
}

TEST_P(TensorflowWorker, RunsTheSignatureThatIsAskedFor) {
  auto other = load("several", {{"signature", "twice"}});
  ASSERT_OK(other);
  ASSERT_EQ(other->outputs.size(), 2u);
  EXPECT_EQ(other->outputs[0].name, "difference");
  auto result = run(*other, {Tensor::vector<int32_t>({5, 6}), Tensor::vector<int32_t>({1, 2})});
  ASSERT_OK(result);
  EXPECT_TRUE(result->at(0).identical(Tensor::vector<int32_t>({4, 4})));
  EXPECT_TRUE(result->at(1).identical(Tensor::vector<int32_t>({6, 8})));

  const auto unknown = load("several", {{"signature", "thrice"}});
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().kind, ErrorKind::usage);
  EXPECT_HAS(unknown.error().message, "'serving_default', 'twice'");
  EXPECT_HAS(load("unchosen").error().message, "'first', 'second'");
  EXPECT_TRUE(load("unchosen", {{"signature", "second"}}).ok());
  EXPECT_HAS(load("bare").error().message, "has no signature to run");
  EXPECT_EQ(load("frozen.pb", {{"signature", "x"}}).error().kind, ErrorKind::usage);
}

TEST_P(TensorflowWorker, RunsFrozenGraphsFromFilesAndFromMemory) {
  const Bytes bytes = read_file(testdata("frozen.pb")).value();
  for (auto& model : {load("frozen.pb"), worker_->load(BytesView(bytes))}) {
    ASSERT_OK(model);
    EXPECT_EQ(model->inputs.at(0).name, "x");
    EXPECT_EQ(model->inputs[0].shape, (Shape{-1, 3}));
    // What the file does not say of its outputs.
    EXPECT_EQ(model->outputs.at(0).dtype, DType::float32);
    EXPECT_EQ(model->outputs[0].shape, (Shape{-1, 2}));
    auto result = run(*model, {Tensor::of<float>({1, 2, 3, -5, 1, 1}, {2, 3})});
    ASSERT_OK(result);
    EXPECT_TRUE(result->at(0).identical(Tensor::of<float>({5, 5, 1, 2}, {2, 2}))) << to_text(result->at(0));
  }
}

TEST_P(TensorflowWorker, CarriesEveryElementType) {
  auto model = load("dtypes.pb");
  ASSERT_OK(model);
  std::vector<Tensor> inputs;
  for (const auto& spec : model->inputs) {
    EXPECT_EQ(spec.name, "x_" + std::string(dtype_name(spec.dtype)));
    inputs.push_back(*cast(Tensor::of<float>({0, 1, 1, 0}, {2, 2}), spec.dtype));
  }
  ASSERT_EQ(inputs.size(), 13u);
  auto result = run(*model, inputs);
  ASSERT_OK(result);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const DType dtype = model->outputs[i].dtype;
    const auto same = std::ranges::find(inputs, dtype, &Tensor::dtype);
    ASSERT_NE(same, inputs.end()) << dtype_name(dtype);
    EXPECT_TRUE(result->at(i).identical(*same)) << to_text(result->at(i));
  }
  for (Tensor& input : inputs) input = *Tensor::zeros(input.dtype(), {0, 2});
  auto nothing = run(*model, inputs);
  ASSERT_OK(nothing);
  EXPECT_EQ(nothing->at(0).shape(), (Shape{0, 2}));

  auto words = load("words.pb");
  ASSERT_OK(words);
  const auto refused = run(*words, {Tensor::vector<float>({1})});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::unsupported);
  EXPECT_HAS(refused.error().message, "holds strings");
}

TEST_P(TensorflowWorker, ForgetsStateBetweenRuns) {
  for (const char* file : {"counter", "drawing.pb"}) {
    auto model = load(file);
    ASSERT_OK(model);
    const Tensor x = *Tensor::zeros(DType::float32, *model->inputs.at(0).shape);
    auto first = run(*model, {x});
    ASSERT_OK(first);
    for (int i = 0; i < 3; ++i) {
      auto again = run(*model, {x});
      ASSERT_OK(again);
      EXPECT_TRUE(again->at(0).identical(first->at(0))) << to_text(again->at(0));
    }
  }
}

TEST_P(TensorflowWorker, KeepsSessionsApart) {
  auto one = load("several", {{"threads", 1}}), two = load("several", {{"threads", 2}}),
       counter = load("counter");
  ASSERT_OK(one);
  ASSERT_OK(two);
  ASSERT_OK(counter);
  ASSERT_OK(run(*counter, {Tensor::vector<float>({1})}));
  auto first = run(*one, {pictures(2)}), second = run(*two, {pictures(2)});
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT_TRUE(first->at(0).identical(second->at(0)));
  EXPECT_TRUE(worker_->unload(one->session).ok());
  EXPECT_TRUE(run(*two, {pictures(2)}).ok());
}

TEST_P(TensorflowWorker, RefusesWrongInputsAndGoesOn) {
  auto model = load("several");
  ASSERT_OK(model);
  EXPECT_HAS(run(*model, {}).error().message, "expected 1 inputs, found 0");
  const std::string expected = "input 'picture': expected float32[?,4,4,1], found ";
  EXPECT_HAS(run(*model, {*Tensor::zeros(DType::int32, {1, 4, 4, 1})}).error().message,
             expected + "int32[1,4,4,1]");
  EXPECT_HAS(run(*model, {*Tensor::zeros(DType::float32, {1, 4, 4})}).error().message,
             expected + "float32[1,4,4]");
  EXPECT_HAS(run(*model, {*Tensor::zeros(DType::float32, {1, 4, 5, 1})}).error().message, expected);
  EXPECT_TRUE(run(*model, {pictures(1)}).ok());

  auto failing = load("failing.pb");
  ASSERT_OK(failing);
  const Tensor x = Tensor::vector<float>({1, 2});
  const auto failed = run(*failing, {x, Tensor::scalar<int32_t>(5)});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind, ErrorKind::runtime_failed);
  EXPECT_HAS(failed.error().message, "indices = 5 is not in [0, 2)");
  auto right = run(*failing, {x, Tensor::scalar<int32_t>(1)});
  ASSERT_OK(right);
  EXPECT_TRUE(right->at(0).identical(Tensor::scalar(2.0f)));
}

TEST_P(TensorflowWorker, ReportsBrokenFilesAndLoadsTheNext) {
  const TemporaryFolder folder = TemporaryFolder::make().value();
  EXPECT_HAS(worker_->load(folder.path()).error().message, "has no saved_model.pb");
  const Bytes whole = read_file(testdata("several/saved_model.pb")).value();
  for (const size_t size : {size_t{0}, size_t{6}, whole.size() / 2, whole.size() - 30}) {
    ASSERT_TRUE(write_file(folder.path() / "saved_model.pb", BytesView(whole).first(size)).ok());
    const auto refused = worker_->load(folder.path());
    ASSERT_FALSE(refused.ok()) << "cut to " << size;
    EXPECT_EQ(refused.error().kind, ErrorKind::file) << refused.error().message;
  }
  const fs::path damaged = folder.path() / "damaged";
  fs::copy(testdata("several"), damaged, fs::copy_options::recursive);
  ASSERT_TRUE(write_file(damaged / "variables/variables.data-00000-of-00001", std::string("x")).ok());
  const auto refused = worker_->load(damaged);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::runtime_failed);
  EXPECT_HAS(refused.error().message, "TensorFlow refuses the SavedModel");
  EXPECT_EQ(load("nothing.pb").error().kind, ErrorKind::file);
  EXPECT_TRUE(load("several").ok());
}

INSTANTIATE_TEST_SUITE_P(EveryWay, TensorflowWorker, ::testing::Values("default", "eigen"),
                         [](const auto& one) { return std::string(one.param); });

TEST(TensorflowSession, RunsThroughTheRuntime) {
  EXPECT_EQ((*runtime_for("tensorflow"))->name(), "tensorflow");
  LoadOptions options = pinned_tensorflow();
  options.options = {{"tensorflow.kernels", "eigen"}, {"tflite.kernels", "builtin"}};
  auto session = tensorflow_runtime().load(testdata("frozen.pb"), options);
  ASSERT_OK(session);
  const Tensor x = Tensor::of<float>({1, 2, 3}, {1, 3});
  auto result = (*session)->run(std::vector<Tensor>{x});
  ASSERT_OK(result);
  EXPECT_TRUE(result->at(0).identical(Tensor::of<float>({5, 5}, {1, 2})));
  EXPECT_EQ((*session)->run(std::vector<Tensor>{x, x}).error().kind, ErrorKind::usage);
}

// The wheel that holds the module `tensorflow` may be called tensorflow-cpu, as the pinned one is.
TEST(TensorflowRuntime, KnowsTheVersionOfTheWheel) {
  const auto package = channel::find_python_package("tensorflow", channel::pinned_python());
  ASSERT_OK(package);
  const auto version = tensorflow_runtime().version(own_locations());
  ASSERT_OK(version);
  EXPECT_EQ(package->version, *version);
}

TEST(TensorflowRuntime, SaysWhatIsMissing) {
  LoadOptions options;
  options.locations.python = "/nonexistent/python";
  const auto session = tensorflow_runtime().load("x", options);
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().kind, ErrorKind::runtime_missing);
  EXPECT_HAS(session.error().message, "-m pip install tensorflow'");

  const TemporaryFolder folder = TemporaryFolder::make().value();
  const auto program = channel::find_worker("fetafix-tensorflow-worker");
  ASSERT_OK(program);
  const auto started = ModelWorker::start({"tensorflow worker", *program, {folder.path().string()}});
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().kind, ErrorKind::runtime_missing);
  EXPECT_HAS(started.error().message, "libtensorflow_framework.so.2");
  EXPECT_HAS(started.error().message, "pip install --upgrade tensorflow");
}

}  // namespace
}  // namespace fetafix::runtimes
