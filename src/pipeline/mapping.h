// What the user says belongs together: --map source=target, names of model inputs, model outputs or computed
// values as the files have them.
#pragma once

#include <map>

#include "base/result.h"
#include "graph/graph.h"

namespace fetafix::pipeline {

struct Mapping {
  using Names = std::vector<std::pair<std::string, std::string>>;  // source, target
  Names inputs;
  Names outputs;
  Names values;

  // Error kind usage: a name that a file does not have (with those that are near), or an input with a value.
  static Result<Mapping> make(const std::vector<std::string>& words, const graph::Graph& source,
                              const graph::Graph& target);

  // The values by target value; of names that a graph does not have nothing.
  std::map<graph::ValueId, graph::ValueId> values_of(const graph::Graph& source,
                                                     const graph::Graph& target) const;
};

// Which of `target` belongs to each position of `source`: those that `named` pairs, and the rest in order.
// Error kind usage: something is named twice, or a position that the target does not have.
Result<std::vector<size_t>> paired_order(const std::vector<std::string>& source,
                                         const std::vector<std::string>& target, const Mapping::Names& named);

std::vector<std::string> native_names(const graph::Graph& graph, const std::vector<graph::ValueId>& values);

}  // namespace fetafix::pipeline
