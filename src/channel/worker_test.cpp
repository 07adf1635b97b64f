#include "channel/worker.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <set>
#include <thread>

#include "base/files.h"
#include "channel/frame.h"
#include "channel/locate.h"

namespace fetafix::channel {
namespace {

WorkerProgram naughty(std::vector<std::string> arguments = {}) {
  auto program = find_worker("fetafix_channel_test_worker");
  EXPECT_TRUE(program.ok()) << program.error().message;
  return {"naughty worker", *program, std::move(arguments)};
}

Worker start(WorkerOptions options = {}) {
  auto worker = Worker::start(naughty(), options);
  EXPECT_TRUE(worker.ok()) << worker.error().message;
  return std::move(*worker);
}

bool alive(pid_t pid) {
  return kill(pid, 0) == 0;
}

// Killed processes that are not our children take a moment to be reaped by init.
bool gone_soon(pid_t pid) {
  for (int i = 0; i < 500; ++i) {
    if (!alive(pid)) return true;
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text((std::istreambuf_iterator<char>(stat)), {});
    if (text.find(") Z ") != std::string::npos) return true;
    std::this_thread::sleep_for(Milliseconds(10));
  }
  return false;
}

std::set<int> open_descriptors() {
  std::set<int> out;
  DIR* folder = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(folder))
    if (entry->d_name[0] != '.') out.insert(std::atoi(entry->d_name));
  closedir(folder);
  return out;
}

std::string failure(Worker& worker, const std::string& call, Message request = {}) {
  auto reply = worker.call(call, std::move(request), Milliseconds(20000));
  if (reply.ok()) return "(no failure)";
  EXPECT_EQ(reply.error().kind, ErrorKind::runtime_failed);
  return reply.error().message;
}

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(Worker, Echoes) {
  Worker worker = start();
  EXPECT_EQ(worker.hello()["worker"], "naughty");
  for (int i = 0; i < 100; ++i) {
    Message request;
    request.fields["number"] = i;
    request.tensors.push_back({"x", Tensor::vector<float>({1, 2, static_cast<float>(i)})});
    const auto reply = worker.call("echo", request);
    ASSERT_TRUE(reply.ok()) << reply.error().message;
    EXPECT_EQ(reply->fields["number"], i);
    EXPECT_TRUE(reply->tensors.at(0).tensor.identical(request.tensors[0].tensor));
  }
}

TEST(Worker, CarriesBigTensors) {
  Worker worker = start();
  Tensor big = *Tensor::zeros(DType::float32, {75, 1 << 20});  // 300 MB
  const auto values = big.mutable_as<float>();
  for (size_t i = 0; i < values.size(); i += 1000) values[i] = static_cast<float>(i);
  for (int i = 0; i < 2; ++i) {
    const auto reply = worker.call("echo", {Json::object(), {{"big", big}, {"small", Tensor::scalar(1.0f)}}});
    ASSERT_TRUE(reply.ok()) << reply.error().message;
    EXPECT_TRUE(reply->tensors.at(0).tensor.identical(big));
    EXPECT_EQ(reply->tensors.at(1).name, "small");
  }
}

TEST(Worker, ReportsACrashWithItsSignal) {
  Worker worker = start();
  const pid_t pid = worker.pid();
  EXPECT_HAS(failure(worker, "crash"), "signal 11");
  EXPECT_FALSE(worker.running());
  EXPECT_FALSE(alive(pid));
  EXPECT_HAS(failure(worker, "echo"), "not running");
  ASSERT_TRUE(worker.restart().ok());
  EXPECT_TRUE(worker.call("echo").ok());
  EXPECT_HAS(failure(worker, "abort"), "signal 6");
}

TEST(Worker, ReportsAnExitWithWhatItPrinted) {
  Worker worker = start();
  const std::string message = failure(worker, "exit");
  EXPECT_HAS(message, "exited with code 7");
  EXPECT_HAS(message, "first line | the reason for leaving");
}

TEST(Worker, EndsOneThatHangs) {
  Worker worker = start();
  const pid_t pid = worker.pid();
  const auto reply = worker.call("hang", {}, Milliseconds(200));
  ASSERT_FALSE(reply.ok());
  EXPECT_HAS(reply.error().message, "did not answer within 0.2 s");
  EXPECT_FALSE(alive(pid));
  ASSERT_TRUE(worker.restart().ok());
  EXPECT_TRUE(worker.call("echo").ok());
}

TEST(Worker, SurvivesPrinting) {
  Worker worker = start();
  EXPECT_TRUE(worker.call("print").ok());
  EXPECT_TRUE(worker.call("echo").ok());
}

TEST(Worker, RefusesGarbageAndLies) {
  Worker worker = start();
  EXPECT_HAS(failure(worker, "garbage"), "announces 18446744073709551615 bytes");
  ASSERT_TRUE(worker.restart().ok());
  Worker liar = start();
  EXPECT_HAS(failure(liar, "lie"), "do not fit an arena");
  EXPECT_FALSE(liar.running());
}

TEST(Worker, NoticesAClosedConnection) {
  Worker worker = start();
  EXPECT_HAS(failure(worker, "close"), "closed its connection");
}

TEST(Worker, PassesErrorsOnAndLivesOn) {
  Worker worker = start();
  const auto refused = worker.call("refuse");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::unsupported);
  EXPECT_HAS(failure(worker, "throw"), "an exception");
  EXPECT_TRUE(worker.running());
  EXPECT_TRUE(worker.call("echo").ok());
}

