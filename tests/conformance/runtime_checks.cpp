#include "tests/conformance/runtime_checks.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <set>

#include "tests/conformance/natives.h"
#include "tests/conformance/values.h"

namespace fetafix::conformance {
namespace {

namespace fs = std::filesystem;
using runtimes::LoadOptions;
using runtimes::Session;

// A refusal that has this kind and these words; anything else is an error.
template <class T>
Status expect_error(const Result<T>& result, ErrorKind kind, const std::string& words,
                    const std::string& what) {
  if (result.ok()) return wrong(what + ": no error");
  if (result.error().kind != kind || result.error().message.find(words) == std::string::npos)
    return wrong(what + ": error of kind " + std::to_string(static_cast<int>(result.error().kind)) + ", '" +
                 result.error().message + "'; expected '" + words + "'");
  return {};
}

Status expect_same(Session& session, const std::vector<Tensor>& inputs, const std::vector<Tensor>& expected,
                   const std::string& what) {
  FETAFIX_TRY(const auto outputs, session.run(inputs));
  return identical(expected, outputs) ? Status() : Status(wrong(what + " it computes something else"));
}

Status refuses_file(const RuntimeSubject& subject, const LoadOptions& options, const fs::path& bad,
                    const std::vector<Tensor>& inputs) {
  const auto loaded = load(subject, options, bad);
  if (loaded.ok() && subject.reads_at_load) return wrong("it loads a bad file");
  const auto run = loaded.ok() ? (*loaded)->run(inputs) : loaded.error();
  if (run.ok()) return wrong("it runs a bad file");
  return run.error().kind == ErrorKind::internal || run.error().message.empty() ? Status(run.error())
                                                                                : Status();
}

std::set<pid_t> children() {
  std::set<pid_t> out;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream stat(entry.path() / "stat");
    std::string pid, name, state;
    pid_t parent = 0;
    if (stat >> pid >> name >> state >> parent && parent == getpid()) out.insert(std::stoi(pid));
  }
  return out;
}

const runtimes::Runtime* registered(const RuntimeSubject& subject) {
  const auto found = runtimes::find_runtime(subject.name);
  return found.ok() ? *found : nullptr;
}

Shape concrete(const Shape& shape) {
  Shape out = shape;
  for (int64_t& d : out) d = d < 0 ? 1 : d;
  return out;
}

}  // namespace

Result<std::unique_ptr<Session>> load(const RuntimeSubject& subject, const LoadOptions& options,
                                      const fs::path& model) {
  if (subject.load) return subject.load(model, options);
  FETAFIX_TRY(const runtimes::Runtime* runtime, runtimes::find_runtime(subject.name));
  return runtime->load(model, options);
}

Result<std::unique_ptr<Session>> load(const RuntimeSubject& subject, const LoadOptions& options) {
  return load(subject, options, testdata(subject.model));
}

Result<std::vector<Tensor>> inputs_of(const Session& session, unsigned seed) {
  graph::Graph described;
  for (const runtimes::TensorSpec& spec : session.inputs()) {
    graph::Value value;
    value.name = spec.name;
    value.dtype = spec.dtype;
    value.shape = spec.shape;
    described.inputs.push_back(described.add_value(std::move(value)));
  }
  return noise_for(described, seed);
}

Status describes_and_repeats(Session& session) {
  for (const auto* specs : {&session.inputs(), &session.outputs()}) {
    if (specs->empty()) return wrong("no inputs or no outputs");
    for (const auto& spec : *specs)
      if (spec.name.empty() || spec.dtype == DType::unknown || !spec.shape)
        return wrong("'" + spec.name + "' has no name, type or shape");
  }
  FETAFIX_TRY(const auto inputs, inputs_of(session));
  FETAFIX_TRY(const auto first, session.run(inputs));
  FETAFIX_CHECK(expect_same(session, inputs, first, "run again"));
  FETAFIX_TRY(const auto others, inputs_of(session, 2));
  FETAFIX_TRY(const auto second, session.run(others));
  if (identical(first, second)) return wrong("other inputs give the same outputs");
  FETAFIX_CHECK(expect_same(session, inputs, first, "run after other inputs"));
  if (first.size() != session.outputs().size())
    return wrong("it gives another number of outputs than it says");
  for (size_t i = 0; i < first.size(); ++i) {
    const auto& spec = session.outputs()[i];
    if (first[i].dtype() != spec.dtype || first[i].shape() != concrete(*spec.shape))
      return wrong("output '" + spec.name + "' is " + to_text(first[i]));
  }
  return {};
}

Status refuses_wrong_inputs(Session& session) {
  FETAFIX_TRY(const auto inputs, inputs_of(session));
  FETAFIX_TRY(const auto before, session.run(inputs));
  std::vector<Tensor> fewer = inputs, typed = inputs, ranked = inputs;
  fewer.pop_back();
  FETAFIX_CHECK(expect_error(session.run(fewer), ErrorKind::usage, "inputs", "an input too few"));
  FETAFIX_TRY(typed[0], Tensor::zeros(DType::uint16, inputs[0].shape()));
  FETAFIX_CHECK(expect_error(session.run(typed), ErrorKind::runtime_failed, "", "another type"));
  Shape shape = inputs[0].shape();
  shape.pop_back();
  FETAFIX_TRY(ranked[0], Tensor::zeros(inputs[0].dtype(), shape));
  FETAFIX_CHECK(expect_error(session.run(ranked), ErrorKind::runtime_failed, "", "another rank"));
  return expect_same(session, inputs, before, "after refusals");
}

