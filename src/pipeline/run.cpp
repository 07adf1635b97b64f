#include "pipeline/run.h"

#include "pipeline/options.h"
#include "pipeline/stages.h"

namespace fetafix::pipeline {
namespace {

Status run_all_stages(Run& run) {
  FETAFIX_CHECK(open(run));
  FETAFIX_CHECK(run.go_on());
  FETAFIX_CHECK(run_natively(run));
  FETAFIX_CHECK(run.go_on());
  FETAFIX_CHECK(compare_feeding(run));
  run.clock.lap(run.result, "input");
  FETAFIX_CHECK(run.go_on());
  FETAFIX_CHECK(walk(run));
  FETAFIX_CHECK(run.go_on());
  FETAFIX_CHECK(reconsider_feeding(run));
  judge(run);
  if (run.command == Command::repair) FETAFIX_CHECK(mend(run));
  fill_samples(run);
  return {};
}

}  // namespace

Result<results::Result> run_stages(Command command, const Options& options) {
  static const char* const names[] = {"check", "localize", "repair"};
  FETAFIX_CHECK(check_options(command, options));
  Run run{command, options};
  if (command == Command::repair) run.best = BestSoFar(options);
  run.result.command = names[static_cast<int>(command)];
  run.result.version = version();
  FETAFIX_TRY(run.result.fail_on, parse_verdicts(options.fail_on));
  run.result.seconds.emplace_back("total", 0.0);
  FETAFIX_CHECK(options.run_nothing ? compare_files(run) : run_all_stages(run));
  run.result.seconds[0].second = run.clock.total();
  return std::move(run.result);
}

}  // namespace fetafix::pipeline
