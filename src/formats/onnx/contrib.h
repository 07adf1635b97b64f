// The fused operators that ONNX Runtime's own optimizer writes (domain com.microsoft), as the operators that
// they were made of. Source of each meaning: ONNX Runtime's documentation of its contributed operators.
#pragma once

#include "graph/graph.h"

namespace fetafix::formats::onnx {

// Adds the nodes that `node` stands for. False: not one of them, or not exactly; nothing was added.
bool add_contributed(graph::Graph& graph, const graph::Node& node);

}  // namespace fetafix::formats::onnx
