// A native WHILE as one ONNX Loop: its body is the body's graph followed by the condition's; the condition
// before the first step is computed in front of it. The nested graphs are carried, not analyzed
// (graph::Body).
#pragma once

#include "graph/graph.h"

namespace fetafix::graph {

// Why a condition and a body over so many variables make no Loop; "": they do.
std::string why_no_loop(const Graph& condition, const Graph& body, size_t variables);

// The body of the Loop that stands for native operator `native`. Values of `condition` are renamed so that
// none is named as one of the body's.
Graph loop_body(Graph& condition, Graph body, int native);

}  // namespace fetafix::graph
