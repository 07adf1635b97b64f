#include <algorithm>
#include <set>
#include <span>

#include "pipeline/apply.h"
#include "pipeline/feed_adapter.h"
#include "pipeline/search_round.h"
#include "pipeline/sound.h"
#include "pipeline/stages.h"
#include "results/sentences.h"

namespace fetafix::pipeline {
namespace {

namespace fs = std::filesystem;
using results::Verdict;

constexpr int most_cycles = 20;  // each mends something, or is the last
constexpr int most_steps = 6;    // of them, step by step: more of these undo each other

// How many operators the patch puts in; what serves several readers is written once.
size_t operators_put_in(const graph::Patch& patch) {
  std::set<std::string> out;
  for (size_t g = 0; g < patch.groups.size(); ++g)
    for (const auto& edit : patch.groups[g].edits)
      if (auto* insert = std::get_if<graph::InsertNode>(&edit))
        out.insert(std::to_string(g) + " " + insert->type +
                   (insert->only_consumer ? "" : graph::describe(edit)));
  return out.size();
}

// A patch that replaces most of the parameters, or a fifth of the operators, is a new conversion and no
// repair.
bool looks_foreign(const Analysis& analysis, const graph::Patch& patch) {
  constexpr size_t few_operators = 20;  // of so few, two or three make a fifth
  const auto operators = static_cast<size_t>(coverage_of(analysis).target_operators);
  if (operators >= few_operators && 5 * operators_put_in(patch) > operators) return true;
  int64_t linear = 0, replaced = 0;
  for (const auto& node : analysis.target.nodes) linear += node.type == "Conv" || node.type == "MatMul";
  for (const auto& group : patch.groups)
    for (const auto& edit : group.edits)
      if (auto* tensor = std::get_if<graph::SetTensor>(&edit)) replaced += tensor->value.rank() >= 2;
  return linear >= 4 && 2 * replaced > linear;
}

enum class Ended {
  not_yet,  // something was mended
  agreeing,
  stuck,   // they differ, and nothing that was tried helps
  forced,  // by a limit, or by a target that does not run
};

// Round after round. One fault may hide another, or show on other samples: those that differ most behind the
// patch are walked next, on the patched view, so that all edits keep addressing the original file. Where none
// differs, those made of samples on which something does.
class Rounds {
 public:
  Rounds(Run& run, Draft& draft) : run_(run), draft_(draft) {}

  // False: what would have to be changed is no repair.
  Result<bool> run() {
    FETAFIX_CHECK(search_round(run_, *run_.analysis, draft_));
    for (int cycle = 1; cycle <= most_cycles; ++cycle) {
      if (looks_foreign(*run_.analysis, draft_.patch) && !run_.options.force) {
        if (!settled_) return false;
        take_back();
        return true;
      }
      FETAFIX_TRY(Ended ended, go_on());
      if (ended == Ended::stuck && !settled_) {
        settled_ = Settled{draft_, *now_};
        FETAFIX_TRY(ended, look_again());
      }
      const bool goes_round = settled_ && ++steps_ > most_steps;
      if (ended == Ended::not_yet && !goes_round) continue;
      if (settled_ && ended != Ended::agreeing) take_back_what_did_not_help();
      return true;
    }
    return true;
  }

 private:
  // What there was when each fault had been looked for by itself.
  struct Settled {
    Draft draft;
    results::Differences differences;
  };

