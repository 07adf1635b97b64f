// attribute: a hyperparameter differs in its resolved meaning (defaults filled in, auto_pad resolved,
// padding of a separate Pad node counted).
#include <algorithm>
#include <cmath>

#include "faults/attributes.h"
#include "faults/effective.h"
#include "faults/node_pairs.h"

namespace fetafix::faults {
namespace {

using graph::Attribute;
using Ints = std::vector<int64_t>;

void add(Candidate& out, const Place& place, graph::NodeId target, const std::string& name,
         const Attribute& value, const std::string& found) {
  out.edits.push_back(graph::SetAttribute{graph::address_of(place.target, target), name, value});
  out.explanation += (out.explanation.empty() ? "" : "; ") + name + " is " + found +
                     " where the source has " + graph::to_text(value);
  out.pattern = out.pattern.empty() ? name : out.pattern + "+" + name;
}

// Pads of a convolution, counting Pad nodes on both sides.
void compare_pads(Candidate& out, const Place& place, const NodePair& pair) {
  const auto source = effective(place.source, place.segment->source_nodes, source_constants(place));
  const auto target = effective(place.target, place.segment->target_nodes, target_constants(place));
  if (!source || source->pads.empty()) return;
  const graph::Node& node = place.target.node(pair.target);
  const bool automatic = graph::attribute_or(node, "auto_pad", std::string("NOTSET")) != "NOTSET";
  const Ints own = graph::attribute_or(node, "pads", Ints(source->pads.size(), 0));
  const Ints resolved = target && !target->pads.empty() ? target->pads : own;
  if (!automatic && resolved == source->pads) return;
  Ints wanted = source->pads;
  for (size_t i = 0; i < wanted.size() && i < own.size() && i < resolved.size(); ++i)
    wanted[i] -= resolved[i] - own[i];
  if (std::any_of(wanted.begin(), wanted.end(), [](int64_t v) { return v < 0; })) return;
  add(out, place, pair.target, "pads", wanted, automatic ? "automatic" : graph::to_text(Attribute(own)));
}

}  // namespace

std::vector<Candidate> attribute(const Place& place) {
  if (!place.segment) return {};
  Candidate out;
  for (const NodePair& pair : pairs_by_type(place)) {
    const graph::Node& source = place.source.node(pair.source);
    const graph::Node& target = place.target.node(pair.target);
    if (target.type == "Conv") compare_pads(out, place, pair);
    for (const AttributeDifference& one : differing_attributes(source, target))
      add(out, place, pair.target, one.name, one.source, graph::to_text(one.target));
  }
  if (out.edits.empty()) return {};
  out.fault_class = "hyperparameters";
  out.advice =
      "set the hyperparameter explicitly in the source model instead of relying on a framework's default";
  return {out};
}

}  // namespace fetafix::faults
