// Inputs for a model, and how far two results lie apart.
#pragma once

#include "base/result.h"
#include "evaluate/evaluator.h"
#include "graph/graph.h"

namespace fetafix::conformance {

// Seeded noise for each input of the view: -1 to 1, or a few small integers, or any stored number. Of a
// dimension that is open there is one, of a whole batch `batch`.
Result<std::vector<Tensor>> noise_for(const graph::Graph& view, unsigned seed, int64_t batch = 1);

// The same moved in its last places; of a quantized model by half a step.
std::vector<Tensor> disturbed(const graph::Graph& view, const std::vector<Tensor>& inputs);
bool is_quantized(const graph::Graph& view);

// What the view computes of them.
Result<std::vector<Tensor>> run_view(const graph::Graph& view, const std::vector<Tensor>& inputs,
                                     const std::vector<graph::ValueId>& wanted);
Result<std::vector<Tensor>> run_view(const graph::Graph& view, const std::vector<Tensor>& inputs);

// Max over outputs of max|b - a| / max|a|; infinite for other counts, shapes, or where one alone is no
// number.
double spread(const std::vector<Tensor>& a, const std::vector<Tensor>& b);
bool identical(const std::vector<Tensor>& a, const std::vector<Tensor>& b);

// What a check that is not kept says.
inline Error wrong(const std::string& what) {
  return {ErrorKind::internal, what};
}
std::string number(double value);  // "1.2e-06"

}  // namespace fetafix::conformance
