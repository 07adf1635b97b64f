// Turns a piece of a view into an ONNX model that ONNX Runtime can run.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace fetafix::evaluate {

// A model in bytes and how to feed it. Names are made up in order of appearance, and weights are model
// inputs, so two pieces with the same structure have the same bytes: those are the session's key.
struct BuiltModel {
  std::string bytes;
  std::vector<std::string> input_names;
  std::vector<graph::ValueId> input_values;  // fed values and constants
  std::vector<std::string> output_names;     // of `wanted`, in order
};

// `is_fed(v)` marks values that come from outside although a node may make them.
// Errors (unsupported): an opaque node, a value that is neither fed, constant nor computed by `nodes`.
Result<BuiltModel> build_model(const graph::Graph& graph, std::span<const graph::NodeId> nodes,
                               const std::vector<std::pair<graph::ValueId, DType>>& fed,
                               std::span<const graph::ValueId> wanted);

// The whole view as a model file with its own names and weights, for debugging and tests.
Result<std::string> to_onnx(const graph::Graph& graph);

}  // namespace fetafix::evaluate
