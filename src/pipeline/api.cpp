// The public functions: one stage run or one small job each, with the exit code and the texts.
#include <filesystem>
#include <map>

#include "base/json.h"
#include "data/preprocess_parts.h"
#include "faults/pattern.h"
#include "fetafix/fetafix.h"
#include "formats/format.h"
#include "pipeline/apply.h"
#include "pipeline/best_so_far.h"
#include "pipeline/run.h"
#include "report/report.h"
#include "results/result_json.h"
#include "runtimes/runtime.h"

namespace fetafix {
namespace {

namespace fs = std::filesystem;

int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return 2;
    case ErrorKind::file:
    case ErrorKind::unsupported:
      return 3;
    case ErrorKind::runtime_missing:
      return 4;
    case ErrorKind::interrupted:
      return 130;
    case ErrorKind::runtime_failed:
    case ErrorKind::internal:
      return 5;
  }
  return 5;
}

Answer failed(const Error& error) {
  Answer out;
  out.exit_code = exit_code_of(error.kind);
  out.error = error.message;
  return out;
}

Answer said(std::string text) {
  Answer out;
  out.exit_code = 0;
  out.text = std::move(text);
  return out;
}

// Of a repair that was interrupted.
std::string what_is_left(Command command, const Options& options) {
  const fs::path folder = pipeline::BestSoFar::folder(options);
  if (command != Command::repair || folder.empty() || !fs::exists(folder)) return "";
  return "; the best found until then, not verified, is in " + folder.string();
}

Status write_run_dir(const Answer& answer, const std::string& folder) {
  if (folder.empty()) return {};
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return Error{ErrorKind::file, folder + ": can't create the run directory: " + error.message()};
  FETAFIX_CHECK(write_file(fs::path(folder) / "result.json", answer.json + "\n"));
  return write_file(fs::path(folder) / "report.html", answer.html);
}

}  // namespace

std::string version() {
  return FETAFIX_VERSION;
}

Answer run(Command command, const Options& options) {
  auto result = pipeline::run_stages(command, options);
  if (!result.ok()) {
    // A stage that was cut short may report some other failure first.
    const bool interrupted = options.interrupted && *options.interrupted;
    return failed(interrupted ? Error{ErrorKind::interrupted, "interrupted" + what_is_left(command, options)}
                              : result.error());
  }
  Answer out;
  out.exit_code = results::fails(*result) ? 1 : 0;
  out.verdict = results::verdict_name(result->verdict);
  out.text = report::text(*result);
  out.json = dump_json(results::to_json(*result), 1);
  out.html = report::html(*result);
  out.junit = report::junit(*result);
  if (auto status = write_run_dir(out, options.run_dir); !status.ok()) return failed(status.error());
  return out;
}

Answer apply_patch(const ApplyOptions& options) {
  if (auto status = pipeline::apply(options); !status.ok()) return failed(status.error());
  return said("wrote " + options.output + "\n");
}

Answer inspect(const std::string& path) {
  auto model = formats::read_model(path);
  if (!model.ok()) return failed(model.error());
  auto lifted = (*model)->lift();
  if (!lifted.ok()) return failed(in_context(path, lifted.error()));
  const graph::Graph& graph = lifted->graph;
  std::map<graph::NativeOperator, std::string> operators;
  std::map<graph::NativeOperator, bool> opaque;
  for (const auto& node : graph.nodes) {
    if (node.role == graph::Role::core || !operators.contains(node.native))
      operators[node.native] = node.type;
    opaque[node.native] = opaque[node.native] || node.opaque;
  }
  std::map<std::string, std::pair<int, int>> types;  // count, opaque
  for (const auto& [op, type] : operators) ++types[type].first, types[type].second += opaque[op];
  size_t parameters = 0;
  for (const auto& value : graph.values) parameters += value.constant.byte_size();
  std::string text = path + ": " + std::string((*model)->format()) + ", " + std::to_string(operators.size()) +
                     " operators, " + std::to_string(parameters / 1024) + " KiB of constants\n";
  for (graph::ValueId id : graph.inputs)
    text += "  input  " + graph.value(id).native_name + " " + std::string(dtype_name(graph.value(id).dtype)) +
            (graph.value(id).shape ? to_string(*graph.value(id).shape) : "") + "\n";
  for (graph::ValueId id : graph.outputs) text += "  output " + graph.value(id).native_name + "\n";
  int unread = 0;
  for (const auto& [type, count] : types) {
    text += "  " + std::to_string(count.first) + " x " + type +
            (count.second ? "  (opaque: " + std::to_string(count.second) + ")" : "") + "\n";
    unread += count.second;
  }
  text += unread ? std::to_string(unread) + " operators are opaque: they can't be analyzed\n"
                 : "every operator lifts\n";
  return said(std::move(text));
}

Answer list(const std::string& what) {
  std::string text;
  if (what == "formats") {
    for (const auto* format : formats::all_formats())
      text += std::string(format->name()) + "  " + std::string(format->description()) + "\n";
  } else if (what == "runtimes") {
    for (const auto* runtime : runtimes::all_runtimes())
      text += std::string(runtime->name()) + "  runs " + std::string(runtime->format()) + " files\n";
  } else if (what == "faults") {
    for (const auto& pattern : faults::catalogue())
      text += std::string(pattern.name) + "  [" + std::string(pattern.fault_class) + "] " +
              std::string(pattern.description) + "\n";
    for (const auto& mistake : data::preprocess_mistakes())
      text += std::string(mistake.name) + "  [preprocessing] " + std::string(mistake.description) + "\n";
    text +=
        "runtime-fault  [runtime] the file is right, and its runtime computes an operator otherwise; never "
        "repaired\n";
  } else if (what == "metrics") {
    text =
        "label_differences  samples whose first label changes\ntop5_differences  samples whose first five "
        "labels change\n"
        "max_relative_error  max |target - source| / max |source| over all outputs\nmax_absolute_error  max "
        "|target - source|\n";
  } else {
    return failed(
        {ErrorKind::usage, "'" + what + "' can't be listed; expected formats, runtimes, faults or metrics"});
  }
  return said(std::move(text));
}

Answer doctor(const std::string& python) {
  std::string text = "fetafix " + version() + "\n";
  bool missing = false;
  for (const auto* runtime : runtimes::all_runtimes()) {
    auto found = runtime->version({python, {}, {}});
    missing = missing || !found.ok();
    text += "  " + std::string(runtime->name()) + " for " + std::string(runtime->format()) + ": " +
            (found.ok() ? "found " + *found : "missing: " + found.error().message) + "\n";
  }
  Answer out = said(std::move(text));
  out.exit_code = missing ? 4 : 0;
  return out;
}

}  // namespace fetafix