#ifndef FETAFIX_SANITIZE  // whose shadow memory alone is above every limit
TEST(Worker, LimitsMemory) {
  WorkerOptions options;
  options.memory_limit_mb = 200;
  Worker worker = start(options);
  EXPECT_TRUE(worker.call("allocate", {Json{{"megabytes", 20}}, {}}).ok());
  EXPECT_HAS(failure(worker, "allocate", {Json{{"megabytes", 2000}}, {}}), "out of memory");
  EXPECT_TRUE(worker.call("echo").ok());
}
#endif

TEST(Worker, RefusesToStartWithoutProgramOrRuntime) {
  auto none = Worker::start({"absent worker", "/nonexistent/worker", {}});
  ASSERT_FALSE(none.ok());
  EXPECT_HAS(none.error().message, "can't be executed");
  auto missing = Worker::start(naughty({"missing"}));
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind, ErrorKind::runtime_missing);
  auto not_a_worker = Worker::start({"true", "true", {}});
  ASSERT_FALSE(not_a_worker.ok());
  EXPECT_HAS(not_a_worker.error().message, "exited with code 0");
}

TEST(Worker, RefusesAnotherProtocol) {
  Worker worker = start();
  const auto reply = worker.call("hello", {Json{{"protocol", protocol_version + 1}}, {}});
  ASSERT_FALSE(reply.ok());
  EXPECT_HAS(reply.error().message, "must come from one build");
}

TEST(Worker, LeavesNothingBehind) {
  const std::set<int> before = open_descriptors();
  pid_t pid = -1, grandchild = -1;
  {
    Worker worker = start();
    pid = worker.pid();
    auto reply = worker.call("fork");
    ASSERT_TRUE(reply.ok());
    grandchild = reply->fields["pid"].get<pid_t>();
    EXPECT_TRUE(alive(grandchild));
    EXPECT_EQ(getpgid(pid), pid) << "Ctrl-C at the terminal is the parent's";
  }
  EXPECT_FALSE(alive(pid)) << "no zombie either";
  EXPECT_TRUE(gone_soon(grandchild));
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Worker, StopsWhenAsked) {
  Worker worker = start();
  const pid_t pid = worker.pid();
  worker.stop();
  EXPECT_FALSE(worker.running());
  EXPECT_FALSE(alive(pid));
}

