#include "pipeline/run.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <set>

#include "data/split.h"
#include "pipeline/analysis.h"
#include "pipeline/apply.h"
#include "pipeline/precision.h"

namespace fetafix::pipeline {
namespace {

namespace fs = std::filesystem;
using results::Verdict;

// Adds the time since the last call to a named stage.
class Clock {
 public:
  void lap(results::Result& result, const std::string& stage) {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    for (auto& [name, value] : result.seconds)
      if (name == stage) {
        value += seconds;
        return;
      }
    result.seconds.emplace_back(stage, seconds);
  }
  // Part of one stage's time is another's.
  static void move(results::Result& result, double seconds, const std::string& from, const std::string& to) {
    for (auto& [name, value] : result.seconds)
      if (name == from) value -= seconds;
    result.seconds.emplace_back(to, seconds);
  }
  double total() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_ = start_;
};

results::ModelInfo info_of(const Side& side) {
  results::ModelInfo out;
  out.path = side.path;
  out.format = side.model->format();
  out.sha256 = side.model->sha256();
  std::set<graph::NativeOperator> operators;
  for (const auto& node : side.lifted.graph.nodes) operators.insert(node.native);
  out.operators = static_cast<int64_t>(operators.size());
  for (const auto& value : side.lifted.graph.values)
    out.parameter_bytes += static_cast<int64_t>(value.constant.byte_size());
  out.runtime = side.runtime_name;
  out.runtime_version = side.runtime_version;
  return out;
}

// One command on one pair, stage by stage.
class Run {
  static constexpr int most_cycles = 3;

 public:
  Run(Command command, const Options& options) : command_(command), options_(options) {}

  Result<results::Result> run() {
    static const char* names[] = {"check", "localize", "repair"};
    result_.command = names[static_cast<int>(command_)];
    result_.version = version();
    result_.seconds.emplace_back("total", 0.0);
    if (command_ == Command::repair && options_.output.empty() && !options_.dry_run)
      return Error{ErrorKind::usage, "repair needs --output FILE (or --dry-run)"};
    FETAFIX_CHECK(spare_the_inputs());
    FETAFIX_CHECK(open());
    FETAFIX_CHECK(go_on());
    FETAFIX_CHECK(run_natively());
    FETAFIX_CHECK(go_on());
    FETAFIX_CHECK(walk());
    FETAFIX_CHECK(go_on());
    judge();
    if (command_ == Command::repair) FETAFIX_CHECK(mend());
    fill_samples();
    result_.seconds[0].second = clock_.total();
    return std::move(result_);
  }

 private:
  // Asked between stages: within one, what was interrupted may come back as some other failure.
  Status go_on() const {
    if (options_.interrupted && *options_.interrupted) return Error{ErrorKind::interrupted, "interrupted"};
    return {};
  }

  // Before any work: an output that is one of the inputs.
  Status spare_the_inputs() const {
    std::error_code error;
    for (const std::string& input : {options_.source, options_.target})
      if (fs::equivalent(input, options_.output, error))
        return Error{ErrorKind::usage,
                     options_.output + ": the output would overwrite an input; choose another name"};
    return {};
  }

  Status open() {
    FETAFIX_TRY(pair_, open_pair(options_));
    result_.source = info_of(pair_.source);
    result_.target = info_of(pair_.target);
    result_.notes = pair_.notes;
    result_.warnings = pair_.warnings;
    count_ = pair_.samples->samples().size();
    sets_ = data::split(pair_.samples->originals(), options_.seed, options_.held_back);
    result_.samples = static_cast<int64_t>(count_);
    result_.held_back = static_cast<int64_t>(sets_.verdict.size());
    clock_.lap(result_, "open");
    return {};
  }

  Status run_natively() {
    double loading = 0;  // decoding and preprocessing are no runs of a model
    FETAFIX_TRY(source_, run_all(*pair_.source.session, pair_.source, count_, options_, "running the source",
                                 &loading));
    if (pair_.target.session) {
      auto target =
          run_all(*pair_.target.session, pair_.target, count_, options_, "running the target", &loading);
      if (target.ok())
        target_ = std::move(target).value();
      else if (target.error().kind == ErrorKind::runtime_failed)
        pair_.target.broken = target.error().message;
      else
        return std::move(target).error();
    }
    clock_.lap(result_, "check");
    clock_.move(result_, loading, "check", "samples");
    return {};
  }

