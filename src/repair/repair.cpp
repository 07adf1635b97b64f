#include "repair/repair.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>

#include "repair/piece_tolerance.h"

namespace fetafix::repair {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::ValueId;

constexpr size_t most_combined = 6;  // candidates of one place that are tried together
constexpr size_t most_together = 4;

std::vector<graph::EditGroup> edits_of(const Trial& trial) {
  std::vector<graph::EditGroup> out;
  for (const faults::Candidate* one : trial.candidates) out.push_back({one->edits, one->explanation});
  return out;
}

// The place of one fault, seen from outside: which value must come out as what.
struct Goal {
  ValueId value = graph::no_value;  // in the edited graph
  align::Pair expected;
  bool elsewhere = false;  // another value than the one that comes out wrong: the walk has seen what it is
};

class Search {
 public:
  Search(evaluate::Evaluator& evaluator, const Graph& target, const align::SourceValues& values,
         const align::Alignment& alignment, const Options& options)
      : evaluator_(evaluator), target_(target), values_(values), alignment_(alignment), options_(options) {}

  Result<Repair> repair(const diagnose::Fault& fault) {
    Repair out;
    out.fault = &fault;
    // Several small edits say more of what is wrong than one that does it all anew.
    for (const bool last_resort : {false, true}) {
      FETAFIX_TRY(const bool done, take_each(out, last_resort));
      if (done) break;
      FETAFIX_CHECK(combine(out));
      if (out.kept >= 0 || out.cut_short) break;
    }
    if (out.kept < 0) out.kept = second_best(out);
    return out;
  }

 private:
  using Candidates = std::vector<const faults::Candidate*>;

  // Each by itself; true: one mends the place, or there is no time left.
  Result<bool> take_each(Repair& out, bool last_resort) {
    for (const faults::Candidate& candidate : out.fault->candidates) {
      if (candidate.last_resort != last_resort) continue;
      FETAFIX_TRY(const bool done, take_unless_late(out, {&candidate}));
      if (done) return true;
    }
    return false;
  }

  // Tries these edits together; true: they mend the place, and are kept.
  Result<bool> take(Repair& out, Candidates candidates) {
    FETAFIX_TRY(Trial trial, attempt(*out.fault, std::move(candidates)));
    const bool accepted = trial.outcome == Outcome::accepted && is_writable(trial);
    out.trials.push_back(std::move(trial));
    if (accepted) out.kept = static_cast<int>(out.trials.size()) - 1;
    return accepted;
  }

  bool is_writable(Trial& trial) const {
    if (!options_.writable) return true;
    const Status status = options_.writable(edits_of(trial));
    trial.writable = status.ok();
    if (!status.ok()) trial.reason = "the edit could not be written: " + status.error().message;
    return trial.writable;
  }

  // What is kept where nothing mends the place: of single edits (only what mends it whole shows that all of
  // several are meant) the one that comes closest and can be written; else what would mend it, to be said.
  int second_best(Repair& repair) const {
    int best = -1, unwritable = -1;
    for (size_t i = 0; i < repair.trials.size(); ++i) {
      Trial& trial = repair.trials[i];
      const auto closer = [&](int other) {
        return other < 0 || trial.relative_error < repair.trials[static_cast<size_t>(other)].relative_error;
      };
      if (trial.outcome == Outcome::accepted && unwritable < 0) unwritable = static_cast<int>(i);
      if (trial.outcome != Outcome::partial || trial.candidates.size() != 1) continue;
      if (closer(best) && is_writable(trial)) best = static_cast<int>(i);
    }
    return best >= 0 ? best : unwritable;
  }

  // Several faults at one place: no single edit mends it, and one may not even show beside the others. The
  // likeliest in pairs, then the closest of these with one more, as long as that comes closer.
  Status combine(Repair& out) {
    const Candidates likely = likeliest(out);
    std::vector<Candidates> next;
    for (size_t i = 0; i < likely.size(); ++i)
      for (size_t k = i + 1; k < likely.size(); ++k) next.push_back({likely[i], likely[k]});
    double closest = std::numeric_limits<double>::infinity();
    while (!next.empty()) {
      const size_t from = out.trials.size();
      for (Candidates& together : next) {
        if (was_tried(out, together)) continue;
        FETAFIX_TRY(const bool done, take_unless_late(out, std::move(together)));
        if (done) return {};
      }
      next.clear();
      if (from == out.trials.size()) break;
      const auto best = std::min_element(out.trials.begin() + static_cast<std::ptrdiff_t>(from),
                                         out.trials.end(), is_closer);
      if (!is_judged(*best) || best->relative_error >= closest || best->candidates.size() == most_together)
        break;
      closest = best->relative_error;
      for (const faults::Candidate* more : likely) {
        if (std::find(best->candidates.begin(), best->candidates.end(), more) != best->candidates.end())
          continue;
        next.push_back(best->candidates);
        next.back().push_back(more);
      }
    }
    return {};
  }