  Result<Ended> go_on() {
    FETAFIX_CHECK(run_.go_on());
    now_.reset();
    FETAFIX_TRY(auto file, run_.pair.target.model->patched(draft_.patch));
    FETAFIX_TRY(auto tried, write_and_load(run_.pair.target, *file, run_.options));
    if (!tried.session.ok()) return Ended::forced;  // verification will say so
    auto outputs =
        run_all(**tried.session, run_.pair.target, run_.count, run_.options, "running the repaired target");
    if (!outputs.ok()) return Ended::forced;
    outputs_ = std::move(outputs).value();
    // The samples held back judge the end; they do not say whether to go on.
    now_ = compare_outputs(run_.source, outputs_, run_.searched(), run_.noise());
    doubt_.reset();
    if (now_->label_differences <= now_->near_ties && now_->max_relative_error <= run_.allowed_error()) {
      FETAFIX_TRY(doubt_, probe(run_, **tried.session));
      run_.probed = !doubt_;
      if (!doubt_) return Ended::agreeing;
    }
    if (draft_.patch.groups.empty() && !settled_) return Ended::stuck;  // the first walk saw the same
    return look_again();
  }

  Result<Ended> look_again() {
    const size_t most = run_.options.max_edits, before = draft_.patch.groups.size();
    run_.cut_short = run_.cut_short || run_.out_of_time();
    if (run_.cut_short || (most > 0 && before >= most)) return Ended::forced;
    graph::Graph view = run_.pair.target.lifted.graph;
    if (auto applied = graph::apply(view, draft_.patch); !applied.ok()) return Ended::forced;
    if (!doubt_) run_.walked = run_.diagnosis_samples(outputs_);
    run_.analysis.reset();  // the values of one walk are enough to hold
    auto next = analyze(*run_.evaluator, run_.pair, view, doubt_ ? doubt_->samples : run_.walked_ids(),
                        run_.options, "aligning again", settled_.has_value());
    if (!next.ok()) return Ended::forced;
    run_.analysis = std::move(next).value();
    FETAFIX_CHECK(search_round(run_, *run_.analysis, draft_));
    return draft_.patch.groups.size() > before ? Ended::not_yet : Ended::stuck;
  }

  // What structure alone said is kept only where the outputs come nearer.
  void take_back_what_did_not_help() {
    const auto& then = settled_->differences;
    const bool fewer = now_ && now_->label_differences < then.label_differences;
    const bool as_many = now_ && now_->label_differences == then.label_differences;
    if (!fewer && !(as_many && now_->max_relative_error < 0.5 * then.max_relative_error)) take_back();
  }

  void take_back() {
    // A fault that was mended before may have got a further edit.
    const auto& before = settled_->draft.faults;
    std::vector<size_t> later(draft_.faults.begin() + static_cast<std::ptrdiff_t>(before.size()),
                              draft_.faults.end());
    std::erase_if(later, [&](size_t fault) { return std::ranges::count(before, fault) > 0; });
    leave(run_, later, "by this edit the outputs do not come nearer to the source's");
    draft_ = std::move(settled_->draft);
  }