  // What the search may look at: all but the samples held back (them too where there are no others).
  std::vector<size_t> searched() const {
    std::vector<size_t> out = sets_.diagnose;
    out.insert(out.end(), sets_.select.begin(), sets_.select.end());
    std::sort(out.begin(), out.end());
    return out.empty() ? sets_.verdict : out;
  }

  // The samples whose values the walk sees: never those held back; first those whose outputs differ most, for
  // a fault may not show on every sample. Two tell what depends on the sample; more cost the same again each.
  std::vector<size_t> diagnosis_samples(const std::vector<Outputs>& target) const {
    std::vector<size_t> out = searched();
    if (!target.empty()) {
      std::map<size_t, double> difference;
      for (size_t i : out) difference[i] = spread(source_[i], target[i]);
      std::stable_sort(out.begin(), out.end(),
                       [&](size_t a, size_t b) { return difference[a] > difference[b]; });
    }
    if (out.size() > 2) out.resize(2);
    return out;
  }

  Status walk() {
    if (pair_.target.lifted.graph.outputs.empty()) return {};  // the target could not be read
    FETAFIX_TRY(evaluator_, evaluate::make_evaluator({options_.threads, options_.interrupted}));
    samples_ = diagnosis_samples(target_);
    const auto& samples = samples_;
    FETAFIX_TRY(const Floor floor, measure_floor(*evaluator_, pair_, samples, source_, target_, options_));
    floor_ = floor.relative;
    result_.notes.insert(result_.notes.end(), floor.notes.begin(), floor.notes.end());
    clock_.lap(result_, "floor");
    auto analysis = analyze(*evaluator_, pair_, pair_.target.lifted.graph, samples, options_, "aligning");
    if (!analysis.ok()) {
      if (analysis.error().kind != ErrorKind::unsupported &&
          analysis.error().kind != ErrorKind::runtime_failed)
        return std::move(analysis).error();
      unread_ = analysis.error().message;
      return {};
    }
    analysis_ = std::move(analysis).value();
    // An operator that could not be aligned is no fault where the outputs agree: coverage says it.
    const bool agree =
        !target_.empty() && compare_outputs(source_, target_, {}, floor_).max_relative_error <= 8 * floor_;
    if (agree)
      std::erase_if(analysis_->faults, [](const diagnose::Fault& f) {
        return f.segment && f.segment->state == align::State::unaligned;
      });
    FETAFIX_CHECK(allow_for_precision(*analysis_, pair_.target.lifted.graph));
    result_.coverage = coverage_of(*analysis_);
    result_.depth = depth_of(*analysis_);
    if (command_ != Command::check)
      for (const auto& fault : analysis_->faults)
        result_.faults.push_back(describe(*analysis_, fault, nullptr));
    clock_.lap(result_, "align");
    return {};
  }

  // Where nothing is wrong, what fewer bits change is no difference between the models.
  Status allow_for_precision(const Analysis& analysis, const graph::Graph& target) {
    precision_ = {};
    if (!analysis.faults.empty()) return {};
    auto measured = measure_precision(*evaluator_, pair_, target, samples_, source_);
    if (!measured.ok() && measured.error().kind == ErrorKind::interrupted) return std::move(measured).error();
    if (measured.ok()) precision_ = std::move(measured).value();
    return {};
  }

  // Half of what near ties may differ by, relative to the largest score.
  double noise() const { return std::max(floor_, precision_.constants + precision_.activations); }
  double allowed_error() const { return 8 * floor_ + precision_.allowance(); }

  bool fully_covered(const results::Coverage& c) const { return c.unaligned == 0 && c.opaque == 0; }

