#include <gtest/gtest.h>

#include <memory>

#include "base/files.h"
#include "base/zip.h"
#include "channel/locate.h"
#include "channel/models.h"
#include "runtimes/runtime.h"

// The files under testdata/torch are made by tests/zoo/make_torch_testdata.py, which says what they compute.
namespace fetafix::runtimes {
namespace {

namespace fs = std::filesystem;
using channel::LoadedModel;
using channel::ModelWorker;
using Names = std::vector<std::string>;

const Runtime& torch_runtime() {
  return **find_runtime("torch");
}

fs::path testdata(const std::string& name) {
  return fs::path(FETAFIX_TESTDATA) / "torch" / name;
}

LoadOptions pinned_torch() {
  LoadOptions options;
  options.locations = own_locations();
  return options;
}

#define ASSERT_OK(result) ASSERT_TRUE((result).ok()) << (result).error().message
#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)
#define EXPECT_REFUSED(result, wanted, part) \
  ASSERT_FALSE((result).ok());               \
  EXPECT_EQ((result).error().kind, wanted);  \
  EXPECT_HAS((result).error().message, part)

// One worker for all of them: importing PyTorch takes seconds. That each of these tests finds it usable is
// itself a test.
class TorchWorker : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto package = channel::find_python_package("torch", channel::pinned_python());
    ASSERT_OK(package);
    auto script = channel::find_worker("torch_worker.py");
    ASSERT_OK(script);
    auto started = ModelWorker::start({"torch worker", package->interpreter, {script->string()}});
    ASSERT_OK(started);
    EXPECT_EQ(package->version.substr(0, started->version().size()), started->version());
    worker_ = std::make_unique<ModelWorker>(std::move(*started));
  }
  static void TearDownTestSuite() { worker_.reset(); }

  void SetUp() override { ASSERT_NE(worker_, nullptr); }

  static Result<LoadedModel> load(const std::string& file, Json options = Json::object()) {
    return worker_->load(testdata(file), std::move(options));
  }

  static Result<std::vector<Tensor>> run(const LoadedModel& model, std::vector<Tensor> inputs,
                                         const Names& wanted = {}) {
    std::vector<channel::NamedTensor> named;
    for (Tensor& input : inputs) named.push_back({"", std::move(input)});
    return worker_->run(model.session, named, wanted);
  }

  static inline std::unique_ptr<ModelWorker> worker_;
};

Names names_of(const std::vector<TensorSpec>& specs) {
  Names names;
  for (const TensorSpec& spec : specs) names.push_back(spec.name);
  return names;
}

// Each picture of one value: a window sums four of them and takes 1 away, nine windows make the scores.
Tensor pictures(const std::vector<float>& values) {
  std::vector<float> all;
  for (const float value : values) all.insert(all.end(), 16, value);
  return Tensor::of<float>(all, {static_cast<int64_t>(values.size()), 1, 4, 4});
}

TEST_F(TorchWorker, DescribesAndRunsAnyBatch) {
  for (const char* kernels : {"default", "native"}) {
    SCOPED_TRACE(kernels);
    auto model = load("scores.pt2", {{"kernels", kernels}});
    ASSERT_OK(model);
    EXPECT_EQ(names_of(model->inputs), Names{"picture"});
    EXPECT_EQ(model->inputs[0].shape, (Shape{-1, 1, 4, 4}));
    EXPECT_EQ(model->inputs[0].dtype, DType::float32);
    EXPECT_EQ(names_of(model->outputs), Names{"linear"});
    EXPECT_EQ(model->outputs[0].shape, (Shape{-1, 2}));
    for (int i = 0; i < 2; ++i) {
      auto both = run(*model, {pictures({1, 0})});
      ASSERT_OK(both);
      EXPECT_TRUE(both->at(0).identical(Tensor::of<float>({27, 109, 0, 1}, {2, 2}))) << to_text(both->at(0));
      auto one = run(*model, {pictures({2})});
      ASSERT_OK(one);
      EXPECT_TRUE(one->at(0).identical(Tensor::of<float>({63, 253}, {1, 2}))) << to_text(one->at(0));
    }
    EXPECT_TRUE(worker_->unload(model->session).ok());
    EXPECT_FALSE(run(*model, {pictures({1})}).ok());
  }
  EXPECT_REFUSED(load("scores.pt2", {{"kernels", "fast"}}), ErrorKind::usage, "expected default or native");
}

