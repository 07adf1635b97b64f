#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>

#include "base/files.h"
#include "channel/locate.h"
#include "channel/models.h"
#include "runtimes/runtime.h"
#include "runtimes/testing/onnx_bytes.h"

namespace fetafix::runtimes {
namespace {

namespace fs = std::filesystem;
using channel::ModelWorker;

const std::vector<std::string> z{"z"};

// The oldest that we support and the pinned one: the same binary must drive both.
std::vector<fs::path> libraries() {
  std::vector<fs::path> found;
  std::error_code failure;
  const fs::path folder = fs::path(FETAFIX_BUILD_FOLDER) / "runtimes/onnxruntime-oldest/onnxruntime/capi";
  for (const auto& entry : fs::directory_iterator(folder, failure))
    if (entry.path().filename().string().starts_with("libonnxruntime.so")) found.push_back(entry.path());
  EXPECT_EQ(found.size(), 1u) << "the oldest ONNX Runtime is missing; run scripts/fetch_runtimes.sh";
  auto pinned = channel::find_onnxruntime(channel::pinned_python());
  EXPECT_TRUE(pinned.ok()) << pinned.error().message << "; run tests/zoo/environment.sh build core";
  if (pinned.ok()) found.push_back(*pinned);
  return found;
}

class OnnxRuntimeWorker : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const auto all = libraries();
    ASSERT_GT(all.size(), static_cast<size_t>(GetParam()));
    auto started = channel::start_onnxruntime(all[static_cast<size_t>(GetParam())], 2);
    ASSERT_TRUE(started.ok()) << started.error().message;
    worker.emplace(std::move(*started));
  }

  std::optional<ModelWorker> worker;
};

TEST_P(OnnxRuntimeWorker, SaysItsVersion) {
  EXPECT_EQ(worker->version().substr(0, 2), "1.");
}

// Values, names and shapes come out right, so every entry of the table that was called is where we think it
// is.
TEST_P(OnnxRuntimeWorker, DescribesAndRuns) {
  for (const Json& options : {Json{{"optimize", true}}, Json{{"optimize", false}},
                              Json{{"memory_arena", false}}, Json{{"threads", 1}}, Json{{"threads", 2}}}) {
    auto loaded = worker->load(as_bytes(testing::adder(1, {-1, 3})), options);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    ASSERT_EQ(loaded->inputs.size(), 2u);
    EXPECT_EQ(loaded->inputs[1].name, "y");
    EXPECT_EQ(loaded->inputs[1].dtype, DType::float32);
    EXPECT_EQ(loaded->inputs[1].shape, (Shape{-1, 3}));
    EXPECT_EQ(loaded->outputs.at(0).name, "z");
    for (int64_t rows : {1, 4, 0}) {
      const Tensor x = Tensor::of<float>(std::vector<float>(static_cast<size_t>(rows) * 3, 1.5f), {rows, 3});
      const std::vector<channel::NamedTensor> inputs{{"x", x}, {"y", x}};
      auto result = worker->run(loaded->session, inputs, z);
      ASSERT_TRUE(result.ok()) << result.error().message;
      EXPECT_EQ(result->at(0).shape(), (Shape{rows, 3}));
      for (float v : result->at(0).as<float>()) EXPECT_EQ(v, 3.0f);
    }
    EXPECT_TRUE(worker->unload(loaded->session).ok());
    EXPECT_FALSE(worker->unload(loaded->session).ok());
  }
}

TEST_P(OnnxRuntimeWorker, CarriesEveryType) {
  const std::vector<std::pair<int, DType>> types{
      {1, DType::float32},  {2, DType::uint8},    {3, DType::int8},    {4, DType::uint16},
      {5, DType::int16},    {6, DType::int32},    {7, DType::int64},   {9, DType::boolean},
      {10, DType::float16}, {11, DType::float64}, {12, DType::uint32}, {13, DType::uint64},
      {16, DType::bfloat16}};
  for (const auto& [element, dtype] : types) {
    const std::string model =
        testing::model({testing::node("Identity", {"x"}, {"z"})}, {testing::value_info("x", element, {2, 3})},
                       {testing::value_info("z", element, {2, 3})});
    auto loaded = worker->load(as_bytes(model), Json{{"optimize", false}});
    ASSERT_TRUE(loaded.ok()) << dtype_name(dtype) << ": " << loaded.error().message;
    EXPECT_EQ(loaded->inputs[0].dtype, dtype);
    Tensor x = *Tensor::zeros(dtype, {2, 3});
    for (size_t i = 0; i < x.byte_size(); i += element_size(dtype)) x.mutable_bytes()[i] = std::byte{1};
    auto result = worker->run(loaded->session, std::vector<channel::NamedTensor>{{"x", x}}, {});
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_TRUE(result->at(0).identical(x)) << dtype_name(dtype);
  }
}

TEST_P(OnnxRuntimeWorker, ReportsItsRefusals) {
  EXPECT_FALSE(worker->load(as_bytes(std::string("nonsense"))).ok());
  EXPECT_EQ(worker->load(fs::path("/nonexistent.onnx")).error().kind, ErrorKind::file);
  auto loaded = worker->load(as_bytes(testing::adder(1, {2, 3})));
  ASSERT_TRUE(loaded.ok());
  const Tensor wrong_shape = Tensor::vector<float>({1, 2});
  const Tensor wrong_type = *Tensor::zeros(DType::int64, {2, 3});
  for (const Tensor& x : {wrong_shape, wrong_type}) {
    auto result = worker->run(loaded->session, std::vector<channel::NamedTensor>{{"x", x}, {"y", x}}, z);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, ErrorKind::runtime_failed);
  }
  EXPECT_FALSE(worker->run(loaded->session, {}, z).ok());
  EXPECT_FALSE(worker->run(999, {}, z).ok());
  EXPECT_TRUE(worker->running());
}