Status refuses_bad_files(const RuntimeSubject& subject, const LoadOptions& options) {
  FETAFIX_TRY(auto session, load(subject, options));
  FETAFIX_TRY(const auto inputs, inputs_of(*session));
  FETAFIX_TRY(const auto before, session->run(inputs));
  session.reset();
  auto folder = TemporaryFolder::make();
  if (!folder.ok()) return folder.error();
  FETAFIX_TRY(const Bytes whole, read_file(testdata(subject.model)));
  for (const size_t size : {size_t{0}, size_t{100}, whole.size() / 2}) {
    const fs::path cut = folder->path() / "cut";
    FETAFIX_CHECK(write_file(cut, BytesView(whole).first(size)));
    if (auto refused = refuses_file(subject, options, cut, inputs); !refused.ok())
      return in_context("cut to " + std::to_string(size) + " bytes", std::move(refused).error());
  }
  FETAFIX_CHECK(refuses_file(subject, options, folder->path() / "nothing", inputs));
  FETAFIX_TRY(session, load(subject, options));
  return expect_same(*session, inputs, before, "after bad files");
}

Status comes_back(const RuntimeSubject& subject) {
  const auto others = children();
  FETAFIX_TRY(const auto session, load(subject, own_options()));
  FETAFIX_TRY(const auto inputs, inputs_of(*session));
  FETAFIX_TRY(const auto before, session->run(inputs));
  std::vector<pid_t> own;
  std::ranges::set_difference(children(), others, std::back_inserter(own));
  if (own.size() != 1) return wrong("it runs in " + std::to_string(own.size()) + " processes");
  kill(own[0], SIGKILL);
  FETAFIX_CHECK(
      expect_error(session->run(inputs), ErrorKind::runtime_failed, "was ended by signal 9", "killed"));
  return expect_same(*session, inputs, before, "after its death");
}

Status keeps_the_time_limit(const RuntimeSubject& subject) {
  LoadOptions options = own_options();
  options.timeout = std::chrono::milliseconds(0);
  return expect_error(load(subject, options), ErrorKind::runtime_failed, "did not answer within", "no time");
}

Status keeps_the_memory_limit(const RuntimeSubject& subject) {
  LoadOptions options = own_options();
  options.memory_limit_mb = 1;
  if (subject.fits_in_one_mb)
    return load(subject, options).ok() ? Status() : Status(wrong("1 MB is not enough"));
  return expect_error(load(subject, options), ErrorKind::runtime_failed, "", "1 MB");
}

Status is_interrupted(const RuntimeSubject& subject) {
  const std::atomic<bool> interrupted = true;
  LoadOptions options = own_options();
  options.interrupted = &interrupted;
  return expect_error(load(subject, options), ErrorKind::interrupted, "", "interrupted");
}

Status says_what_is_missing(const RuntimeSubject& subject) {
  LoadOptions options;
  options.locations = subject.missing;
  return expect_error(load(subject, options), ErrorKind::runtime_missing, subject.install, "not there");
}

Status knows_its_options(const RuntimeSubject& subject) {
  const runtimes::Runtime* runtime = registered(subject);
  if (!runtime) return wrong("the registry has no runtime of that name");
  FETAFIX_TRY(const std::string version, runtime->version(runtimes::own_locations()));
  if (version.empty() || !std::isdigit(static_cast<unsigned char>(version[0])))
    return wrong("version '" + version + "'");
  for (const runtimes::RuntimeOption& option : runtime->options()) {
    const std::string name(option.name);
    for (const auto& value : option.values) FETAFIX_CHECK(runtimes::check_option(name, std::string(value)));
    LoadOptions options = own_options();
    options.options[name] = "no such value";
    FETAFIX_CHECK(expect_error(load(subject, options), ErrorKind::usage, "no such value", name));
    FETAFIX_CHECK(
        expect_error(runtimes::check_option(name, "no such value"), ErrorKind::usage, "expected", name));
    options.options = {{name.substr(0, name.find('.')) + ".color", "red"}};
    FETAFIX_CHECK(
        expect_error(load(subject, options), ErrorKind::usage, name, "an option with another name"));
  }
  return {};
}

Status runs_with_every_option(const RuntimeSubject& subject, double limit) {
  LoadOptions usual = own_options();
  usual.idle = runtimes::idle_workers();
  FETAFIX_TRY(auto session, load(subject, usual));
  FETAFIX_TRY(const auto inputs, inputs_of(*session));
  FETAFIX_TRY(const auto expected, session->run(inputs));
  session.reset();
  std::vector<LoadOptions> ways(2, usual);
  ways[0].threads = 2;
  ways[1].optimize = false;
  const runtimes::Runtime* runtime = registered(subject);
  for (const auto& option : runtime ? runtime->options() : std::vector<runtimes::RuntimeOption>())
    for (const auto& value : option.values) {
      ways.push_back(usual);
      ways.back().options[std::string(option.name)] = value;
    }
  for (const LoadOptions& way : ways) {
    std::string what = way.optimize ? std::to_string(way.threads) + " threads" : "not optimized";
    for (const auto& [name, value] : way.options) what += " " + name + "=" + value;
    const auto other = load(subject, way);
    if (!other.ok() && other.error().kind == ErrorKind::runtime_failed) continue;  // it says why not
    if (!other.ok()) return in_context(what, other.error());
    FETAFIX_TRY(const auto outputs, (*other)->run(inputs));
    if (const double apart = spread(expected, outputs); apart > limit)
      return wrong(what + ": outputs differ by " + std::to_string(apart));
  }
  return {};
}

}  // namespace fetafix::conformance