  void judge() {
    if (!target_.empty()) result_.before = compare_outputs(source_, target_, {}, noise());
    const auto& before = result_.before;
    const bool labels = before.label_differences > 0;
    // Eight floors: the floor is measured on few samples and few ways of computing.
    const bool outside = before.max_relative_error > 8 * floor_;
    if (!pair_.target.broken.empty() && target_.empty()) {
      set(Verdict::broken, "the target does not load or run: " + pair_.target.broken);
    } else if (!analysis_) {
      set(labels ? Verdict::different : Verdict::unknown, "the models could not be aligned: " + unread_);
    } else if (!analysis_->faults.empty()) {
      const bool sure = std::any_of(analysis_->faults.begin(), analysis_->faults.end(), [](const auto& f) {
        return f.edge || f.segment->state != align::State::unaligned;
      });
      if (labels)
        set(Verdict::different, "labels differ and faults were found");
      else if (sure)
        set(Verdict::latent, "labels agree, yet the target does not compute what the source computes");
      else
        set(Verdict::unknown, "some operators could not be aligned");
    } else if (outside && precision_.reduced() && fully_covered(result_.coverage) &&
               before.max_relative_error <= allowed_error()) {
      set(Verdict::quantized,
          "every operator computes what the source computes in fewer bits: " + precision_.what);
      if (labels)
        result_.warnings.push_back(std::to_string(before.label_differences) +
                                   " labels change by the rounding to fewer bits alone");
    } else if (labels && outside) {
      set(Verdict::different,
          "labels differ, and no operator was found that explains it; the input may be fed differently");
    } else if (!fully_covered(result_.coverage)) {
      set(Verdict::unknown, "some operators could not be aligned or read");
    } else if (outside) {
      set(Verdict::unknown,
          "outputs differ by more than rounding explains, though every operator computes as the source's; "
          "the "
          "target's runtime may compute the file otherwise");
    } else {
      set(all_identical(source_, target_) ? Verdict::identical : Verdict::equivalent,
          "every operator computes what the source computes");
    }
  }

  void set(Verdict verdict, std::string reason) {
    result_.verdict = verdict;
    result_.reason = std::move(reason);
  }

  Status mend() {
    if (result_.verdict == Verdict::broken && !analysis_) return {};  // there is nothing to work on
    const bool same = result_.verdict == Verdict::identical || result_.verdict == Verdict::equivalent ||
                      result_.verdict == Verdict::quantized;
    graph::Patch patch;
    patch.format = pair_.target.model->format();
    patch.model_sha256 = pair_.target.model->sha256();
    if (!same && analysis_) {
      result_.faults.clear();
      FETAFIX_CHECK(search(*analysis_, patch));
      if (looks_foreign(patch) && !options_.force) {
        set(Verdict::unknown,
            "most of the target differs from the source: these are not the same model (--force goes on)");
        return {};
      }
      for (int cycle = 1; cycle < most_cycles; ++cycle) {
        FETAFIX_TRY(const bool more, search_what_still_differs(patch));
        if (!more) break;
      }
    }
    clock_.lap(result_, "repair");
    FETAFIX_CHECK(go_on());
    FETAFIX_TRY(auto repaired, pair_.target.model->patched(patch));
    FETAFIX_CHECK(verify(*repaired, same));
    FETAFIX_CHECK(go_on());  // a stage that was cut short may have said something else
    clock_.lap(result_, "verify");
    return write(*repaired, patch);
  }

  // Repairs what an analysis found; adds to the patch what helps and can be written.
  Status search(const Analysis& analysis, graph::Patch& patch) {
    repair::Options search;
    if (options_.progress)
      search.progress = [&](size_t done, size_t total) { options_.progress("trying repairs", done, total); };
    FETAFIX_TRY(auto repairs, repair::search(*evaluator_, analysis.target, *analysis.values,
                                             analysis.alignment, analysis.faults, search));
    for (const auto& one : repairs) {
      results::Fault fault = describe(analysis, *one.fault, &one);
      auto known = std::find_if(result_.faults.begin(), result_.faults.end(), [&](const results::Fault& f) {
        return f.source_node == fault.source_node && f.target_node == fault.target_node;
      });
      fault.fixed = one.kept >= 0;
      if (known == result_.faults.end())
        result_.faults.push_back(std::move(fault));
      else if (one.kept >= 0)
        *known = std::move(fault);
    }
    for (auto& group : repair::patch_of(repairs).groups) patch.groups.push_back(std::move(group));
    drop_inexpressible(patch);
    return {};
  }

