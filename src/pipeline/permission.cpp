#include "pipeline/permission.h"

#include <algorithm>
#include <set>

#include "base/near.h"
#include "faults/pattern.h"

namespace fetafix::pipeline {
namespace {

std::set<std::string> operator_names(const graph::Graph& graph) {
  std::set<std::string> out;
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(graph.nodes.size()); ++id)
    for (const std::string& name : names_of(graph, id)) out.insert(name);
  return out;
}

Status known(const std::string& option, const std::vector<std::string>& words,
             const std::set<std::string>& classes, const std::set<std::string>& operators) {
  for (const std::string& word : words) {
    if (classes.contains(word) || operators.contains(word)) continue;
    const auto near = near_names(word, {operators.begin(), operators.end()});
    return Error{ErrorKind::usage,
                 option + ": '" + word +
                     "' is no class of faults and names no operator of either file; classes are " +
                     joined({classes.begin(), classes.end()}) +
                     (near.empty() ? std::string() : "; operators with a like name are " + joined(near))};
  }
  return {};
}

bool names_it(const std::string& word, const Analysis& analysis, const diagnose::Fault& fault,
              const faults::Candidate& candidate) {
  const auto called = [&](const graph::Graph& graph, graph::NodeId id) {
    if (id < 0) return false;
    const auto names = names_of(graph, id);
    return std::find(names.begin(), names.end(), word) != names.end();
  };
  return word == candidate.fault_class || called(analysis.source, fault.source_node) ||
         called(analysis.target, fault.target_node) ||
         std::any_of(fault.places.begin(), fault.places.end(),
                     [&](graph::NodeId id) { return called(analysis.target, id); });
}

}  // namespace

Result<Permission> Permission::make(const Options& options, const Pair& pair) {
  std::set<std::string> classes;
  for (const faults::Pattern& pattern : faults::catalogue()) classes.emplace(pattern.fault_class);
  std::set<std::string> operators = operator_names(pair.source.lifted.graph);
  operators.merge(operator_names(pair.target.lifted.graph));
  FETAFIX_CHECK(known("--allow", options.allow, classes, operators));
  FETAFIX_CHECK(known("--forbid", options.forbid, classes, operators));
  Permission out;
  out.allowed_ = options.allow;
  out.forbidden_ = options.forbid;
  return out;
}

std::string Permission::objection(const Analysis& analysis, const diagnose::Fault& fault,
                                  const faults::Candidate& candidate) const {
  const auto names = [&](const std::string& word) { return names_it(word, analysis, fault, candidate); };
  const auto forbidden = std::find_if(forbidden_.begin(), forbidden_.end(), names);
  if (forbidden != forbidden_.end()) return "--forbid names '" + *forbidden + "'";
  if (allowed_.empty() || std::any_of(allowed_.begin(), allowed_.end(), names)) return "";
  return "--allow does not name it";
}

Permitted permitted(const Permission& permission, const Analysis& analysis) {
  Permitted out{analysis.faults, std::vector<std::string>(analysis.faults.size())};
  if (!permission.limits()) return out;
  for (size_t i = 0; i < out.faults.size(); ++i) {
    // A fault is what its likeliest explanation says: where that may not be mended, neither may others.
    auto& candidates = out.faults[i].candidates;
    if (!candidates.empty())
      out.objections[i] = permission.objection(analysis, analysis.faults[i], candidates[0]);
    if (!out.objections[i].empty()) candidates.clear();
    std::erase_if(out.faults[i].candidates, [&](const faults::Candidate& candidate) {
      std::string objection = permission.objection(analysis, analysis.faults[i], candidate);
      if (objection.empty()) return false;
      if (out.objections[i].empty()) out.objections[i] = std::move(objection);
      return true;
    });
  }
  return out;
}

}  // namespace fetafix::pipeline
