// What a TensorFlow file takes and gives: the one rule for the format that reads it and the worker that runs
// it.
#pragma once

#include <string>
#include <vector>

#include "tensorflow_wire/convert.h"

namespace fetafix::tensorflow_wire {

struct Port {
  std::string key;     // in the signature; of a frozen graph: the node
  std::string tensor;  // "node:0"
  DType dtype = DType::unknown;
  std::optional<fetafix::Shape> shape;
};

// In the order of the keys: a signature has none of its own.
struct Interface {
  std::string signature;  // empty: a frozen graph
  std::vector<Port> inputs, outputs;
};

// "node:2" or "node" as the node's name and the number of its output.
std::pair<std::string, int> split_tensor_name(const std::string& tensor);

// The graph tagged "serve", else the only one. Error kind `file`: none; `unsupported`: several and none to
// serve.
Result<const MetaGraph*> serving_graph(const SavedModel& model);
Result<MetaGraph*> serving_graph(SavedModel& model);

// `signature` empty: "serving_default", else the only one that gives something.
// Error kind `usage`: no such signature, or several and none chosen; the message lists them.
Result<Interface> interface_of(const MetaGraph& graph, const std::string& signature = "");

// Of a frozen graph: its placeholders, and what no node reads, in the order of the file.
Result<Interface> interface_of(const Graph& graph);

}  // namespace fetafix::tensorflow_wire