  // One fault may hide another, or show on other samples: those that differ most behind the patch are walked
  // next, on the patched view, so that all edits keep addressing the original file.
  Result<bool> search_what_still_differs(graph::Patch& patch) {
    if (patch.groups.empty()) return false;
    FETAFIX_CHECK(go_on());
    FETAFIX_TRY(auto file, pair_.target.model->patched(patch));
    FETAFIX_TRY(auto folder, TemporaryFolder::make());
    const fs::path path = folder.path() / fs::path(pair_.target.path).filename();
    FETAFIX_CHECK(file->write(path));
    auto session = load_native(pair_.target, path, options_);
    if (!session.ok()) return false;  // verification will say so
    auto outputs = run_all(**session, pair_.target, count_, options_, "running the repaired target");
    if (!outputs.ok()) return false;
    // The samples held back judge the end; they do not say whether to go on.
    const auto now = compare_outputs(source_, *outputs, searched(), noise());
    if (now.label_differences <= now.near_ties && now.max_relative_error <= allowed_error()) return false;
    graph::Graph view = pair_.target.lifted.graph;
    if (auto applied = graph::apply(view, patch); !applied.ok()) return false;
    samples_ = diagnosis_samples(*outputs);
    auto next = analyze(*evaluator_, pair_, view, samples_, options_, "aligning again");
    if (!next.ok()) return false;
    const size_t before = patch.groups.size();
    later_.push_back(std::move(next).value());
    FETAFIX_CHECK(search(*later_.back(), patch));
    return patch.groups.size() > before;
  }

  // An edit that the target's format can't express, alone or behind the others, must not cost the others.
  void drop_inexpressible(graph::Patch& patch) {
    graph::Patch kept = patch;
    kept.groups.clear();
    for (const graph::EditGroup& group : patch.groups) {
      kept.groups.push_back(group);
      auto tried = pair_.target.model->patched(kept);
      Status readable;
      if (tried.ok()) {
        auto lifted = (*tried)->lift();
        if (lifted.ok()) continue;
        readable = lifted.error();
      } else {
        readable = tried.error();
      }
      result_.warnings.push_back("an edit could not be written: " + readable.error().message + " (" +
                                 group.reason + ")");
      kept.groups.pop_back();
    }
    patch = std::move(kept);
  }

  // A patch that replaces most of the parameters is a new conversion and no repair.
  bool looks_foreign(const graph::Patch& patch) const {
    int64_t linear = 0, replaced = 0;
    for (const auto& node : analysis_ ? analysis_->target.nodes : std::vector<graph::Node>())
      linear += node.type == "Conv" || node.type == "MatMul";
    for (const auto& group : patch.groups)
      for (const auto& edit : group.edits)
        if (auto* tensor = std::get_if<graph::SetTensor>(&edit)) replaced += tensor->value.rank() >= 2;
    return linear >= 4 && 2 * replaced > linear;
  }

  Status verify(const formats::NativeModel& repaired, bool same) {
    FETAFIX_TRY(auto folder, TemporaryFolder::make());
    const fs::path path = folder.path() / fs::path(pair_.target.path).filename();
    FETAFIX_CHECK(repaired.write(path));
    auto session = load_native(pair_.target, path, options_);
    if (!session.ok()) return not_repaired("the repaired file does not load: " + session.error().message);
    auto outputs = run_all(**session, pair_.target, count_, options_, "verifying");
    if (!outputs.ok()) return not_repaired("the repaired file does not run: " + outputs.error().message);
    after_ = std::move(outputs).value();
    compare_after();
    if (same) {
      set(Verdict::repaired, "the models are the same already: the output is a copy and the patch is empty");
      return {};
    }
    FETAFIX_TRY(auto lifted, repaired.lift());
    FETAFIX_TRY(auto again,
                analyze(*evaluator_, pair_, lifted.graph, samples_, options_, "checking the repair"));
    const auto coverage = coverage_of(*again);
    result_.coverage = coverage;
    FETAFIX_CHECK(allow_for_precision(*again, lifted.graph));
    compare_after();
    mark_fixed(*again);
    conclude(*again, coverage);
    return {};
  }

