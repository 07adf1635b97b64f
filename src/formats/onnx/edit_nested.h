// SetTensor on a node of a nested graph, which NativeOperator::graph names by its way from the main one:
// "/8:body" is attribute `body` of node 8.
#pragma once

#include "graph/edit.h"
#include "onnx_wire/convert.h"

namespace fetafix::formats::onnx {

// The first step of such a way, and what is left of it; nullopt: it is none.
struct NestedStep {
  int node = -1;
  std::string attribute;
  std::string rest;  // "": it ends there
};
std::optional<NestedStep> first_step(const std::string& path);

// Writes the constant that the edit means, of a graph somewhere in attribute `step.attribute` of `node`.
Status set_nested(onnx_wire::Node& node, const NestedStep& step, const graph::SetTensor& edit);

}  // namespace fetafix::formats::onnx
