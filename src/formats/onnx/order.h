// What an ONNX node reads, and an order in which each node comes after those that it reads from.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "onnx_wire/convert.h"

namespace fetafix::formats::onnx {

// "node 3 (Conv 'features/0')".
std::string label(const onnx_wire::Node& node, int index);

// Names of operands, and those that nested graphs read of the graph around them.
std::set<std::string> names_read(const onnx_wire::Node& node);

// Names of the graph around it that a nested graph reads.
std::set<std::string> names_captured(const onnx_wire::Graph& nested);

// Files should be in order; many that are not still load, so those nodes that must wait come later, the
// others stay where they are. `known`: names of inputs and initializers. Error kind `file`: a cycle, or a
// name that nothing computes. Takes time in proportion to the file.
Result<std::vector<int>> execution_order(const onnx_wire::Graph& graph, const std::set<std::string>& known);

}  // namespace fetafix::formats::onnx
