#include "pipeline/search_round.h"

#include <algorithm>

namespace fetafix::pipeline {
namespace {

// A repair that was kept: whole or not at all, for several faults at one place are mended only together.
struct Kept {
  std::vector<graph::EditGroup> groups;
  std::vector<size_t> faults;  // of each group: where result.faults tells of it
  double error;                // that it mends, local and relative
};

void leave(results::Fault& fault, std::string reason) {
  fault.fixed = false;
  fault.edits = 0;
  fault.left_because = std::move(reason);
}

// Tells of a fault in the results, once for each place unless different edits mend it; where it stands there.
size_t report(Run& run, results::Fault fault) {
  auto& faults = run.result.faults;
  const auto known = std::find_if(faults.begin(), faults.end(), [&](const results::Fault& f) {
    const bool same_place = f.source_node == fault.source_node && f.target_node == fault.target_node;
    const bool another = f.fixed && fault.fixed && f.explanation != fault.explanation;
    return same_place && !another;
  });
  const auto at = static_cast<size_t>(known - faults.begin());
  if (known == faults.end())
    faults.push_back(std::move(fault));
  else if (fault.fixed)
    *known = std::move(fault);
  return at;
}

using Groups = std::vector<graph::EditGroup>;

bool has(const Groups& groups, const graph::EditGroup& group) {
  const auto same = [&](const graph::EditGroup& other) {
    return std::equal(
        group.edits.begin(), group.edits.end(), other.edits.begin(), other.edits.end(),
        [](const graph::Edit& a, const graph::Edit& b) { return graph::describe(a) == graph::describe(b); });
  };
  return std::any_of(groups.begin(), groups.end(), same);
}

// An operator that can't run shows at each of those that join what it makes: then the same edits mend all.
Groups joined(Groups groups, const Groups& more) {
  for (const graph::EditGroup& group : more)
    if (!has(groups, group)) groups.push_back(group);
  return groups;
}

graph::Patch with(graph::Patch patch, const Groups& groups) {
  patch.groups.insert(patch.groups.end(), groups.begin(), groups.end());
  return patch;
}

// Whether the target's format can express the patch, in a file that can be read again.
Status expressible(const Run& run, const graph::Patch& patch) {
  FETAFIX_TRY(const auto file, run.pair.target.model->patched(patch));
  FETAFIX_TRY(const auto lifted, file->lift());
  return {};
}

// Tries what may be tried on what an analysis found.
Result<std::vector<Kept>> try_repairs(Run& run, const Analysis& analysis, const graph::Patch& patch) {
  repair::Options search;
  if (run.options.progress)
    search.progress = [&](size_t done, size_t total) { run.options.progress("trying repairs", done, total); };
  search.stop = [&] { return run.out_of_time(); };
  Groups found;  // in this round
  search.writable = [&](const Groups& groups) {
    return expressible(run, with(patch, joined(found, groups)));
  };
  search.on_kept = [&](const repair::Repair& one) {
    if (!one.trials[static_cast<size_t>(one.kept)].writable) return;
    found = joined(std::move(found), repair::edits_of(one));
    run.best.save_now_and_then(*run.pair.target.model, with(patch, found));
  };
  const Permitted allowed = permitted(run.permission, analysis);
  FETAFIX_TRY(auto repairs, repair::search(*run.evaluator, analysis.target, *analysis.values,
                                           analysis.alignment, allowed.faults, search));
  Groups taken;
  std::vector<Kept> out;
  for (size_t i = 0; i < repairs.size(); ++i) {
    const repair::Repair& one = repairs[i];
    const auto groups = repair::edits_of(one);
    auto faults = describe(analysis, analysis.faults[i], one);
    run.cut_short = run.cut_short || one.cut_short;
    if (groups.empty()) {
      leave(faults[0], one.cut_short ? "the time limit came first" : allowed.objections[i]);
      report(run, std::move(faults[0]));
    } else if (const auto& trial = one.trials[static_cast<size_t>(one.kept)]; !trial.writable) {
      run.result.warnings.push_back(trial.reason + " (" + groups[0].reason + ")");
      for (results::Fault& fault : faults) {
        leave(fault, trial.reason);
        report(run, std::move(fault));
      }
    } else {
      Kept kept{{}, {}, one.fault->relative_error};
      for (size_t k = 0; k < groups.size(); ++k) {
        if (has(taken, groups[k])) continue;
        faults[k].fixed = true;
        kept.groups.push_back(groups[k]);
        kept.faults.push_back(report(run, std::move(faults[k])));
      }
      taken = joined(std::move(taken), groups);
      if (!kept.groups.empty()) out.push_back(std::move(kept));
    }
  }
  return out;
}

// Why the target with this patch does not run in its runtime; empty: it does.
Result<std::string> refusal(Run& run, const graph::Patch& patch) {
  const Side& target = run.pair.target;
  FETAFIX_CHECK(run.go_on());
  FETAFIX_TRY(const auto file, target.model->patched(patch));
  FETAFIX_TRY(auto tried, write_and_load(target, *file, run.options));
  if (!tried.session.ok()) return tried.session.error().message;
  FETAFIX_TRY(const auto inputs, load_sample(target, run.searched().front()));
  const auto outputs = (*tried.session)->run(inputs);
  return outputs.ok() ? std::string() : outputs.error().message;
}

graph::Patch with(graph::Patch patch, const std::vector<Kept>& kept) {
  for (const Kept& one : kept) patch = with(std::move(patch), one.groups);
  return patch;
}

// Of what is kept: all with which the target still runs. One wrong guess must not cost the others.
Result<std::vector<Kept>> runnable(Run& run, const graph::Patch& patch, std::vector<Kept> kept) {
  if (kept.empty()) return kept;
  FETAFIX_TRY(const std::string with_all, refusal(run, with(patch, kept)));
  if (with_all.empty()) return kept;
  FETAFIX_TRY(const std::string before, refusal(run, patch));
  if (!before.empty()) return kept;  // what stops it was there before
  std::vector<Kept> out;
  for (Kept& one : kept) {
    out.push_back(std::move(one));
    FETAFIX_TRY(const std::string why, refusal(run, with(patch, out)));
    if (why.empty()) continue;
    leave(run, out.back().faults, "with this edit the target would not run any more: " + why);
    out.pop_back();
  }
  return out;
}

// At most as many as --max-edits leaves room for: those that mend the largest errors.
void keep_the_largest(Run& run, std::vector<Kept>& kept, size_t before) {
  const size_t most = run.options.max_edits;
  if (most == 0) return;
  size_t held = before;
  for (const Kept& one : kept) held += one.groups.size();
  while (held > most && !kept.empty()) {
    const auto smallest = std::min_element(kept.rbegin(), kept.rend(),
                                           [](const Kept& a, const Kept& b) { return a.error < b.error; });
    leave(run, smallest->faults,
          "the patch can't hold more than " + std::to_string(most) + " edits, as many as --max-edits allows");
    held -= smallest->groups.size();
    kept.erase(std::next(smallest).base());
  }
}

}  // namespace

void leave(Run& run, std::span<const size_t> faults, const std::string& reason) {
  for (const size_t fault : faults) leave(run.result.faults[fault], reason);
}

Status search_round(Run& run, const Analysis& analysis, Draft& draft) {
  FETAFIX_TRY(auto kept, try_repairs(run, analysis, draft.patch));
  keep_the_largest(run, kept, draft.patch.groups.size());
  FETAFIX_TRY(kept, runnable(run, draft.patch, std::move(kept)));
  for (Kept& one : kept) {
    for (auto& group : one.groups) draft.patch.groups.push_back(std::move(group));
    draft.faults.insert(draft.faults.end(), one.faults.begin(), one.faults.end());
  }
  run.best.save(*run.pair.target.model, draft.patch);
  return {};
}

}  // namespace fetafix::pipeline
