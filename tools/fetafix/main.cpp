// The command line: options, one call, print.
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>

#include "fetafix/fetafix.h"

namespace {

std::atomic<bool> interrupted{false};

void on_signal(int) {
  interrupted = true;
}

// One line that is rewritten, on a terminal only, for anything that takes long.
class Progress {
 public:
  void operator()(const std::string& stage, size_t done, size_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (!isatty(STDERR_FILENO) || (done < total && now - last_ < std::chrono::milliseconds(100))) return;
    last_ = now;
    std::fprintf(stderr, "\r\033[K%s %zu/%zu", stage.c_str(), done, total);
    if (done >= total) std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
  }

 private:
  std::chrono::steady_clock::time_point last_{};
};

struct Outputs {
  std::string json, junit;
};

// Words with commas between them; given several times, the lists add up.
void add_list(CLI::App& app, const std::string& name, std::vector<std::string>& words,
              const std::string& description) {
  app.add_option(name, words, description)->delimiter(',')->allow_extra_args(false)->type_name("LIST");
}

void add_pair_options(CLI::App& app, fetafix::Options& o, Outputs& files) {
  app.add_option("SOURCE", o.source, "the model before conversion")->required();
  app.add_option("TARGET", o.target, "the model after conversion")->required();
  app.add_option("--data", o.data, "a folder of images, an image, a .npz or .npy file");
  app.add_option("--preprocess", o.preprocess,
                 "how an image becomes a tensor: a preset or resize=256,crop=224,...");
  app.add_option("--source-preprocess", o.source_preprocess, "the same, for the source alone");
  app.add_option("--target-preprocess", o.target_preprocess, "the same, for the target alone");
  app.add_flag("--as-fed", o.as_fed, "the preprocessing is right: try no other where the outputs differ");
  app.add_option("--map", o.map,
                 "an input, output or value of the source and its counterpart, by their names")
      ->allow_extra_args(false)
      ->type_name("SOURCE=TARGET");
  app.add_option("--labels", o.labels, "names of the classes: a line each, JSON or csv");
  app.add_option("--limit", o.limit, "use at most N samples");
  app.add_option("--held-back", o.held_back, "share of the samples kept for the last verdict")
      ->check(CLI::Range(0.0, 0.9));
  app.add_option("--seed", o.seed, "decides which samples go where");
  app.add_option("--threads", o.threads, "of each runtime")->check(CLI::Range(1, 256));
  app.add_option("--memory", o.memory, "refuse what would make fetafix itself hold more than MB megabytes")
      ->check(CLI::PositiveNumber)
      ->type_name("MB");
  app.add_option("--run-dir", o.run_dir, "write result.json and report.html here");
  app.add_flag_callback(
      "--no-images", [&o] { o.images = false; }, "leave the pictures of samples out of the report");
  app.add_option("--json", files.json, "write the result as JSON");
  app.add_option("--junit", files.junit, "write the result as JUnit XML");
  add_list(app, "--fail-on", o.fail_on, "verdicts for which the exit code is 1; all others give 0");
  app.add_option("--python", o.python, "the interpreter whose frameworks are used");
  app.add_option("--source-module", o.source_module, "what builds the model whose weights SOURCE is")
      ->type_name("MODULE:FUNCTION");
  app.add_option("--target-module", o.target_module, "what builds the model whose weights TARGET is")
      ->type_name("MODULE:FUNCTION");
  app.add_flag("--run-python", o.run_python, "that Python code may run");
  app.add_option("--runtime-option", o.runtime_options, "such as tflite.kernels=xnnpack|builtin|reference")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
}

void add_recorded_options(CLI::App& app, fetafix::Options& o) {
  app.add_option("--target-command", o.target_command,
                 "a command that runs the target (docs/target-command.md)")
      ->type_name("CMD");
  app.add_option("--source-outputs", o.source_outputs, "a .npz of what the source answers; it is not run")
      ->type_name("FILE");
  app.add_option("--target-outputs", o.target_outputs, "a .npz of what the target answers; it is not run")
      ->type_name("FILE");
}

void add_repair_options(CLI::App& app, fetafix::Options& o) {
  app.add_option("--output", o.output, "the repaired model");
  app.add_option("--patch", o.patch, "the list of edits; default: OUTPUT.patch.json");
  add_list(app, "--allow", o.allow, "classes of faults, or operators by name: repair these alone");
  add_list(app, "--forbid", o.forbid,
           "classes of faults, or operators by name: report them, repair the others");
  app.add_option("--max-edits", o.max_edits, "mend at most N faults, those with the largest errors")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  app.add_option("--time-limit", o.time_limit,
                 "try nothing more after S seconds; what was found is verified and written")
      ->check(CLI::PositiveNumber)
      ->type_name("S");
  app.add_flag("--build-in", o.build_in,
               "put a wrong preprocessing of the target right inside the model, in place of a proposal");
  app.add_flag("--dry-run", o.dry_run, "write nothing");
  app.add_flag("--force", o.force, "go on even if these look like two models");
}

bool write_text(const std::string& path, const std::string& text) {
  if (path.empty()) return true;
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (out) return true;
  std::fprintf(stderr, "fetafix: %s: can't write\n", path.c_str());
  return false;
}

int print(const fetafix::Answer& answer, const Outputs& files) {
  if (!answer.error.empty()) {
    std::fprintf(stderr, "fetafix: %s\n", answer.error.c_str());
    return answer.exit_code;
  }
  std::fputs(answer.text.c_str(), stdout);
  if (!write_text(files.json, answer.json + "\n") || !write_text(files.junit, answer.junit)) return 3;
  return answer.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  CLI::App app{"fetafix: find and repair what a model conversion broke"};
  app.set_version_flag("--version", "fetafix " + fetafix::version());
  app.require_subcommand(1);
  app.footer("Example:\n  fetafix repair source.onnx target.onnx --data photos/ --output fixed.onnx");
  fetafix::Options options;
  options.interrupted = &interrupted;
  Progress progress;
  options.progress = [&](const std::string& s, size_t d, size_t t) { progress(s, d, t); };
  Outputs files;
  auto* check = app.add_subcommand("check", "are they the same?");
  auto* localize = app.add_subcommand("localize", "which parts are wrong, and why?");
  auto* repair = app.add_subcommand("repair", "write a repaired target");
  for (auto* command : {check, localize, repair}) add_pair_options(*command, options, files);
  for (auto* command : {check, localize}) add_recorded_options(*command, options);
  localize->add_flag("--static", options.run_nothing,
                     "run nothing: compare stored numbers, attributes and how the operators hang together");
  add_repair_options(*repair, options);
  std::string model, what, python;
  fetafix::ApplyOptions replay;
  auto* apply = app.add_subcommand("apply", "replay a patch");
  apply->add_option("PATCH", replay.patch)->required();
  apply->add_option("MODEL", replay.model)->required();
  apply->add_option("--output", replay.output, "the patched model")->required();
  apply->add_option("--patch", replay.save_patch, "write the patch as it fits MODEL");
  apply->add_flag("--rebase", replay.rebase, "MODEL is another file: find what the patch speaks of there");
  apply->add_flag("--reverse", replay.reverse, "MODEL is what the patch gave: write what it was made of");
  auto* inspect = app.add_subcommand("inspect", "what is in a model, and how much of it can be analyzed");
  inspect->add_option("MODEL", model)->required();
  auto* list = app.add_subcommand("list", "formats, runtimes, faults or metrics");
  list->add_option("WHAT", what)->required();
  auto* doctor = app.add_subcommand("doctor", "what is installed, what is missing, how to get it");
  doctor->add_option("--python", python, "the interpreter to look in");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  if (*check) return print(fetafix::run(fetafix::Command::check, options), files);
  if (*localize) return print(fetafix::run(fetafix::Command::localize, options), files);
  if (*repair) return print(fetafix::run(fetafix::Command::repair, options), files);
  if (*apply) return print(fetafix::apply_patch(replay), files);
  if (*inspect) return print(fetafix::inspect(model), files);
  if (*list) return print(fetafix::list(what), files);
  return print(fetafix::doctor(python), files);
}
