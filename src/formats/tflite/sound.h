// What keeps a TFLite file from being read as a model or loaded, and the edits that need no view.
#pragma once

#include "formats/tflite/model.h"
#include "graph/order.h"

namespace fetafix::formats::tflite {

using Builtin = schema::BuiltinOperator;

// Applies those edits of `patch` that work on the main graph as it stands; returns the others, which want the
// view of what is left. Operators keep their places; whether they have to be sorted in the end says `sort`.
Result<graph::Patch> apply_to_file(schema::ModelT& model, uint32_t subgraph, const graph::Patch& patch,
                                   bool& sort);

// Puts the operators behind all that they read, where they are not.
void sort_operators(schema::SubGraphT& graph);
// The order of operators that read and write these tensors.
graph::ExecutionOrder order_of(const std::vector<std::vector<int32_t>>& reads,
                               const std::vector<std::vector<int32_t>>& writes);
graph::ExecutionOrder order_of(const schema::SubGraphT& graph);

// One after another, each in the file as mending those before has left it.
std::vector<Defect> defects_of(const schema::ModelT& model, uint32_t subgraph, const graph::Graph& source);

// The kind that an operator's code states.
Builtin builtin_of(const schema::ModelT& model, const schema::OperatorT& op);

}  // namespace fetafix::formats::tflite