  static bool was_tried(const Repair& repair, const Candidates& candidates) {
    return std::any_of(repair.trials.begin(), repair.trials.end(),
                       [&](const Trial& trial) { return trial.candidates == candidates; });
  }

  Result<bool> take_unless_late(Repair& out, Candidates candidates) {
    out.cut_short = out.cut_short || (options_.stop && options_.stop());
    if (out.cut_short) return true;
    return take(out, std::move(candidates));
  }

  static bool is_judged(const Trial& trial) { return trial.relative_error > 0; }
  static bool is_closer(const Trial& a, const Trial& b) {
    return is_judged(a) != is_judged(b) ? is_judged(a) : a.relative_error < b.relative_error;
  }

  // Of what could be applied, what came closest; what gives another size may do well beside another edit.
  static Candidates likeliest(const Repair& repair) {
    std::vector<const Trial*> trials;
    for (const Trial& trial : repair.trials)
      if (trial.outcome != Outcome::not_applicable && trial.writable) trials.push_back(&trial);
    std::stable_sort(trials.begin(), trials.end(),
                     [](const Trial* a, const Trial* b) { return is_closer(*a, *b); });
    Candidates out;
    for (const Trial* trial : trials)
      if (out.size() < most_combined) out.push_back(trial->candidates[0]);
    return out;
  }

  Result<Trial> attempt(const diagnose::Fault& fault, Candidates candidates) {
    Trial trial;
    trial.candidates = std::move(candidates);
    Graph edited = target_;
    for (const faults::Candidate* candidate : trial.candidates)
      for (const graph::Edit& edit : candidate->edits)
        if (auto status = graph::apply(edited, edit); !status.ok()) {
          trial.outcome = Outcome::not_applicable;
          trial.reason = status.error().message;
          return trial;
        }
    const Goal goal = goal_of(fault, edited);
    if (goal.value == graph::no_value) {
      trial.outcome = Outcome::not_applicable;
      trial.reason = "the edit removes what it should mend";
      return trial;
    }
    for (size_t s = 0; s < alignment_.values.size(); ++s)
      if (auto judged = judge(edited, goal, s, trial); !judged.ok()) {
        if (judged.error().kind == ErrorKind::interrupted) return std::move(judged).error();
        trial.outcome = Outcome::rejected;
        trial.reason = judged.error().message;
        return trial;
      }
    const bool exact = trial.tolerance.largest <= 1;
    const bool better = trial.relative_error < 0.5 * fault.relative_error;
    trial.outcome = exact ? Outcome::accepted : better ? Outcome::partial : Outcome::rejected;
    if (!exact) trial.reason = better ? "better, but outside the tolerance" : "does not help";
    return trial;
  }

  // Value ids survive edits; nodes are found again by what they make.
  Goal goal_of(const diagnose::Fault& fault, const Graph& edited) const {
    if (fault.segment) {
      const graph::Uses uses(edited);
      const ValueId end = fault.segment->target_end;
      const bool made = uses.producer[static_cast<size_t>(end)] >= 0;
      if (made) return sized_alike({end, alignment_.pairs.at(end)});
      // The operator was taken out: what its consumers read now stands for it.
      const graph::Uses before(target_);
      for (const graph::Uses::Use& use : before.consumers[static_cast<size_t>(end)]) {
        const ValueId consumer = target_.node(use.node).outputs[0];
        const NodeId now = uses.producer[static_cast<size_t>(consumer)];
        if (now >= 0)
          return {edited.node(now).inputs[static_cast<size_t>(use.input)], alignment_.pairs.at(end), true};
      }
      for (NodeId id : fault.segment->target_nodes)
        for (ValueId in : target_.node(id).inputs)
          if (auto pair = alignment_.pairs.find(in);
              pair != alignment_.pairs.end() && pair->second.source == fault.segment->source_end)
            return {in, pair->second, true};
      return {};
    }
    const align::Pair expected{fault.edge->expected, fault.edge->arrangement, align::Evidence::substituted};
    if (fault.edge->node < 0) return {edited.outputs[static_cast<size_t>(fault.edge->input)], expected, true};
    const ValueId made = target_.node(fault.edge->node).outputs[0];
    for (const graph::Node& node : edited.nodes)
      if (!node.outputs.empty() && node.outputs[0] == made)
        return {node.inputs[static_cast<size_t>(fault.edge->input)], expected, true};
    return {};
  }