// conv2d is asked for as it was before relu_ wrote over it.
TEST_F(TorchWorker, GivesTheInnerValuesThatAFileAsksFor) {
  auto model = load("opened.pt2");
  ASSERT_OK(model);
  EXPECT_EQ(names_of(model->outputs), (Names{"linear", "picture", "conv2d", "relu_", "p_product_weight"}));
  EXPECT_EQ(model->outputs[2].shape, (Shape{-1, 1, 3, 3}));
  EXPECT_EQ(model->outputs[4].shape, (Shape{2, 9}));
  const Tensor dark = pictures({0});
  auto values = run(*model, {dark});
  ASSERT_OK(values);
  ASSERT_EQ(values->size(), 5u);
  EXPECT_TRUE(values->at(0).identical(Tensor::of<float>({0, 1}, {1, 2})));
  EXPECT_TRUE(values->at(1).identical(dark));
  EXPECT_TRUE(values->at(2).identical(Tensor::of<float>(std::vector<float>(9, -1), {1, 1, 3, 3})));
  EXPECT_TRUE(values->at(3).identical(Tensor::of<float>(std::vector<float>(9, 0), {1, 1, 3, 3})));
  EXPECT_EQ(values->at(4).as<float>()[17], 8);
  auto one = run(*model, {pictures({1})}, {"relu_"});
  ASSERT_OK(one);
  EXPECT_TRUE(one->at(0).identical(Tensor::of<float>(std::vector<float>(9, 3), {1, 1, 3, 3})));
  EXPECT_REFUSED(load("no_value.pt2"), ErrorKind::unsupported, "the graph has no value 'nowhere'");
}

TEST_F(TorchWorker, TakesInputsOutOfDictsAndKeywords) {
  auto model = load("table.pt2");
  ASSERT_OK(model);
  EXPECT_EQ(names_of(model->inputs), (Names{"x", "table_b", "table_a", "scale"}));
  EXPECT_EQ(model->inputs[0].dtype, DType::int32);
  EXPECT_EQ(model->inputs[1].dtype, DType::float32);  // a bfloat16
  EXPECT_EQ(names_of(model->outputs), (Names{"add", "mul_1", "add#2"}));
  auto result = run(*model, {Tensor::vector<int32_t>({1, 2}), Tensor::vector<float>({1, 2}),
                             Tensor::vector<float>({4, 5}), Tensor::vector<float>({2, 3})});
  ASSERT_OK(result);
  EXPECT_TRUE(result->at(0).identical(Tensor::vector<float>({5, 7})));
  EXPECT_TRUE(result->at(1).identical(Tensor::vector<float>({6, 18})));
  EXPECT_TRUE(result->at(2).identical(result->at(0)));
}

TEST_F(TorchWorker, GivesSizesAsWholeNumbers) {
  auto model = load("sizes.pt2");
  ASSERT_OK(model);
  ASSERT_EQ(model->outputs.size(), 2u);
  EXPECT_EQ(model->outputs[1].dtype, DType::int64);
  EXPECT_EQ(model->outputs[1].shape, Shape{});
  auto result = run(*model, {*Tensor::zeros(DType::float32, {5, 2})});
  ASSERT_OK(result);
  EXPECT_EQ(result->at(1).as<int64_t>()[0], 5);
  auto complex = load("complex.pt2");
  ASSERT_OK(complex);
  EXPECT_EQ(complex->outputs.at(0).dtype, DType::unknown);
  EXPECT_REFUSED(run(*complex, {Tensor::vector<float>({1, 2})}), ErrorKind::unsupported, "complex64");
}

