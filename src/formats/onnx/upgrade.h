// Brings one operator of an older operator set to the view's (opset 21), exactly or not at all.
//
// Source of each change: the operator changelog of the ONNX specification. What newer operator sets
// turned from an attribute into an operand becomes a constant whose lens names the attribute, so that an
// edit of the operand is written back as the attribute.
#pragma once

#include "graph/graph.h"

namespace fetafix::formats::onnx {

// The node as the file has it goes in; the nodes that mean the same in opset 21 are added to `graph`.
// False: this operator at this version has no exact equivalent here; nothing was added.
bool add_upgraded(graph::Graph& graph, graph::Node node, int opset);

// The first operator set that writes this operator as the view does; 0: all that are read.
int form_since(const std::string& type);

}  // namespace fetafix::formats::onnx