  // Where the source has only the last step of what is a whole sequence here: what is made of that, further
  // on.
  Goal sized_alike(const Goal& given) const {
    constexpr int most_hops = 4;
    const graph::Uses uses(target_);
    Goal goal = given;
    for (int hop = 0; hop < most_hops; ++hop) {
      const auto& shape = target_.value(goal.value).shape;
      const auto size = shape ? element_count(*shape) : std::nullopt;
      if (!size || *size == values_.at(0, goal.expected.source).size()) return goal;
      const auto& readers = uses.consumers[static_cast<size_t>(goal.value)];
      if (readers.size() != 1 || target_.node(readers[0].node).outputs.size() != 1) return given;
      const ValueId next = target_.node(readers[0].node).outputs[0];
      const auto pair = alignment_.pairs.find(next);
      if (pair == alignment_.pairs.end() || pair->second.source != goal.expected.source) return given;
      goal = {next, pair->second};
    }
    return given;
  }

  // Values behind an edge or a number that the candidate has changed: what the walk said of them holds no
  // longer.
  std::set<ValueId> behind_changed(const Graph& edited) const {
    std::map<ValueId, const std::vector<ValueId>*> before;
    for (const graph::Node& node : target_.nodes)
      if (!node.outputs.empty()) before[node.outputs[0]] = &node.inputs;
    std::set<ValueId> out;
    for (const graph::Node& node : edited.nodes) {
      if (node.outputs.empty()) continue;
      auto was = before.find(node.outputs[0]);
      const bool rewired =
          was != before.end() && (computed_of(edited, *was->second) != computed_of(edited, node.inputs) ||
                                  reads_other_numbers(edited, *was->second, node.inputs));
      const bool reads =
          std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) { return out.contains(in); });
      if (rewired || reads) out.insert(node.outputs.begin(), node.outputs.end());
    }
    return out;
  }

  // Told by where the numbers lie: an edit makes them anew.
  bool reads_other_numbers(const Graph& edited, const std::vector<ValueId>& before,
                           const std::vector<ValueId>& now) const {
    for (size_t i = 0; i < std::min(before.size(), now.size()); ++i) {
      if (before[i] == graph::no_value || now[i] == graph::no_value) continue;
      const graph::Value &was = target_.value(before[i]), &is = edited.value(now[i]);
      if (was.is_constant() && is.is_constant() && was.constant.bytes().data() != is.constant.bytes().data())
        return true;
    }
    return false;
  }

  static std::vector<ValueId> computed_of(const Graph& graph, const std::vector<ValueId>& inputs) {
    std::vector<ValueId> out;
    for (ValueId in : inputs)
      if (in != graph::no_value && !graph.value(in).is_constant()) out.push_back(in);
    return out;
  }

  // Nodes that make `value` from paired values, in order, and the feeds they need.
  Result<std::vector<NodeId>> piece(const Graph& edited, const graph::Uses& uses, ValueId value,
                                    size_t sample, evaluate::Feeds& feeds) const {
    const std::set<ValueId> moved = behind_changed(edited);
    std::set<NodeId> nodes;
    std::vector<ValueId> open{value};
    bool goal = true;
    while (!open.empty()) {
      const ValueId at = open.back();
      open.pop_back();
      if (edited.value(at).is_constant()) continue;
      const bool original = static_cast<size_t>(at) < target_.values.size();
      auto known = alignment_.values[sample].find(at);
      const bool settled = original && !moved.contains(at) && known != alignment_.values[sample].end() &&
                           (alignment_.pairs.contains(at) || uses.producer[static_cast<size_t>(at)] < 0);
      if (settled && !goal) {
        feeds.insert_or_assign(at, known->second);
        continue;
      }
      const NodeId producer = uses.producer[static_cast<size_t>(at)];
      if (producer < 0) {
        if (known == alignment_.values[sample].end())
          return Error{ErrorKind::internal, "a value of the piece is not known"};
        feeds.insert_or_assign(at, known->second);
        goal = false;
        continue;
      }
      goal = false;
      if (!nodes.insert(producer).second) continue;
      for (ValueId in : edited.node(producer).inputs)
        if (in != graph::no_value) open.push_back(in);
    }
    return std::vector<NodeId>(nodes.begin(), nodes.end());
  }

  Status judge(const Graph& edited, const Goal& goal, size_t sample, Trial& trial) {
    const graph::Uses uses(edited);
    const Tensor& source = values_.at(sample, goal.expected.source);
    evaluate::Feeds feeds;
    Tensor actual, allowed;
    auto paired = alignment_.pairs.find(goal.value);
    const bool given = paired != alignment_.pairs.end() && paired->second.source == goal.expected.source &&
                       paired->second.arrangement == goal.expected.arrangement &&
                       (uses.producer[static_cast<size_t>(goal.value)] < 0 ||
                        (goal.elsewhere && only_rewires(trial.candidates)));
    if (given) {  // rewired to a value that is right already
      actual = alignment_.values[sample].at(goal.value);
    } else {
      FETAFIX_TRY(auto nodes, piece(edited, uses, goal.value, sample, feeds));
      const std::vector<ValueId> wanted{goal.value};
      FETAFIX_TRY(auto run, evaluator_.run(edited, nodes, feeds, wanted));
      actual = run[0];
      FETAFIX_TRY(allowed, piece_tolerance(evaluator_, edited, goal.value, nodes, feeds));
    }
    if (actual.dtype() != DType::float32 || actual.size() != source.size())
      return Error{ErrorKind::unsupported, "comes out as " + to_string(actual.shape())};
    const Tensor expected = align::hand_over(source, goal.expected.arrangement, actual.shape());
    trial.relative_error =
        std::max(trial.relative_error, compare::relative_l2(expected.as<float>(), actual.as<float>()));
    if (allowed.empty()) allowed = *Tensor::zeros(DType::float32, actual.shape());
    trial.tolerance.take_worse(
        compare::tolerance_ratio(expected.as<float>(), actual.as<float>(), allowed.as<float>()));
    return {};
  }

  // Nothing new is computed: the goal is another value of the target, which the walk has seen come out right.
  static bool only_rewires(const Candidates& candidates) {
    const auto rewires = [](const graph::Edit& e) {
      return std::holds_alternative<graph::SetOperand>(e) || std::holds_alternative<graph::RemoveNode>(e);
    };
    return std::all_of(candidates.begin(), candidates.end(), [&](const faults::Candidate* one) {
      return std::all_of(one->edits.begin(), one->edits.end(), rewires);
    });
  }

  evaluate::Evaluator& evaluator_;
  const Graph& target_;
  const align::SourceValues& values_;
  const align::Alignment& alignment_;
  const Options& options_;
};

}  // namespace

std::string_view outcome_name(Outcome outcome) {
  static constexpr std::array<std::string_view, 4> names{"accepted", "partial", "rejected", "not applicable"};
  return names[static_cast<size_t>(outcome)];
}

Result<std::vector<Repair>> search(evaluate::Evaluator& evaluator, const Graph& target,
                                   const align::SourceValues& values, const align::Alignment& alignment,
                                   const std::vector<diagnose::Fault>& faults, const Options& options) {
  Search one(evaluator, target, values, alignment, options);
  std::vector<Repair> out;
  for (const diagnose::Fault& fault : faults) {
    FETAFIX_TRY(Repair repair, one.repair(fault));
    out.push_back(std::move(repair));
    if (options.on_kept && out.back().kept >= 0) options.on_kept(out.back());
    if (options.progress) options.progress(out.size(), faults.size());
  }
  return out;
}

std::vector<graph::EditGroup> edits_of(const Repair& repair) {
  return repair.kept < 0 ? std::vector<graph::EditGroup>{}
                         : edits_of(repair.trials[static_cast<size_t>(repair.kept)]);
}

}  // namespace fetafix::repair
