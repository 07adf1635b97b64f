// Both models of a pair, opened: their files, views, runtimes and the samples as each of them wants them.
#pragma once

#include <memory>

#include "base/files.h"
#include "data/labels.h"
#include "data/samples.h"
#include "fetafix/fetafix.h"
#include "formats/format.h"
#include "pipeline/budget.h"
#include "pipeline/mapping.h"
#include "results/result.h"
#include "runtimes/runtime.h"

namespace fetafix::pipeline {

struct Side {
  std::string path;
  std::string given;  // where the user gave weights and code, of which `path` was exported: the weights
  std::shared_ptr<TemporaryFolder> exported;
  std::unique_ptr<formats::NativeModel> model;
  formats::Lifted lifted;
  std::unique_ptr<runtimes::Session> session;  // null: it does not load, see `broken`
  std::string runtime_name, runtime_version;
  std::shared_ptr<runtimes::IdleWorkers> idle = runtimes::idle_workers();
  std::string broken;                    // why it does not load
  bool unreadable = false;               // ... and that it may be well formed all the same
  std::vector<formats::Defect> defects;  // of a broken file, those that `sound` mends, group by group
  graph::Patch sound;                    // ... so that it has a view
  std::string recorded;                  // a file with its outputs, in place of a session
  std::string command;                   // the session's, where it is no runtime of ours
  std::unique_ptr<data::Loader> loader;  // gives inputs in the order of the source's
  // Where the file has what stands at each position of the source's inputs and outputs; empty: at the same.
  std::vector<size_t> input_order, output_order;
};

struct Pair {
  Mapping mapping;
  Budget budget;
  Side source;
  Side target;
  std::shared_ptr<const data::SampleSource> samples;
  data::Labels labels;
  std::vector<std::string> notes;
  std::vector<std::string> warnings;
};

Result<Pair> open_pair(const Options& options);

// A target that turns out to load and not to run: looked into like one that does not load.
Status reopen_broken(Pair& pair, const Options& options);

// Loads a model file in its own runtime.
Result<std::unique_ptr<runtimes::Session>> load_native(const Side& side, const std::filesystem::path& path,
                                                       const Options& options, bool optimize = true);

// Another form of the side's file, in a folder that lives as long as this, and its runtime, or why it does
// not load.
struct Tried {
  TemporaryFolder folder;
  Result<std::unique_ptr<runtimes::Session>> session;
};
Result<Tried> write_and_load(const Side& side, const formats::NativeModel& model, const Options& options);

// From now on inputs of the side are made by this specification.
Status feed(Side& side, const Pair& pair, const data::PreprocessSpec& spec);

// Inputs made of a sample's: disturbed in their last places; pictures mirrored, or their rows and columns in
// another order (what is no picture stays as it is); real numbers three times as large; two samples at once,
// the second one mirrored.
enum class Derivation { none, disturbed, mirrored, scattered, amplified, doubled };
std::vector<Tensor> derived(const std::vector<Tensor>& tensors, Derivation how);

// A sample, or what is made of it.
struct SampleId {
  SampleId(size_t sample, Derivation derivation = Derivation::none) : index(sample), how(derivation) {}
  size_t index;
  Derivation how;
};

// One tensor for each model input, in the session's order.
Result<std::vector<Tensor>> load_sample(const Side& side, SampleId sample);

// Outputs of the file in the order of the source's.
std::vector<Tensor> in_order(const Side& side, std::vector<Tensor> outputs);
// The view of the side's file, or of a repaired one, with its outputs in that order.
Result<formats::Lifted> lift_in_order(const Side& side, const formats::NativeModel& model);

}  // namespace fetafix::pipeline
