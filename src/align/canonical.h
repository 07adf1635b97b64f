// The canonical form of a view: what different exporters write as one operator or as several is written
// here as primitives, so that values meet. It exists only to align and compare; edits are made on the view.
#pragma once

#include "graph/graph.h"

namespace fetafix::align {

// Existing value ids keep their meaning; new values are appended. A new node keeps the native operator,
// the role and the slots of the node it came from, so an edit addressed to the view applies here too.
graph::Graph canonical(const graph::Graph& view);

}  // namespace fetafix::align