TEST_F(TorchWorker, ForgetsStateAndDrawsTheSameNumbersInEveryRun) {
  auto counter = load("counter.pt2");
  ASSERT_OK(counter);
  for (int i = 0; i < 3; ++i) {
    auto result = run(*counter, {Tensor::vector<float>({2})});
    ASSERT_OK(result);
    EXPECT_EQ(result->at(0).as<float>()[0], 3);
  }
  auto drawing = load("drawing.pt2");
  ASSERT_OK(drawing);
  const Tensor x = Tensor::vector<float>({0, 0, 0, 0});
  auto first = run(*drawing, {x});
  ASSERT_OK(first);
  auto again = run(*drawing, {x});
  ASSERT_OK(again);
  EXPECT_TRUE(again->at(0).identical(first->at(0)));
}

TEST_F(TorchWorker, RefusesWrongInputsAndGoesOn) {
  auto model = load("scores.pt2");
  ASSERT_OK(model);
  EXPECT_HAS(run(*model, {}).error().message, "expected 1 inputs, found 0");
  EXPECT_HAS(run(*model, {*Tensor::zeros(DType::int32, {1, 1, 4, 4})}).error().message,
             "input 'picture': expected float32, found int32");
  EXPECT_REFUSED(run(*model, {*Tensor::zeros(DType::float32, {1, 1, 5, 4})}), ErrorKind::runtime_failed,
                 "to be equal to 4, but got 5");
  EXPECT_HAS(run(*model, {pictures({1})}, {"nothing"}).error().message, "there is linear");
  EXPECT_TRUE(run(*model, {pictures({1})}).ok());
}

// The archive with the first place of one text in its graph holding another.
Bytes regraphed(const std::string& file, const std::string& from, const std::string& to) {
  auto entries = unzip(read_file(testdata(file)).value(), file).value();
  for (ZipEntry& entry : entries)
    if (entry.name.ends_with("model.json")) {
      std::string text(reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size());
      text.replace(text.find(from), from.size(), to);
      const BytesView changed = as_bytes(text);
      entry.bytes.assign(changed.begin(), changed.end());
    }
  return zip(entries).value();
}