TEST_P(OnnxRuntimeWorker, HoldsHundredsOfSessions) {
  std::vector<int64_t> sessions;
  for (int i = 0; i < 300; ++i) {
    auto loaded = worker->load(as_bytes(testing::adder(1, {i + 1})), Json{{"memory_arena", false}});
    ASSERT_TRUE(loaded.ok());
    sessions.push_back(loaded->session);
  }
  for (int i = 0; i < 300; ++i) {
    const Tensor x = *Tensor::zeros(DType::float32, {i + 1});
    EXPECT_TRUE(
        worker
            ->run(sessions[static_cast<size_t>(i)], std::vector<channel::NamedTensor>{{"x", x}, {"y", x}}, z)
            .ok());
  }
}

INSTANTIATE_TEST_SUITE_P(OldestAndPinned, OnnxRuntimeWorker, ::testing::Values(0, 1));

struct ModelFile {
  ModelFile(const std::string& name, const std::string& content)
      : folder(TemporaryFolder::make().value()), path(folder.path() / name) {
    EXPECT_TRUE(write_file(path, content).ok());
  }
  TemporaryFolder folder;
  fs::path path;
};

LoadOptions pinned() {
  LoadOptions options;
  options.locations.python = channel::pinned_python();
  return options;
}

TEST(OnnxRuntimeSession, RunsAFile) {
  const ModelFile file("add.onnx", testing::adder(1, {-1, 2}));
  const Runtime* runtime = *runtime_for("onnx");
  EXPECT_EQ(runtime->name(), "onnxruntime");
  auto session = runtime->load(file.path, pinned());
  ASSERT_TRUE(session.ok()) << session.error().message;
  const Tensor x = Tensor::of<float>({1, 2}, {1, 2});
  auto result = (*session)->run(std::vector<Tensor>{x, x});
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_TRUE(result->at(0).identical(Tensor::of<float>({2, 4}, {1, 2})));
  EXPECT_EQ((*session)->run(std::vector<Tensor>{x}).error().kind, ErrorKind::usage);
}

// The child processes of ours, whatever they are called.
std::vector<pid_t> children() {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream stat(entry.path() / "stat");
    std::string pid, name, state;
    pid_t parent = 0;
    if (stat >> pid >> name >> state >> parent && parent == getpid()) found.push_back(std::stoi(pid));
  }
  return found;
}

pid_t only_child() {
  const auto found = children();
  EXPECT_EQ(found.size(), 1u);
  return found.empty() ? 0 : found[0];
}

TEST(OnnxRuntimeSession, LeavesItsWorkerToTheNext) {
  const ModelFile file("add.onnx", testing::adder(1, {2}));
  LoadOptions options = pinned();
  options.idle = idle_workers();
  const auto loads = [&](const fs::path& path) { return (*runtime_for("onnx"))->load(path, options).ok(); };
  ASSERT_TRUE(loads(file.path));
  const pid_t worker = only_child();
  EXPECT_FALSE(loads(ModelFile("bad.onnx", "no model").path));
  EXPECT_TRUE(loads(file.path));
  EXPECT_EQ(only_child(), worker);
  kill(worker, SIGKILL);
  EXPECT_TRUE(loads(file.path)) << "one that died while it waited is started again";
  EXPECT_NE(only_child(), worker);
  options.threads = 2;
  EXPECT_TRUE(loads(file.path));
  options.threads = 3;
  EXPECT_TRUE(loads(file.path));
  EXPECT_EQ(children().size(), 2u) << "of three sorts, two are kept";
  options.idle = nullptr;
  EXPECT_TRUE(children().empty());
}

#ifndef FETAFIX_SANITIZE  // whose shadow memory alone is above every limit
TEST(OnnxRuntimeSession, GoesOnAfterRunningOutOfMemory) {
  const std::string expander =
      testing::model({testing::node("Expand", {"x", "shape"}, {"z"})},
                     {testing::value_info("x", 1, {1}), testing::value_info("shape", 7, {1})},
                     {testing::value_info("z", 1, {-1})});
  const ModelFile file("expand.onnx", expander);
  LoadOptions options = pinned();
  options.memory_limit_mb = 500;
  auto session = (*runtime_for("onnx"))->load(file.path, options);
  ASSERT_TRUE(session.ok()) << session.error().message;
  const Tensor x = Tensor::vector<float>({7});
  auto too_big = (*session)->run(std::vector<Tensor>{x, Tensor::vector<int64_t>({int64_t{1} << 30})});
  ASSERT_FALSE(too_big.ok());
  EXPECT_EQ(too_big.error().kind, ErrorKind::runtime_failed);
  auto small = (*session)->run(std::vector<Tensor>{x, Tensor::vector<int64_t>({2})});
  ASSERT_TRUE(small.ok()) << small.error().message;
  EXPECT_TRUE(small->at(0).identical(Tensor::vector<float>({7, 7})));
}
#endif

TEST(OnnxRuntimeSession, SaysWhatIsMissing) {
  LoadOptions options;
  options.locations.python = "/nonexistent/python";
  auto session = (*runtime_for("onnx"))->load("x.onnx", options);
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().kind, ErrorKind::runtime_missing);
  EXPECT_NE(session.error().message.find("pip install onnxruntime"), std::string::npos)
      << session.error().message;
  options.locations.onnxruntime_library = "/nonexistent/libonnxruntime.so";
  EXPECT_EQ((*runtime_for("onnx"))->load("x.onnx", options).error().kind, ErrorKind::runtime_missing);
}

}  // namespace
}  // namespace fetafix::runtimes
