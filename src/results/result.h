// What a run found, as plain data: what the pipeline fills in and what reports and result.json are made of.
// Errors are relative to the source: max |target - source| / max |source| unless a comment says otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fetafix::results {

// Of a pair (the first seven) and of a repair (the last three).
enum class Verdict {
  identical,     // outputs equal bit for bit on all samples, full coverage
  equivalent,    // within what rounding explains, full coverage
  quantized,     // what differs is rounding to fewer bits; no fault
  latent,        // labels agree, and a fault is there
  different,     // labels or outputs differ
  broken,        // the target does not load or run
  unknown,       // something could not be aligned or read, or it is not the same model
  repaired,      // the verdict set is within tolerance, no label differs
  improved,      // fewer label differences or faults, not none
  not_repaired,  // nothing that was tried helps
};

// "identical" ... "not-repaired".
std::string_view verdict_name(Verdict verdict);
std::optional<Verdict> verdict_from_name(std::string_view name);
std::span<const std::string_view> verdict_names();
// Whether a command with this verdict ends with exit code 1 where the user does not say which do.
bool fails_by_default(Verdict verdict);

// A number that speaks for a fault: {"error / tolerance", 812.0, "", "on 5 of 5 samples"}.
struct Evidence {
  std::string name;
  double number = 0;
  std::string unit;  // may be empty
  std::string text;  // may be empty
};

struct Fault {
  std::string fault_class;  // "hyperparameters", "parameters", "graph", ... (design section 6)
  std::string pattern;      // "conv-pads"; empty when no pattern recognizes it
  std::string source_node;  // native names; empty when the side has none
  std::string target_node;
  std::string explanation;  // what is wrong, in a sentence
  std::string advice;       // how to convert so that it does not happen; may be empty
  std::vector<Evidence> evidence;
  double confidence = 0;  // 0..1
  bool fixed = false;
  int64_t edits = 0;              // of the patch, for this fault
  std::string left_because = {};  // why it may not be, or was not, repaired; empty: nothing stood in the way
};

struct Differences {
  int64_t samples = 0;
  int64_t label_differences = 0;
  int64_t near_ties = 0;  // among the samples: the source's own margin is below twice the floor
  int64_t top5_differences = 0;
  double max_relative_error = 0;
  double max_absolute_error = 0;
};

// Target operators by what their segment was found to be; the five add up to `target_operators`.
struct Coverage {
  int64_t target_operators = 0;
  int64_t exact = 0;
  int64_t faulty = 0;
  int64_t rewrite = 0;
  int64_t opaque = 0;
  int64_t unaligned = 0;
};

struct Label {
  int64_t index = 0;
  std::string text;  // empty without a labels file
  double score = 0;  // as the model puts it out
};

// One compared input. The top-5 lists are best first, and empty when the model is no classifier.
struct Sample {
  std::string name;
  std::string original;  // the picture that it was derived from; its own name otherwise
  std::string set;       // "diagnose", "select" or "verdict"; empty when not split
  bool near_tie = false;
  std::vector<Label> source_top5;
  std::vector<Label> target_top5;
  std::vector<Label> repaired_top5;  // empty without a repair
  double max_absolute_error = 0;
  std::optional<double> max_absolute_error_after;
  std::string thumbnail;  // a small JPEG in base64, for reports; not in the JSON; may be empty
};

enum class SegmentState { exact, faulty, rewrite, opaque, unaligned };
std::string_view segment_state_name(SegmentState state);

// One operator of the target, in execution order: its local error, given the source's own values.
struct DepthPoint {
  int64_t operator_index = 0;
  std::string name;
  std::string type;
  double relative_error = 0;
  double ratio_to_tolerance = 0;
  SegmentState state = SegmentState::exact;
  std::optional<double> relative_error_after;  // after the repair
};

struct ModelInfo {
  std::string path;
  std::string format;
  std::string sha256;
  int64_t operators = 0;
  int64_t parameter_bytes = 0;
  std::string runtime;
  std::string runtime_version;
};

// How pictures become inputs, as specifications that --preprocess takes; empty where samples are no pictures.
struct Preprocess {
  std::string source;
  std::string target;
  // What should be in their place; empty: nothing.
  std::string source_proposed;
  std::string target_proposed;
};

struct Result {
  std::string version;  // of fetafix
  std::string command;  // "check", "localize", "repair"
  ModelInfo source;
  ModelInfo target;
  bool files_alone = false;  // nothing was run, and there are no samples
  int64_t samples = 0;
  int64_t held_back = 0;  // of them, in the verdict set
  Preprocess preprocess;
  Verdict verdict = Verdict::unknown;
  std::string reason;            // why this verdict, in one sentence
  std::vector<Verdict> fail_on;  // verdicts that end with exit code 1; empty: the default ones
  Differences before;
  std::optional<Differences> after;            // a repair: all samples
  std::optional<Differences> held_back_after;  // a repair: the verdict set
  Coverage coverage;
  std::vector<Fault> faults;         // the most certain first
  std::optional<std::string> patch;  // written files
  std::optional<std::string> output;
  std::vector<std::pair<std::string, double>> seconds;  // by stage, in order, "total" first
  std::vector<Sample> sample_list;
  std::vector<DepthPoint> depth;
  std::vector<std::string> notes;  // what was assumed, measured, left out
  std::vector<std::string> warnings;
};

// Whether the command ends with exit code 1.
bool fails(const Result& result);

}  // namespace fetafix::results
