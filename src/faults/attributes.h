// What two operators of one type compute differently by their attributes.
#pragma once

#include "graph/graph.h"

namespace fetafix::faults {

// One attribute by which an operator computes, as each side means it.
struct AttributeDifference {
  std::string name;
  graph::Attribute source;
  graph::Attribute target;
};

// Of those attributes that do not depend on the layout; defaults are filled in. Pads of convolutions are not
// among them (effective.h).
std::vector<AttributeDifference> differing_attributes(const graph::Node& source, const graph::Node& target);

// An attribute of the table as the node means it: its default where it is not set. An empty list for what the
// table does not know.
graph::Attribute resolved_attribute(const graph::Node& node, const std::string& name);

// Whether all attributes of the operator are in the table.
bool knows_all_attributes(const graph::Node& node);

}  // namespace fetafix::faults
