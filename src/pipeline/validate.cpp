// Where a file's own outputs are not those of its view: which operator is it, and who is wrong?
#include <algorithm>
#include <cmath>

#include "pipeline/validate.h"
#include "results/sentences.h"

namespace fetafix::pipeline {
namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string place_of(const Side& side, const Finding& finding) {
  return names_of(side.lifted.graph, finding.place)[0];
}

// "3 steps", "2.5e-03, where rounding explains 1.0e-06".
std::string size_of(const Deviation& deviation) {
  if (deviation.in_steps) return results::number_text(deviation.error) + " steps";
  std::string out = results::number_text(deviation.error);
  out += ", where rounding explains ";
  return out + results::number_text(deviation.allowed);
}

std::string second_opinion_text(const Finding& finding) {
  if (!finding.from_view) return "the float64 evaluation does not know this operator";
  const bool view = !finding.from_view->disagrees(), runtime = !finding.from_runtime->disagrees();
  if (view && !runtime) return "the float64 evaluation computes what the view says";
  if (runtime && !view) return "the float64 evaluation computes what the runtime says";
  return view ? "the float64 evaluation lies between the two" : "the float64 evaluation computes neither";
}

std::string advice_for(const Finding& finding) {
  std::string out = "no edit of the file mends this; ";
  if (!finding.with_view.empty())
    out += "run it with what computes it rightly (" + listed(finding.with_view) + "), or with ";
  else
    out += "run it with ";
  return out + "another version of the runtime, and report it to the runtime's makers";
}

results::Fault runtime_fault(const Side& side, bool is_source, const Finding& finding) {
  results::Fault out;
  out.fault_class = "runtime";
  out.pattern = "runtime-fault";
  (is_source ? out.source_node : out.target_node) = place_of(side, finding);
  out.explanation = "the file is right, and " + side.runtime_name +
                    " computes this operator otherwise than it says: "
                    "on the same operands its result is off by " +
                    size_of(finding.deviation);
  out.advice = advice_for(finding);
  out.confidence = finding.with_view.empty() ? 0.8 : 0.95;
  out.left_because = "the runtime computes it otherwise; no edit of the file mends that";
  out.evidence.push_back({"largest error / tolerance", finding.deviation.ratio, "",
                          "of the runtime's result, on the runtime's own operands"});
  out.evidence.push_back(
      {"share of the elements", finding.deviation.fraction_above, "", "above the tolerance"});
  if (finding.from_runtime)
    out.evidence.push_back(
        {"float64 against the runtime", finding.from_runtime->ratio, "", second_opinion_text(finding)});
  for (const std::string& name : finding.with_view)
    out.evidence.push_back({name, 0, "", "computes what the file says"});
  for (const std::string& name : finding.with_runtime)
    out.evidence.push_back({name, 1, "", "computes it otherwise too"});
  return out;
}

std::string reading_text(const Side& side, const Finding& finding) {
  std::string out =
      finding.blame == Blame::reading
          ? "fetafix reads this operator otherwise than its runtime: "
          : "fetafix and the runtime compute this operator differently, and nothing tells who is right: ";
  out += place_of(side, finding) + " (off by " + size_of(finding.deviation);
  out += "; " + second_opinion_text(finding);
  if (!finding.with_runtime.empty()) out += "; " + listed(finding.with_runtime) + " too";
  return out + ")";
}

Status validate_side(Run& run, const Side& side, const std::string& name, double noise, Disputed& out) {
  if (!side.session || !side.command.empty()) return {};  // the runtime at hand is another one
  const std::vector<size_t> samples{run.walked.front()};
  const auto others = other_configurations(side, run.options, samples);
  auto validation =
      validate_lift(*run.evaluator, side.lifted.graph, own_configuration(side, run.options, samples), others);
  if (!validation.ok()) {
    if (validation.error().kind == ErrorKind::interrupted) return std::move(validation).error();
    run.result.notes.push_back(
        "the " + name + "'s operators could not be compared with its runtime: " + validation.error().message);
    return {};
  }
  // A copy that computes otherwise than the file says nothing of the file.
  if (validation->outputs_apart > std::max(8 * noise, 1e-5)) {
    run.result.notes.push_back(
        "the " + name + " with its inner values as outputs answers otherwise than by itself (" +
        results::number_text(validation->outputs_apart) +
        " relative): what its runtime does when it may optimize can't be seen operator by operator");
    return {};
  }
  run.result.notes.push_back(name + ": " +
                             results::count(static_cast<int64_t>(validation->checked), "value") +
                             " compared with the runtime's own, operator by operator: " +
                             std::to_string(validation->findings.size()) + " differ");
  for (Finding& finding : validation->findings)
    (finding.blame == Blame::runtime ? out.runtime : out.reading).push_back(std::move(finding));
  return {};
}

}  // namespace

Status validate(Run& run, const Floor& floor) {
  const double noise = std::max(floor.runs(), 1e-6);
  if (floor.source_viewed > 8 * noise)
    FETAFIX_CHECK(validate_side(run, run.pair.source, "source", noise, run.source_disputed));
  if (floor.target_viewed > 8 * noise)
    FETAFIX_CHECK(validate_side(run, run.pair.target, "target", noise, run.target_disputed));
  return {};
}

std::vector<results::Fault> runtime_faults(const Run& run) {
  std::vector<results::Fault> out;
  for (const Finding& finding : run.source_disputed.runtime)
    out.push_back(runtime_fault(run.pair.source, true, finding));
  for (const Finding& finding : run.target_disputed.runtime)
    out.push_back(runtime_fault(run.pair.target, false, finding));
  return out;
}

std::string what_is_misread(const Run& run) {
  for (const Disputed* side : {&run.target_disputed, &run.source_disputed})
    if (!side->reading.empty())
      return reading_text(side == &run.source_disputed ? run.pair.source : run.pair.target, side->reading[0]);
  return "";
}

}  // namespace fetafix::pipeline
