// What differs between two models when nothing is run: their stored numbers, attributes and how their
// operators hang together. An honest comparison, not a proof: what only moves elements and what the layout
// decides (axes) is compared as text, and what it can't tell is counted.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace fetafix::diagnose {

struct StaticDifference {
  graph::NodeId source_node = -1;  // -1: nothing there
  graph::NodeId target_node = -1;
  std::string fault_class;
  std::string pattern;
  std::string explanation;
  double confidence = 0;  // at most 0.3 where a rewrite may explain it
  double distance = 0;    // relative, of stored numbers
};

enum class Likeness { same, differs, unknown };

struct StaticComparison {
  std::vector<StaticDifference> differences;  // in the order of the target
  // Operators of the target, by the node that stands for them.
  std::vector<std::pair<graph::NodeId, Likeness>> operators;
  bool fewer_bits = false;       // numbers were compared within what storing them in fewer bits may change
  size_t source_left = 0;        // operators of the source without a counterpart or an explanation
  bool outputs_unknown = false;  // what the model's outputs are could not be compared
};

// Both in canonical form. Normalization and dropout in training mode are told first, and then taken as if
// they were not.
StaticComparison compare_static(const graph::Graph& source, const graph::Graph& target);

}  // namespace fetafix::diagnose
