// A quantized bias is stored in steps of input scale times weight scale, and the file says which: where that
// contradicts the scales that the operator reads, one of them was changed afterwards.
#pragma once

#include "graph/graph.h"

namespace fetafix::align {

struct BiasClaim {
  graph::ValueId derived = graph::no_value;  // the steps that the operator takes
  graph::ValueId claimed = graph::no_value;  // no value: no claim, or one that can't be understood
  double factor = 1;  // claimed over derived, the same for all channels; in float form derived over claimed
};

// Of a node of role bias that unpacks it.
BiasClaim bias_claim(const graph::Graph& graph, const graph::Node& node);

}  // namespace fetafix::align
