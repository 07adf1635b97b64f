// Runs views and pieces of views through our own pinned ONNX Runtime, in a worker.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"
#include "tensor/tensor.h"

namespace fetafix::evaluate {

using Feeds = std::map<graph::ValueId, Tensor>;

class Evaluator {
 public:
  virtual ~Evaluator() = default;

  // Runs `nodes` of `graph` (ids in topological order). `feeds` gives every value they read that is
  // neither constant nor made by them; a fed value is not computed even if one of them makes it.
  // Returns `wanted` in order.
  // Sessions are cached by structure, weights are passed as inputs: running the same kind of operator
  // with other weights costs no new session.
  virtual Result<std::vector<Tensor>> run(const graph::Graph& graph, std::span<const graph::NodeId> nodes,
                                          const Feeds& feeds, std::span<const graph::ValueId> wanted) = 0;
};

struct EvaluatorOptions {
  int threads = 2;
  const std::atomic<bool>* interrupted = nullptr;  // becomes true: every run ends as ErrorKind::interrupted
};

Result<std::unique_ptr<Evaluator>> make_evaluator(const EvaluatorOptions& options);

}  // namespace fetafix::evaluate
