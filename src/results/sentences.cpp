#include "results/sentences.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace fetafix::results {
namespace {

constexpr const char* runtime_advice =
    "The file is right and its runtime computes it otherwise: try another kernel set (--runtime-option) or "
    "version, and report it to the runtime's makers.";

int64_t fixed_faults(const Result& r) {
  return std::count_if(r.faults.begin(), r.faults.end(), [](const Fault& f) { return f.fixed; });
}

bool any_unfixed(const Result& r, const std::string& fault_class) {
  return std::any_of(r.faults.begin(), r.faults.end(),
                     [&](const Fault& f) { return !f.fixed && f.fault_class == fault_class; });
}

// Nothing is left that an edit of the file could mend.
bool only_runtime_left(const Result& r) {
  return any_unfixed(r, "runtime") && std::all_of(r.faults.begin(), r.faults.end(), [](const Fault& f) {
           return f.fixed || f.fault_class == "runtime";
         });
}

// The option that feeds a model as it should be.
std::string proposed_options(const Result& r) {
  std::string out;
  if (!r.preprocess.source_proposed.empty()) out += "--source-preprocess " + r.preprocess.source_proposed;
  if (!r.preprocess.target_proposed.empty())
    out += (out.empty() ? "" : " ") + ("--target-preprocess " + r.preprocess.target_proposed);
  return out;
}

// The models are the same, and the samples reach them otherwise than they should.
bool only_preprocessing(const Result& r) {
  const bool all = std::all_of(r.faults.begin(), r.faults.end(),
                               [](const Fault& f) { return f.fault_class == "preprocessing"; });
  return !r.faults.empty() && all && !proposed_options(r).empty();
}

// "212 of 250 labels differ", or how far the outputs are apart when no label does.
std::string difference_text(const Differences& d) {
  if (d.label_differences > 0)
    return std::to_string(d.label_differences) + " of " + count(d.samples, "label") +
           (d.label_differences == 1 ? " differs" : " differ");
  return "labels agree, outputs differ by " + number_text(d.max_relative_error) + " relative";
}

std::string because(const Result& r, const std::string& otherwise) {
  return r.reason.empty() ? otherwise : r.reason;
}

// Ends with exactly one full stop, whatever the reason ended with.
std::string stopped(std::string text) {
  while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
  return text + ".";
}

std::string faults_found(const Result& r) {
  if (r.command == "check" && r.faults.empty()) return "";
  if (r.faults.empty()) return ", and no fault was found that explains it";
  return ", with " + count(static_cast<int64_t>(r.faults.size()), "fault") + " found";
}

// "212 of 250 labels differed before, 0 after"; outputs where no label did.
std::string before_and_after(const Result& r) {
  const Differences after = r.after.value_or(Differences{});
  if (r.before.samples == 0)
    return "the target did not run before; now outputs differ by " + number_text(after.max_relative_error) +
           " relative and " + std::to_string(after.label_differences) + " of " +
           count(after.samples, "label");
  if (r.before.label_differences == 0 && after.label_differences == 0)
    return "outputs differed by " + number_text(r.before.max_relative_error) + " relative before, by " +
           number_text(after.max_relative_error) + " after";
  return std::to_string(r.before.label_differences) + " of " + count(r.before.samples, "label") +
         " differed before, " + std::to_string(after.label_differences) + " after";
}

std::string repaired_sentence(const Result& r) {
  if (only_preprocessing(r))
    return "Repaired: the file is right, and its input was not; fed as proposed, " + before_and_after(r) +
           ".";
  if (r.faults.empty()) return "Nothing to repair: the models are the same already.";
  std::string out = "Repaired: " + count(fixed_faults(r), "fault") + " mended; " + before_and_after(r);
  if (r.held_back_after)
    out += "; verified on " + count(r.held_back_after->samples, "sample") + " that the search never saw";
  return out + ".";
}

std::string improved_sentence(const Result& r) {
  return "Improved, not repaired: " + std::to_string(fixed_faults(r)) + " of " +
         count(static_cast<int64_t>(r.faults.size()), "fault") + " mended; " + before_and_after(r) + ".";
}

// A repair that found the pair the same still writes a copy, so that scripts have one path.
std::string copied(const Result& r) {
  return r.output ? " " + *r.output + " is a copy of the target; the patch is empty." : "";
}

std::string what_now_different(const Result& r) {
  if (any_unfixed(r, "preprocessing"))
    return "Make the inputs as they should be, then run again: " + proposed_options(r);
  if (only_runtime_left(r)) return runtime_advice;
  if (r.command == "check")
    return "Run 'fetafix localize' to see which parts are wrong, or 'fetafix repair'.";
  if (r.faults.empty()) return "Convert again, and give more varied samples; what was tried is in the notes.";
  return "Run 'fetafix repair' to mend the target, or convert again as advised with each fault.";
}

std::string what_now_repair(const Result& r) {
  const std::string output = r.output.value_or("the written file");
  const std::string read = r.patch ? " Read the patch (" + *r.patch + ") before you ship it." : "";
  if (r.verdict == Verdict::repaired && r.faults.empty())
    return "Nothing to do: the target computes what the source computes." + copied(r);
  if (r.verdict == Verdict::repaired && only_preprocessing(r))
    return "Make the inputs as they should be: " + proposed_options(r) + "." + copied(r);
  if (r.verdict == Verdict::repaired) return "Use " + output + " in place of the target." + read;
  if (r.verdict == Verdict::improved)
    return output +
           " is better than the target and not yet the source: see the faults that are left, and convert "
           "again as advised with them." +
           read;
  if (only_runtime_left(r)) return runtime_advice;
  return "Convert again as advised with each fault; the target was left as it is.";
}

}  // namespace