// A parent that is killed takes its workers with it, even one that hangs.
TEST(Worker, EndsWithItsParent) {
  auto pipe = make_pipe();
  ASSERT_TRUE(pipe.ok());
  const pid_t parent = fork();
  if (parent == 0) {
    Worker worker = start();
    const pid_t pid = worker.pid();
    [[maybe_unused]] const ssize_t written = write(pipe->second.get(), &pid, sizeof pid);
    (void)worker.call("hang");
    _exit(0);
  }
  pid_t worker = -1;
  ASSERT_EQ(read(pipe->first.get(), &worker, sizeof worker), static_cast<ssize_t>(sizeof worker));
  EXPECT_TRUE(alive(worker));
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  EXPECT_TRUE(gone_soon(worker));
}

TEST(Worker, OutlivesTheThreadThatStartedIt) {
  std::optional<Worker> worker;
  std::thread([&] { worker.emplace(start()); }).join();
  std::this_thread::sleep_for(Milliseconds(50));
  EXPECT_TRUE(worker->call("echo").ok());
}

TEST(Worker, ManyAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      Worker worker = start();
      for (int i = 0; i < 50; ++i) {
        const Tensor x = Tensor::vector<int32_t>({t, i});
        auto reply = worker.call("echo", {Json::object(), {{"x", x}}});
        ASSERT_TRUE(reply.ok());
        EXPECT_TRUE(reply->tensors.at(0).tensor.identical(x));
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(Worker, CanBeInterrupted) {
  std::atomic<bool> interrupted = false;
  WorkerOptions options;
  options.interrupted = &interrupted;
  Worker worker = start(options);
  std::thread user([&] {
    std::this_thread::sleep_for(Milliseconds(50));
    interrupted = true;
  });
  const auto reply = worker.call("hang");
  user.join();
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().kind, ErrorKind::interrupted);
}

// The child must see its ends at the right numbers whatever numbers we have free.
TEST(Worker, StartsWithStandardStreamsClosed) {
  const pid_t child = fork();
  if (child == 0) {
    for (int fd = 0; fd < 3; ++fd) close(fd);
    auto worker = Worker::start(naughty());
    _exit(worker.ok() && worker->call("echo").ok() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Command, GivesOutputAndEnding) {
  auto result = run_command("sh", {"-c", "echo out; echo err >&2; exit 3"}, Milliseconds(10000));
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_FALSE(result->succeeded);
  EXPECT_EQ(result->ending, "exited with code 3");
  EXPECT_EQ(result->output, "out\nerr\n");
  EXPECT_FALSE(run_command("/nonexistent/program", {}, Milliseconds(10000)).ok());
  auto slow = run_command("sleep", {"60"}, Milliseconds(100));
  ASSERT_FALSE(slow.ok());
  EXPECT_HAS(slow.error().message, "did not finish");
}

TEST(Locate, NamesTheFoldersItLookedIn) {
  const auto none = find_worker("no-such-worker");
  ASSERT_FALSE(none.ok());
  EXPECT_HAS(none.error().message, "libexec/fetafix");
}

TEST(Locate, AMissingPackageNamesItsInstallCommand) {
  const auto none = find_python_package("no-such-package-of-ours");
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, ErrorKind::runtime_missing);
  EXPECT_HAS(none.error().message, "-m pip install no-such-package-of-ours");
}

// Python takes any folder of that name for a package without content.
TEST(Locate, AFolderWhereOneHappensToBeIsNoPackage) {
  const auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder.ok());
  std::filesystem::create_directory(folder->path() / "no_such_package_of_ours");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder->path());
  const auto found = find_python_package("no-such-package-of-ours");
  std::filesystem::current_path(before);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().kind, ErrorKind::runtime_missing);
}

}  // namespace
}  // namespace fetafix::channel
