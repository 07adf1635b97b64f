// replaced-segment, the last resort: what the source computes here is computed anew from values that the
// target has, and what computed it before is taken out.
#include <algorithm>
#include <map>
#include <set>

#include "faults/effective.h"
#include "faults/in_target.h"

namespace fetafix::faults {
namespace {

using graph::NodeId;
using graph::ValueId;

constexpr size_t longest = 5;  // source operators: a longer piece is a conversion of its own

// The source's operators behind values that the target has: each reads the one before it, and nothing else of
// them.
struct Chain {
  std::vector<NodeId> nodes;                                 // first to last
  std::vector<std::vector<std::pair<int, ValueId>>> others;  // of each: operands that are other target values
};

class Finder {
 public:
  Finder(const Place& place, const align::Pair& end, ValueId at)
      : place_(place), end_(end), before_(place.target_uses.producer[static_cast<size_t>(at)]) {}

  std::optional<Chain> run() {
    Chain out;
    ValueId at = end_.source;
    while (out.nodes.size() < longest) {
      const NodeId id = place_.values.uses().producer[static_cast<size_t>(at)];
      if (id < 0) return std::nullopt;
      const graph::Node& node = place_.source.node(id);
      if (node.outputs.size() != 1) return std::nullopt;
      std::vector<std::pair<int, ValueId>> others;
      ValueId inside = graph::no_value;
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        const ValueId in = node.inputs[i];
        if (in == graph::no_value || !source_constants(place_)(in).empty()) continue;
        if (const auto value = held(in)) {
          others.emplace_back(static_cast<int>(i), *value);
        } else if (inside == graph::no_value || inside == in) {
          inside = in;
        } else {
          return std::nullopt;
        }
      }
      out.nodes.insert(out.nodes.begin(), id);
      out.others.insert(out.others.begin(), std::move(others));
      if (inside == graph::no_value) return out;
      at = inside;
    }
    return std::nullopt;
  }

 private:
  // A target value that the file has; those inside an operator are gone with it.
  std::optional<ValueId> held(ValueId wanted) const {
    const auto value = counterpart(place_, wanted, end_.arrangement, before_);
    const bool native = value && (place_.target.value(*value).native_tensor >= 0 ||
                                  place_.target_uses.producer[static_cast<size_t>(*value)] < 0);
    return native ? value : std::nullopt;
  }

  const Place& place_;
  const align::Pair& end_;
  NodeId before_;
};

// Nodes of the segment that nobody will read, last to first.
std::vector<NodeId> left_over(const Place& place, const Chain& chain) {
  std::set<ValueId> needed;
  for (const auto& others : chain.others)
    for (const auto& [operand, value] : others) needed.insert(value);
  std::set<NodeId> dead;
  std::vector<NodeId> out;
  const auto& nodes = place.segment->target_nodes;
  for (auto id = nodes.rbegin(); id != nodes.rend(); ++id) {
    const graph::Node& node = place.target.node(*id);
    const bool unread = std::all_of(node.outputs.begin(), node.outputs.end(), [&](ValueId value) {
      if (needed.contains(value)) return false;
      if (value == graph::no_value || value == place.segment->target_end) return true;
      const auto& readers = place.target_uses.consumers[static_cast<size_t>(value)];
      return !place.target_uses.is_output[static_cast<size_t>(value)] &&
             std::all_of(readers.begin(), readers.end(),
                         [&](const auto& use) { return dead.contains(use.node); });
    });
    if (!unread) continue;
    dead.insert(*id);
    out.push_back(*id);
  }
  return out;
}

// A native operator is taken out whole, and only when nothing of it is needed any more.
void take_out(const Place& place, const Chain& chain, Candidate& out) {
  std::map<graph::NativeOperator, size_t> parts;
  for (const graph::Node& node : place.target.nodes) ++parts[node.native];
  const auto dead = left_over(place, chain);
  std::map<graph::NativeOperator, size_t> gone;
  for (NodeId id : dead) ++gone[place.target.node(id).native];
  std::set<graph::NativeOperator> taken;  // cores: an operator of the file may be several of the view's
  for (NodeId id : dead) {
    const graph::Node& node = place.target.node(id);
    if (node.role == graph::Role::core && !taken.insert(node.native).second) continue;
    const bool whole = gone[node.native] == parts[node.native];
    const bool part = node.role == graph::Role::core || node.role == graph::Role::activation;
    if (!whole || !part || node.native.index < 0) continue;
    const auto through = std::find_if(node.inputs.begin(), node.inputs.end(), [&](ValueId in) {
      return in != graph::no_value && !place.target.value(in).is_constant();
    });
    if (through == node.inputs.end()) continue;
    out.edits.push_back(graph::RemoveNode{graph::address_of(place.target, id),
                                          static_cast<int>(through - node.inputs.begin())});
  }
}

}  // namespace

std::vector<Candidate> replaced_segment(const Place& place) {
  if (!place.segment || place.segment->target_end == graph::no_value) return {};
  const ValueId end = place.segment->target_end;
  const auto pair = place.alignment.pairs.find(end);
  if (pair == place.alignment.pairs.end() || place.target_uses.producer[static_cast<size_t>(end)] < 0)
    return {};
  const auto chain = Finder(place, pair->second, end).run();
  auto edge = graph::address_of(place.target, place.target_uses, end);
  if (!chain || !edge.ok() || !place.alignment.values[0].contains(end)) return {};
  const Shape& shape = place.alignment.values[0].at(end).shape();
  Candidate out;
  std::string names;
  // The last one goes in first: each insertion comes right behind the edge's producer.
  for (size_t i = chain->nodes.size(); i-- > 0;) {
    auto insert = node_in_target(place, chain->nodes[i], pair->second.arrangement, shape);
    if (!insert) return {};
    insert->edge = *edge;
    for (const auto& [operand, value] : chain->others[i]) {
      auto address = graph::address_of(place.target, place.target_uses, value);
      if (!address.ok()) return {};
      insert->other_operands.emplace_back(operand, *address);
    }
    names = insert->type + (names.empty() ? "" : ", ") + names;
    out.edits.push_back(std::move(*insert));
  }
  take_out(place, *chain, out);
  out.last_resort = true;
  out.pattern = "replaced-segment";
  out.fault_class = "graph";
  out.explanation =
      "what stands here is not what the source computes, and no smaller change mends it: the source's " +
      names + (chain->nodes.size() > 1 ? " take its place" : " takes its place");
  out.advice = "check how the converter translates " + names;
  return {out};
}

}  // namespace fetafix::faults
