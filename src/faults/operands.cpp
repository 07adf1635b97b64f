// rewired-operand, seen from the operator: it does not compute what its counterpart does, and reads other
// values than that (two operands swapped, a Concat in another order, an Add of the wrong branch).
#include <algorithm>

#include "faults/effective.h"
#include "faults/in_target.h"
#include "faults/node_pairs.h"

namespace fetafix::faults {
namespace {

using graph::ValueId;

bool is_commutative(const std::string& type) {
  return type == "Add" || type == "Mul" || type == "Max" || type == "Min";
}

// Of the node's operands: which source value (its class) each one that varies is; no_value: not known.
std::vector<std::pair<size_t, ValueId>> read_by_target(const Place& place, const graph::Node& node) {
  std::vector<std::pair<size_t, ValueId>> out;
  const ConstantLookup constants = target_constants(place);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == graph::no_value || !constants(node.inputs[i]).empty()) continue;
    auto pair = place.alignment.pairs.find(node.inputs[i]);
    out.emplace_back(i, pair == place.alignment.pairs.end() ? graph::no_value
                                                            : place.values.class_of(pair->second.source));
  }
  return out;
}

// ... and what the source's node reads: the very values, in the layout in which it reads them.
std::vector<ValueId> read_by_source(const Place& place, const graph::Node& node) {
  std::vector<ValueId> out;
  const ConstantLookup constants = source_constants(place);
  for (ValueId in : node.inputs)
    if (in != graph::no_value && constants(in).empty()) out.push_back(in);
  return out;
}

// In what order the operands of an operator without order have to be compared: what both read comes first.
void match_up(const Place& place, std::vector<std::pair<size_t, ValueId>>& target,
              std::vector<ValueId>& source) {
  size_t settled = 0;
  for (size_t s = 0; s < source.size(); ++s) {
    const auto same =
        std::find_if(target.begin() + static_cast<std::ptrdiff_t>(settled), target.end(),
                     [&](const auto& t) { return t.second == place.values.class_of(source[s]); });
    if (same == target.end()) continue;
    std::swap(source[s], source[settled]);
    std::swap(*same, target[settled]);
    ++settled;
  }
}

// The operators that make the ends of the segment come first: what lies before them may be others, since the
// target reads other values.
std::vector<NodePair> pairs_to_compare(const Place& place) {
  std::vector<NodePair> out;
  const graph::NodeId last = place.values.uses().producer[static_cast<size_t>(place.segment->source_end)];
  const auto& nodes = place.segment->target_nodes;
  if (last >= 0)
    for (auto id = nodes.rbegin(); id != nodes.rend() && out.empty(); ++id)
      if (place.target.node(*id).type == place.source.node(last).type) out.push_back({last, *id});
  for (const NodePair& pair : pairs_by_type(place))
    if (out.empty() || pair.target != out[0].target) out.push_back(pair);
  return out;
}

}  // namespace

std::vector<Candidate> rewired_operator(const Place& place) {
  if (!place.segment || place.segment->source_end == graph::no_value) return {};
  std::vector<Candidate> out;
  for (const NodePair& pair : pairs_to_compare(place)) {
    const graph::Node& node = place.target.node(pair.target);
    auto have = read_by_target(place, node);
    auto wanted = read_by_source(place, place.source.node(pair.source));
    if (have.size() != wanted.size() || have.size() < 2) continue;
    if (is_commutative(node.type)) match_up(place, have, wanted);
    Candidate one;
    for (size_t i = 0; i < have.size(); ++i) {
      if (have[i].second == place.values.class_of(wanted[i])) continue;
      const auto& end = place.alignment.pairs.at(place.segment->target_end);
      const auto value = counterpart(place, wanted[i], end.arrangement, pair.target);
      auto address = value ? graph::address_of(place.target, place.target_uses, *value)
                           : Result<graph::ValueAddress>(Error{ErrorKind::unsupported, "none"});
      if (!address.ok()) {
        one.edits.clear();
        break;
      }
      one.edits.push_back(graph::SetOperand{graph::address_of(place.target, pair.target),
                                            static_cast<int>(have[i].first), *address});
    }
    if (one.edits.empty()) continue;
    one.pattern = "rewired-operand";
    one.fault_class = "graph";
    one.explanation =
        one.edits.size() == 1
            ? "an operand of this " + node.type + " reads another value than in the source"
            : "the operands of this " + node.type + " are not those of the source, or in another order";
    one.advice = "check the converter's handling of shared and renamed edges";
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace fetafix::faults