  Run& run_;
  Draft& draft_;
  std::vector<Outputs> outputs_;             // of the target as it is patched now
  std::optional<results::Differences> now_;  // nullopt: it does not run
  std::optional<Doubt> doubt_;
  std::optional<Settled> settled_;
  int steps_ = 0;
};

// That the file lacked something says more than that what held its place was not the source's: one fault,
// told by the defect and measured by the walk.
void tell_once(std::vector<results::Fault>& faults, const Draft& draft, std::span<const Stopgap> dropped) {
  std::vector<size_t> gone;
  for (const Stopgap& one : dropped) {
    results::Fault &defect = faults[draft.faults[one.group]], &later = faults[draft.faults[one.mended_by]];
    if (one.alone) {
      later.fault_class = defect.fault_class;
      later.pattern = defect.pattern;
      later.explanation = defect.explanation;
      later.advice = defect.advice;
      std::swap(defect, later);  // in the place of what stopped the file
    }
    gone.push_back(draft.faults[one.alone ? one.mended_by : one.group]);
  }
  std::sort(gone.rbegin(), gone.rend());
  gone.erase(std::unique(gone.begin(), gone.end()), gone.end());
  for (size_t index : gone) faults.erase(faults.begin() + static_cast<std::ptrdiff_t>(index));
}

Status write(Run& run, const formats::NativeModel& repaired, const graph::Patch& patch) {
  const Options& options = run.options;
  if (options.dry_run || run.result.verdict == Verdict::not_repaired || options.output.empty()) return {};
  FETAFIX_CHECK(repaired.write(options.output));
  run.result.output = options.output;
  const std::string patch_path = options.patch.empty() ? options.output + ".patch.json" : options.patch;
  graph::Patch complete = patch;
  FETAFIX_CHECK(complete_patch(complete, *run.pair.target.model, run.pair.target.path, options.output));
  FETAFIX_CHECK(write_patch(complete, patch_path));
  run.result.patch = patch_path;
  return {};
}

// False: what would have to be changed is no repair.
Result<bool> search_all(Run& run, Draft& draft) {
  run.result.faults.clear();
  report_defects(run);
  for (auto& fault : run.result.faults) fault.fixed = true, fault.edits = 1;
  report_feeding(run);
  run.result.faults.insert(run.result.faults.end(), run.runtime_faults.begin(),
                           run.runtime_faults.end());  // they stay
  FETAFIX_TRY(const bool is_a_repair, Rounds(run, draft).run());
  if (!is_a_repair) {
    run.conclude(
        Verdict::unknown,
        "too much of the target differs from the source: these are not the same model (--force goes on)");
    run.best.discard();
    return false;
  }
  if (run.cut_short)
    run.result.warnings.push_back("the search stopped at the time limit of " +
                                  results::number_text(run.options.time_limit) +
                                  " s; what was found until then is verified");
  return true;
}

bool is_feeding(const results::Fault& fault) {
  return fault.fault_class == "preprocessing";
}

// The target takes what it was fed, for operators at its input make of that what it should have been.
Status build_in(Run& run, graph::Patch& patch) {
  const auto& given = run.feeding.given;
  Side& target = run.pair.target;
  if (!given) {
    run.result.warnings.emplace_back("--build-in: the target's preprocessing is not what is wrong");
    return {};
  }
  auto group = adapter(0, *given, *target.loader->preprocessing());
  if (!group.ok()) {
    run.result.warnings.push_back(group.error().message);
    return {};
  }
  patch.groups.push_back(std::move(group).value());
  run.result.preprocess.target_proposed.clear();
  for (results::Fault& fault : run.result.faults)
    if (is_feeding(fault)) fault.edits = 1;
  return feed(target, run.pair, given->spec);
}

}  // namespace

Status mend(Run& run) {
  const Verdict verdict = run.result.verdict;
  if (verdict == Verdict::broken && !run.analysis) return {};  // there is nothing to work on
  const bool same = run.same;
  Draft draft;
  graph::Patch& patch = draft.patch;
  patch.format = run.pair.target.model->format();
  patch.model_sha256 = run.pair.target.model->sha256();
  patch.groups = run.pair.target.sound.groups;
  for (size_t i = 0; i < patch.groups.size(); ++i) draft.faults.push_back(i);
  if (!same && run.analysis) {
    FETAFIX_TRY(const bool is_a_repair, search_all(run, draft));
    if (!is_a_repair) return {};
    tell_once(run.result.faults, draft, drop_stopgaps(patch, run.pair.target));
  }
  for (results::Fault& fault : run.result.faults)
    if (is_feeding(fault)) fault.fixed = true;  // by what is proposed
  if (run.options.build_in) FETAFIX_CHECK(build_in(run, patch));
  run.analysis.reset();
  run.clock.lap(run.result, "repair");
  FETAFIX_CHECK(run.go_on());
  FETAFIX_TRY(auto repaired, run.pair.target.model->patched(patch));
  FETAFIX_CHECK(verify(run, *repaired, patch.groups.empty() && same));
  FETAFIX_CHECK(run.go_on());  // a stage that was cut short may have said something else
  run.clock.lap(run.result, "verify");
  FETAFIX_CHECK(write(run, *repaired, patch));
  run.best.discard();
  return {};
}

}  // namespace fetafix::pipeline
