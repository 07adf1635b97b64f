// From an alignment to faults: which places are wrong, and what each pattern proposes for them.
#pragma once

#include "faults/pattern.h"

namespace fetafix::diagnose {

struct Fault {
  const align::Segment* segment = nullptr;  // exactly one of the two is set
  const align::EdgeFault* edge = nullptr;
  graph::NodeId target_node = -1;             // the operator to look at
  graph::NodeId source_node = -1;             // its counterpart; -1: none
  std::vector<graph::NodeId> places;          // all target nodes of one cause in many places
  std::vector<faults::Candidate> candidates;  // in the order in which they should be tried
  double relative_error = 0;
  double ratio_to_tolerance = 0;
};

// The node that a candidate's first edit touches; `otherwise` for an insertion.
graph::NodeId touched_by(const graph::Graph& target, const faults::Candidate& candidate,
                         graph::NodeId otherwise);

// Faults in the order of the target, those that nothing aligned last. Views are canonical forms. The
// result points into `alignment`.
std::vector<Fault> diagnose(const graph::Graph& source, const graph::Graph& target,
                            const align::SourceValues& values, const align::Alignment& alignment);

}  // namespace fetafix::diagnose
