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
  std::string preprocess;         // for both sides; see docs/command-line.md
  std::string source_preprocess;  // in its place, for one side
  std::string target_preprocess;
  std::string
      source_module;  // "package.module:function" that builds the architecture whose weights the source is
  std::string target_module;     // check and localize: ... the target
  bool run_python = false;       // ... and that this code may run
  bool as_fed = false;           // that is right, and nothing else is tried
  std::vector<std::string> map;  // "source=target": inputs, outputs or values that belong together
  std::string labels;            // a labels file
  std::string source_outputs;    // check and localize: a .npz with what the source answers, it is not run
  std::string target_outputs;    // ... the target
  std::string target_command;    // check and localize: a command that runs the target; docs/target-command.md
  bool run_nothing = false;      // localize: compare the files alone; no samples, no runtime
  size_t limit = 0;              // at most so many samples; 0: all
  double held_back = 0.2;
  uint64_t seed = 1;

  std::string python;                        // the interpreter whose frameworks are used
  std::vector<std::string> runtime_options;  // "tflite.kernels=builtin"
  int threads = 2;
  size_t memory = 0;  // MB that fetafix itself may hold, its workers aside; 0: no limit

  std::string run_dir;               // result.json, report.html; empty: none
  bool images = true;                // pictures of samples in report.html
  std::vector<std::string> fail_on;  // verdicts that give exit code 1; empty: all but the good ones

  // For repair alone.
  std::string output;               // the repaired model
  std::string patch;                // the patch; empty: beside the output
  std::vector<std::string> allow;   // classes of faults, or operators by name; empty: all
  std::vector<std::string> forbid;  // ... that stay as they are
  size_t max_edits = 0;             // at most so many faults mended; 0: all
  bool build_in = false;            // a wrong preprocessing of the target is put right inside it
  double time_limit = 0;            // seconds after which nothing more is tried; 0: none
  bool dry_run = false;             // write nothing
  bool force = false;               // repair even what looks like another model

  const std::atomic<bool>* interrupted = nullptr;
  std::function<void(const std::string& stage, size_t done, size_t total)> progress;
};

// Exit codes: 0 the same or repaired (or what `fail_on` lets pass), 1 any other verdict, 2 usage, 3 a file,
// 4 a runtime is missing, 5 our own fault, 130 interrupted.
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