// PyTorch writes names into functions that it compiles.
TEST_F(TorchWorker, RunsNoCodeInNames) {
  struct Name {
    const char *file, *from, *to;
  };
  for (const Name name : {Name{"table.pt2", R"([\\\"scale)", R"([\\\"scale=exit)"},
                          Name{"table.pt2", R"("forward_arg_names":["x)", R"("forward_arg_names":["x=exit)"},
                          Name{"table.pt2", R"("name":"mul)", R"("name":"mul;exit)"},
                          Name{"counter.pt2", R"("buffer_name":"runs)", R"("buffer_name":"'+exit+')"}}) {
    SCOPED_TRACE(name.to);
    EXPECT_REFUSED(worker_->load(BytesView(regraphed(name.file, name.from, name.to))), ErrorKind::unsupported,
                   "named");
  }
}

TEST_F(TorchWorker, RunsNoCodeOfAFile) {
  EXPECT_REFUSED(load("system.pt2"), ErrorKind::unsupported, "operator of the graph is torch.os.system");
  EXPECT_REFUSED(load("text.pt2"), ErrorKind::unsupported, "a size is 'open(chr(47))'");
  const TemporaryFolder folder = TemporaryFolder::make().value();
  const fs::path added = folder.path() / "added.pt2";
  for (const char* member : {"data/constants/opaque_obj_0", "data/aotinductor/model/model.so"}) {
    auto entries = unzip(read_file(testdata("scores.pt2")).value(), "scores.pt2").value();
    entries.push_back({std::string("scores/") + member, Bytes(1)});
    ASSERT_TRUE(write_file(added, zip(entries).value()).ok());
    EXPECT_REFUSED(worker_->load(added), ErrorKind::unsupported, "that is code that would run here");
  }
}

TEST_F(TorchWorker, ReportsBrokenFilesAndLoadsTheNext) {
  const TemporaryFolder folder = TemporaryFolder::make().value();
  const fs::path broken = folder.path() / "broken.pt2";
  const Bytes whole = read_file(testdata("scores.pt2")).value();
  for (const size_t size : {size_t{0}, size_t{6}, whole.size() / 2, whole.size() - 30}) {
    ASSERT_TRUE(write_file(broken, BytesView(whole).first(size)).ok());
    EXPECT_REFUSED(worker_->load(broken), ErrorKind::file, "");
  }
  auto entries = unzip(whole, "scores.pt2").value();
  std::erase_if(entries, [](const ZipEntry& entry) { return entry.name.ends_with("weight_2"); });
  ASSERT_TRUE(write_file(broken, zip(entries).value()).ok());
  EXPECT_REFUSED(worker_->load(broken), ErrorKind::runtime_failed, "weight_2");
  EXPECT_REFUSED(load("weights.pt"), ErrorKind::unsupported, "is a pickle of torch.save");
  EXPECT_EQ(load("nothing.pt2").error().kind, ErrorKind::file);
  EXPECT_TRUE(load("scores.pt2").ok());
}

TEST_F(TorchWorker, TellsAFileByItsContentAndTakesBytes) {
  const Bytes bytes = read_file(testdata("scores.pt2")).value();
  const TemporaryFolder folder = TemporaryFolder::make().value();
  const fs::path misnamed = folder.path() / "model.onnx";
  ASSERT_TRUE(write_file(misnamed, bytes).ok());
  EXPECT_TRUE(worker_->load(misnamed).ok());
  auto model = worker_->load(BytesView(bytes));
  ASSERT_OK(model);
  EXPECT_TRUE(run(*model, {pictures({1})}).ok());
}

TEST_F(TorchWorker, RunsTorchScript) {
  for (const bool optimize : {true, false}) {
    auto model = load("script.pt", {{"optimize", optimize}});
    ASSERT_OK(model);
    ASSERT_EQ(model->inputs.size(), 2u);
    EXPECT_EQ(model->inputs[0].name, "x");
    EXPECT_EQ(model->inputs[0].dtype, DType::unknown);
    EXPECT_FALSE(model->inputs[0].shape.has_value());
    for (int i = 0; i < 4; ++i) {
      auto result = run(*model, {Tensor::vector<float>({1, 2}), Tensor::vector<float>({3, 4})});
      ASSERT_OK(result);
      EXPECT_TRUE(result->at(0).identical(Tensor::vector<float>({3, 8})));
      EXPECT_TRUE(result->at(1).identical(Tensor::vector<float>({4, 6})));
    }
  }
}

TEST(TorchSession, RunsThroughTheRuntime) {
  EXPECT_EQ((*runtime_for("torch"))->name(), "torch");
  LoadOptions options = pinned_torch();
  options.options = {{"torch.kernels", "native"}, {"tflite.kernels", "builtin"}};
  auto session = torch_runtime().load(testdata("scores.pt2"), options);
  ASSERT_OK(session);
  auto result = (*session)->run(std::vector<Tensor>{pictures({1})});
  ASSERT_OK(result);
  EXPECT_TRUE(result->at(0).identical(Tensor::of<float>({27, 109}, {1, 2})));
}

TEST(TorchOptions, UnknownOnesAreRefused) {
  LoadOptions options;
  options.options["torch.kernels"] = "fast";
  EXPECT_REFUSED(torch_runtime().load("x", options), ErrorKind::usage,
                 "torch.kernels: expected default or native, found 'fast'");
  options.options = {{"torch.color", "red"}};
  EXPECT_HAS(torch_runtime().load("x", options).error().message, "there is torch.kernels");
  EXPECT_TRUE(check_option("torch.kernels", "native").ok());
}

TEST(TorchRuntime, SaysWhatIsMissing) {
  LoadOptions options;
  options.locations.python = "/nonexistent/python";
  EXPECT_REFUSED(torch_runtime().load("x.pt2", options), ErrorKind::runtime_missing, "-m pip install torch'");
}

// Debian 12 has one that is too old for exported programs.
TEST(TorchRuntime, WantsOneThatReadsPrograms) {
  LoadOptions options;
  options.locations.python = "/usr/bin/python3";
  EXPECT_REFUSED(torch_runtime().load("x.pt2", options), ErrorKind::runtime_missing,
                 "expected 2.5 or newer; run '/usr/bin/python3 -m pip install --upgrade torch'");
}

}  // namespace
}  // namespace fetafix::runtimes
