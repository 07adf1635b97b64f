// Reads the text form of graphs (to_text in graph.h), so that tests and messages read as before and after.
#pragma once

#include <string_view>

#include "graph/graph.h"

namespace fetafix::graph {

// The inverse of to_text for graphs whose constants are shown whole (at most four elements). Longer constants
// are written in full, or as noise in [-1, 1) from a seed:
//   const %w float32[8,3,3,3] {random 7}
// Node k gets native operator k and a slot for each input. Errors name the line.
Result<Graph> parse_text(std::string_view text);

}  // namespace fetafix::graph