std::string count(int64_t number, const std::string& singular, const std::string& plural) {
  return std::to_string(number) + " " + (number == 1 ? singular : plural.empty() ? singular + "s" : plural);
}

std::string number_text(double number) {
  if (std::isnan(number)) return "not a number";
  if (std::isinf(number)) return number > 0 ? "infinite" : "-infinite";
  char text[32];
  const bool whole = std::abs(number) >= 1000 && std::abs(number) < 1e7;  // 81234, not 8.12e+04
  std::snprintf(text, sizeof text, whole ? "%.0f" : "%.3g", number);
  return text;
}

std::string sentence_on_files(const Result& r) {
  if (r.verdict == Verdict::equivalent)
    return stopped("Equivalent as far as the files say, nothing was run: " + because(r, "all is the same"));
  return stopped("Different: nothing was run" + faults_found(r) + ": " + because(r, "the files differ"));
}

std::string verdict_sentence(const Result& r) {
  if (r.files_alone && (r.verdict == Verdict::equivalent || r.verdict == Verdict::different))
    return sentence_on_files(r);
  const std::string samples = count(r.samples, "sample");
  switch (r.verdict) {
    case Verdict::identical:
      return "Identical: all outputs are equal bit for bit on " + samples + ".";
    case Verdict::equivalent:
      return "Equivalent: on " + samples + " the outputs differ by no more than rounding explains (" +
             number_text(r.before.max_relative_error) + " relative).";
    case Verdict::quantized:
      return "Quantized: what differs is rounding to fewer bits; " +
             std::to_string(r.before.label_differences) + " of " + count(r.before.samples, "label") +
             " changed.";
    case Verdict::latent:
      if (only_preprocessing(r))
        return stopped("Fed differently: " + difference_text(r.before) + "; " + r.reason);
      return "Latent fault: the labels agree on " + samples +
             ", and the target still computes something else" + faults_found(r) + ".";
    case Verdict::different:
      if (only_preprocessing(r))
        return stopped("Fed differently: " + difference_text(r.before) + "; " + r.reason);
      return "Different: " + difference_text(r.before) + faults_found(r) + ".";
    case Verdict::broken:
      return stopped("Broken: " + because(r, "the target does not load or run"));
    case Verdict::unknown:
      return stopped("Unknown: " + because(r, "the two models could not be compared whole"));
    case Verdict::repaired:
      return repaired_sentence(r);
    case Verdict::improved:
      return improved_sentence(r);
    case Verdict::not_repaired:
      return stopped("Not repaired: " +
                     because(r, "nothing that was tried brings the target nearer to the source"));
  }
  return "";
}

std::string what_now(const Result& r) {
  switch (r.verdict) {
    case Verdict::identical:
    case Verdict::equivalent:
      return "Nothing to do: the target computes what the source computes." + copied(r);
    case Verdict::quantized:
      return "Nothing to mend. If the loss is too much, quantize again with more calibration data, per "
             "channel, "
             "or leave the named tensors in float." +
             copied(r);
    case Verdict::latent:
    case Verdict::different:
      return what_now_different(r);
    case Verdict::broken:
      return r.command == "repair" ? "Convert again as advised with each fault."
                                   : "Run 'fetafix repair', which mends what it knows, or convert again.";
    case Verdict::unknown:
      if (r.files_alone) return "Run it with --data: what the files can't tell is told by values.";
      return "See the reason and the coverage. If it is the same model, name the pairs with --map, or go on "
             "with "
             "--force.";
    default:
      return what_now_repair(r);
  }
}

}  // namespace fetafix::results
