#include "pipeline/capture.h"

#include <algorithm>

#include "pipeline/analysis.h"
#include "pipeline/native.h"
#include "pipeline/options.h"

namespace fetafix::pipeline {
namespace {

namespace fs = std::filesystem;
using graph::ValueId;

// Each failure to load halves the list until what can't be exposed stands alone.
constexpr int most_copies = 40;

class Instrument {
 public:
  // `inputs`: of each sample one tensor for each model input, in the session's order.
  Instrument(const Side& side, const Options& options, bool optimize, std::vector<std::vector<Tensor>> inputs)
      : side_(side), options_(options), optimize_(optimize), inputs_(std::move(inputs)) {}

  Result<Captured> capture(std::span<const ValueId> values) {
    FETAFIX_TRY(auto session, load_native(side_, side_.path, options_, optimize_));
    for (const auto& inputs : inputs_) {
      FETAFIX_TRY(auto outputs, session->run(inputs));
      FETAFIX_TRY(auto feeds, view_inputs(side_, side_.lifted.graph, inputs));
      outputs_.push_back(std::move(outputs));
      captured_.samples.push_back(std::move(feeds));
    }
    FETAFIX_CHECK(take(values));
    if (captured_.samples[0].size() <= side_.lifted.graph.inputs.size())
      return Error{ErrorKind::unsupported,
                   "no inner value of " + side_.path + " could be had from its runtime"};
    return std::move(captured_);
  }

 private:
  Status take(std::span<const ValueId> values) {
    if (values.empty() || copies_ >= most_copies) return {};
    ++copies_;
    Status status = take_at_once(values);
    if (status.ok() || status.error().kind == ErrorKind::interrupted || values.size() == 1)
      return status.ok() || status.error().kind != ErrorKind::interrupted ? Status() : status;
    FETAFIX_CHECK(take(values.first(values.size() / 2)));
    return take(values.subspan(values.size() / 2));
  }

  Status take_at_once(std::span<const ValueId> values) {
    FETAFIX_TRY(auto folder, TemporaryFolder::make());
    const fs::path path = folder.path() / fs::path(side_.path).filename();
    FETAFIX_TRY(const auto exposed, side_.model->expose(values, path));
    FETAFIX_TRY(auto session, load_native(side_, path, options_, optimize_));
    for (size_t s = 0; s < inputs_.size(); ++s) {
      FETAFIX_TRY(auto outputs, session->run(inputs_[s]));
      const size_t own = outputs_[s].size();
      if (outputs.size() != own + exposed.size())
        return Error{ErrorKind::runtime_failed, "the instrumented copy has " +
                                                    std::to_string(outputs.size()) + " outputs, expected " +
                                                    std::to_string(own + exposed.size())};
      for (size_t k = 0; k < exposed.size(); ++k)
        captured_.samples[s][exposed[k].value] = std::move(outputs[own + k]);
      outputs.resize(own);
      captured_.outputs_apart = std::max(captured_.outputs_apart, spread(outputs_[s], outputs));
      keep_outputs(s, std::move(outputs));
    }
    return {};
  }

  void keep_outputs(size_t sample, Outputs outputs) {
    outputs = in_order(side_, std::move(outputs));
    const auto& ids = side_.lifted.graph.outputs;
    for (size_t k = 0; k < std::min(ids.size(), outputs.size()); ++k)
      captured_.samples[sample][ids[k]] = std::move(outputs[k]);
  }

  const Side& side_;
  const Options& options_;
  bool optimize_;
  std::vector<std::vector<Tensor>> inputs_;
  std::vector<Outputs> outputs_;  // the file's own, in its own order
  Captured captured_;
  int copies_ = 0;
};

Configuration configuration(const Side& side, Options options, bool optimize, std::vector<size_t> samples,
                            std::string name, bool independent) {
  return {std::move(name), independent,
          [&side, options = std::move(options), optimize,
           samples = std::move(samples)](auto values) -> Result<Captured> {
            std::vector<std::vector<Tensor>> inputs;
            for (size_t i : samples) {
              FETAFIX_TRY(auto one, load_sample(side, i));
              inputs.push_back(std::move(one));
            }
            return Instrument(side, options, optimize, std::move(inputs)).capture(values);
          }};
}

// With the value of each option that is in use.
std::map<std::string, std::string> in_use(const runtimes::Runtime& runtime, const Options& options) {
  auto out = parse_runtime_options(options.runtime_options);
  std::map<std::string, std::string> named =
      out.ok() ? std::move(out).value() : std::map<std::string, std::string>();
  for (const auto& option : runtime.options())
    if (!option.values.empty()) named.try_emplace(std::string(option.name), option.values[0]);
  return named;
}

}  // namespace

Result<Captured> capture(const Side& side, const Options& options, std::vector<std::vector<Tensor>> inputs,
                         std::span<const ValueId> values) {
  return Instrument(side, options, true, std::move(inputs)).capture(values);
}

Configuration own_configuration(const Side& side, const Options& options,
                                const std::vector<size_t>& samples) {
  return configuration(side, options, true, samples, "as it runs", false);
}

std::vector<Configuration> other_configurations(const Side& side, const Options& options,
                                                const std::vector<size_t>& samples) {
  std::vector<Configuration> out;
  const auto found = runtimes::runtime_for(side.model->format());
  if (!found.ok()) return out;
  const runtimes::Runtime& runtime = **found;
  const auto used = in_use(runtime, options);
  for (const auto& option : runtime.options())
    for (std::string_view value : option.values) {
      if (used.at(std::string(option.name)) == value) continue;
      Options other = options;
      other.runtime_options.push_back(std::string(option.name) + "=" + std::string(value));
      out.push_back(configuration(side, other, true, samples, other.runtime_options.back(), true));
    }
  if (!out.empty()) return out;
  // A runtime with one set of kernels. Ours runs what the view is evaluated by: where that reads the file as
  // the user's does, it is the view that says something else.
  const runtimes::Locations ours = runtimes::own_locations();
  const auto own_version = runtime.version(ours);
  const bool other_copy = own_version.ok() && *own_version != side.runtime_version;
  out.push_back(configuration(side, options, false, samples, "without optimization", !other_copy));
  if (!other_copy) return out;
  Options with_ours = options;
  with_ours.python = ours.python.string();
  out.push_back(configuration(side, with_ours, false, samples,
                              std::string(runtime.name()) + " " + *own_version + " without optimization",
                              true));
  return out;
}

}  // namespace fetafix::pipeline
