// The public C++ API: what the command line does, as functions. No third-party types, nothing is printed
// and nothing is thrown: an Answer carries the exit code and the texts.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fetafix {

struct Options {
  std::string source;  // model files
  std::string target;
  std::string data;               // a folder of images, an image, a .npz or .npy; empty: seeded noise
  std::string preprocess;         // for both sides; see docs/preprocessing.md
  std::string source_preprocess;  // in its place, for one side
  std::string target_preprocess;
  std::string labels;          // a labels file
  std::string output;          // repair: the repaired model
  std::string patch;           // repair: the patch; empty: beside the output
  std::string run_dir;         // result.json, report.html, patch.json; empty: none
  std::string python;          // the interpreter whose frameworks are used
  std::string tflite_kernels;  // xnnpack, builtin or reference
  size_t limit = 0;            // at most so many samples; 0: all
  double held_back = 0.2;
  uint64_t seed = 1;
  int threads = 2;
  bool dry_run = false;  // repair: write nothing
  bool force = false;    // repair even what looks like another model
  const std::atomic<bool>* interrupted = nullptr;
  std::function<void(const std::string& stage, size_t done, size_t total)> progress;
};

// Exit codes: 0 the same or repaired, 1 any other verdict, 2 usage, 3 a file, 4 a runtime is missing,
// 5 our own fault, 130 interrupted.
struct Answer {
  int exit_code = 5;
  std::string error;    // set: nothing else is
  std::string verdict;  // "equivalent", "latent", "repaired", ...
  std::string text;     // a summary of at most 80 columns
  std::string json;
  std::string html;
  std::string junit;
};

enum class Command {
  check,     // are they the same?
  localize,  // which parts are wrong, and why?
  repair,    // ... and write a repaired target
};
Answer run(Command command, const Options& options);

// Replays a patch file on a model.
struct ApplyOptions {
  std::string patch;
  std::string model;
  std::string output;
  std::string save_patch;  // write the patch as it fits this model, with its way back; empty: no
  bool rebase = false;     // on another file than the patch's own: find its operators there
  bool reverse = false;    // the model is what the patch gave: give back what it was made of
};
Answer apply_patch(const ApplyOptions& options);
// What is in a model and how much of it lifts.
Answer inspect(const std::string& model);
// What = formats, runtimes, faults or metrics.
Answer list(const std::string& what);
// What is installed, what is missing and how to get it.
Answer doctor(const std::string& python);

std::string version();

}  // namespace fetafix
