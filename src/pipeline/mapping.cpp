#include "pipeline/mapping.h"

#include <algorithm>
#include <set>

#include "base/near.h"

namespace fetafix::pipeline {
namespace {

using graph::Graph;
using graph::ValueId;

// Inputs and computed values by the name that the file gives them; the first, where several have one.
std::map<std::string, ValueId> named_values(const Graph& graph) {
  std::map<std::string, ValueId> out;
  for (ValueId id = 0; id < static_cast<ValueId>(graph.values.size()); ++id)
    if (const graph::Value& value = graph.value(id); !value.is_constant() && !value.native_name.empty())
      out.emplace(value.native_name, id);
  return out;
}

bool contains(const std::vector<ValueId>& values, ValueId value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

Error unknown(const std::string& word, const std::string& side, const std::string& name,
              const std::map<std::string, ValueId>& known) {
  std::vector<std::string> names;
  for (const auto& [one, id] : known) names.push_back(one);
  const auto near = near_names(name, names);
  return {ErrorKind::usage, "--map " + word + ": the " + side + " has no value '" + name + "'" +
                                (near.empty() ? std::string() : "; names near it are " + joined(near))};
}

// Where the names part: at an equals sign with a known name on both sides, else at the first.
size_t parting(const std::string& word, const std::map<std::string, ValueId>& source,
               const std::map<std::string, ValueId>& target) {
  for (size_t at = word.find('='); at != std::string::npos; at = word.find('=', at + 1))
    if (source.contains(word.substr(0, at)) && target.contains(word.substr(at + 1))) return at;
  return word.find('=');
}

}  // namespace

Result<Mapping> Mapping::make(const std::vector<std::string>& words, const Graph& source,
                              const Graph& target) {
  Mapping out;
  if (words.empty()) return out;
  const auto in_source = named_values(source), in_target = named_values(target);
  for (const std::string& word : words) {
    const size_t equals = parting(word, in_source, in_target);
    if (equals == std::string::npos)
      return Error{ErrorKind::usage, "--map: expected SOURCE=TARGET, found '" + word + "'"};
    const std::string left = word.substr(0, equals), right = word.substr(equals + 1);
    const auto from = in_source.find(left), to = in_target.find(right);
    if (from == in_source.end()) return unknown(word, "source", left, in_source);
    if (to == in_target.end()) return unknown(word, "target", right, in_target);
    const bool source_input = contains(source.inputs, from->second);
    const bool target_input = contains(target.inputs, to->second);
    if (source_input != target_input)
      return Error{ErrorKind::usage, "--map " + word + ": '" + (source_input ? left : right) +
                                         "' is a model input, '" + (source_input ? right : left) +
                                         "' is computed"};
    const bool outputs = contains(source.outputs, from->second) && contains(target.outputs, to->second);
    (source_input ? out.inputs : outputs ? out.outputs : out.values).emplace_back(left, right);
  }
  return out;
}

std::map<ValueId, ValueId> Mapping::values_of(const Graph& source, const Graph& target) const {
  std::map<ValueId, ValueId> out;
  if (values.empty()) return out;
  const auto in_source = named_values(source), in_target = named_values(target);
  for (const auto& [left, right] : values) {
    const auto from = in_source.find(left), to = in_target.find(right);
    if (from != in_source.end() && to != in_target.end()) out[to->second] = from->second;
  }
  return out;
}

Result<std::vector<size_t>> paired_order(const std::vector<std::string>& source,
                                         const std::vector<std::string>& target,
                                         const Mapping::Names& named) {
  std::map<size_t, size_t> fixed;  // position in the source -> in the target
  std::set<size_t> taken;
  for (const auto& [left, right] : named) {
    const auto from = static_cast<size_t>(std::find(source.begin(), source.end(), left) - source.begin());
    const auto to = static_cast<size_t>(std::find(target.begin(), target.end(), right) - target.begin());
    if (from >= target.size() || to >= target.size())
      return Error{ErrorKind::usage, "--map " + left + "=" + right + ": the target has only " +
                                         std::to_string(target.size()) + " of them, and '" + left +
                                         "' is number " + std::to_string(from + 1) + " of the source"};
    if (!taken.insert(to).second || !fixed.emplace(from, to).second)
      return Error{ErrorKind::usage, "--map " + left + "=" + right + ": one of them is mapped already"};
  }
  std::vector<size_t> out;
  size_t next = 0;
  for (size_t i = 0; i < target.size(); ++i) {
    if (auto found = fixed.find(i); found != fixed.end()) {
      out.push_back(found->second);
      continue;
    }
    while (taken.contains(next)) ++next;
    out.push_back(next++);
  }
  return out;
}

std::vector<std::string> native_names(const Graph& graph, const std::vector<ValueId>& values) {
  std::vector<std::string> out;
  for (ValueId id : values) out.push_back(graph.value(id).native_name);
  return out;
}

}  // namespace fetafix::pipeline
