// TFLite's LSTM clips its cell, which no ONNX operator says: in views it is an LSTM with an attribute
// `cell_clip`. What is run in its place is a Scan over the steps.
#pragma once

#include <optional>

#include "graph/graph.h"

namespace fetafix::evaluate {

// Nothing for any other node. An LSTM with cell_clip has its first states and one direction; no lengths.
std::optional<graph::Node> without_cell_clip(const graph::Node& node);

}  // namespace fetafix::evaluate