  void compare_after() {
    result_.after = compare_outputs(source_, after_, {}, noise());
    result_.held_back_after = compare_outputs(source_, after_, sets_.verdict, noise());
    if (sets_.verdict.empty()) result_.held_back_after->samples = 0;
  }

  // Fixed: kept, and the second walk no longer complains about that operator.
  void mark_fixed(const Analysis& again) {
    std::set<std::string> still;
    for (const auto& fault : again.faults) still.insert(describe(again, fault, nullptr).source_node);
    for (results::Fault& fault : result_.faults)
      fault.fixed = fault.fixed && !still.contains(fault.source_node);
    for (const auto& point : depth_of(again))
      for (auto& before : result_.depth)
        if (before.operator_index == point.operator_index && before.type == point.type)
          before.relative_error_after = point.relative_error;
  }

  void conclude(const Analysis& again, const results::Coverage& coverage) {
    const auto& after = *result_.after;
    const bool clean =
        after.label_differences <= after.near_ties && after.max_relative_error <= allowed_error();
    const size_t found = result_.faults.size();
    if (again.faults.empty() && fully_covered(coverage) && clean) {
      set(Verdict::repaired, "every operator computes what the source computes, on held back samples too");
    } else if (again.faults.size() < found || after.label_differences < result_.before.label_differences) {
      set(Verdict::improved,
          std::to_string(again.faults.size()) + " of " + std::to_string(found) + " faults remain");
    } else {
      set(Verdict::not_repaired, "nothing that was tried helps");
    }
  }

  Status not_repaired(const std::string& reason) {
    set(Verdict::not_repaired, reason);
    return {};
  }

  Status write(const formats::NativeModel& repaired, const graph::Patch& patch) {
    if (options_.dry_run || result_.verdict == Verdict::not_repaired || options_.output.empty()) return {};
    FETAFIX_CHECK(repaired.write(options_.output));
    result_.output = options_.output;
    const std::string patch_path = options_.patch.empty() ? options_.output + ".patch.json" : options_.patch;
    graph::Patch complete = patch;
    FETAFIX_CHECK(complete_patch(complete, *pair_.target.model, pair_.target.path, options_.output));
    FETAFIX_CHECK(write_patch(complete, patch_path));
    result_.patch = patch_path;
    return {};
  }

  void fill_samples() {
    std::vector<std::string> set_of(count_);
    for (size_t i : sets_.diagnose) set_of[i] = "diagnose";
    for (size_t i : sets_.select) set_of[i] = "select";
    for (size_t i : sets_.verdict) set_of[i] = "verdict";
    for (size_t i = 0; i < count_; ++i) {
      results::Sample sample;
      sample.name = pair_.samples->samples()[i].name;
      sample.original = pair_.samples->samples()[i].original;
      sample.set = set_of[i];
      sample.source_top5 = top5(source_[i], pair_.labels);
      if (!target_.empty()) {
        const auto one = compare_outputs({source_[i]}, {target_[i]}, {}, noise());
        sample.target_top5 = top5(target_[i], pair_.labels);
        sample.near_tie = one.near_ties > 0;
        sample.max_absolute_error = one.max_absolute_error;
      }
      if (!after_.empty()) {
        sample.repaired_top5 = top5(after_[i], pair_.labels);
        sample.max_absolute_error_after =
            compare_outputs({source_[i]}, {after_[i]}, {}, noise()).max_absolute_error;
      }
      result_.sample_list.push_back(std::move(sample));
    }
  }

  Command command_;
  const Options& options_;
  Clock clock_;
  results::Result result_;
  Pair pair_;
  size_t count_ = 0;
  data::Sets sets_;
  std::vector<size_t> samples_;  // that the walk sees
  std::vector<Outputs> source_, target_, after_;
  std::unique_ptr<evaluate::Evaluator> evaluator_;
  std::unique_ptr<Analysis> analysis_;
  std::vector<std::unique_ptr<Analysis>> later_;  // of the patched view, one a cycle
  std::string unread_;
  double floor_ = 0;
  Precision precision_;
};

}  // namespace

Result<results::Result> run_stages(Command command, const Options& options) {
  return Run(command, options).run();
}

}  // namespace fetafix::pipeline
