#include <algorithm>

#include "pipeline/analysis.h"

namespace fetafix::pipeline {
namespace {

Result<Outputs> outputs_of_view(evaluate::Evaluator& evaluator, const Side& side,
                                const std::vector<Tensor>& tensors) {
  const graph::Graph& view = side.lifted.graph;
  FETAFIX_TRY(auto feeds, view_inputs(side, view, tensors));
  std::vector<graph::NodeId> nodes;
  const auto live = graph::live_nodes(view);
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(view.nodes.size()); ++id)
    if (live[static_cast<size_t>(id)]) nodes.push_back(id);
  return evaluator.run(view, nodes, feeds, view.outputs);
}

void disturb(std::vector<Tensor>& inputs) {
  for (Tensor& tensor : inputs) {
    if (tensor.dtype() != DType::float32) continue;
    size_t k = 0;
    for (float& v : tensor.mutable_as<float>())
      v *= (k++ * 2654435761u >> 16) & 1 ? 1 + 1.2e-7f : 1 - 1.2e-7f;
  }
}

// How far a file's outputs lie from those of its view, and from its own when it is run again.
Status look_at(evaluate::Evaluator& evaluator, const Side& side, const std::vector<Tensor>& inputs,
               const Outputs& outputs, bool again, double& viewed, double& repeated, bool& view_failed) {
  auto view = outputs_of_view(evaluator, side, inputs);
  if (view.ok())
    viewed = std::max(viewed, spread(outputs, *view));
  else if (view.error().kind == ErrorKind::interrupted)
    return std::move(view).error();
  else
    view_failed = true;
  if (!again || !side.session) return {};
  FETAFIX_TRY(auto second, side.session->run(inputs));
  repeated = spread(outputs, in_order(side, std::move(second)));
  return {};
}

}  // namespace

Result<Floor> measure_floor(evaluate::Evaluator& evaluator, const Pair& pair,
                            const std::vector<size_t>& samples, const std::vector<Outputs>& source,
                            const std::vector<Outputs>& target, const Options& options) {
  Floor out;
  // Recorded outputs can't be made again in another way: then only the views are left to compare with.
  const bool runs = pair.source.session != nullptr;
  auto plain = runs ? load_native(pair.source, pair.source.path, options, false)
                    : Error{ErrorKind::unsupported, "recorded"};
  for (size_t i : samples) {
    const bool first = i == samples.front();
    FETAFIX_TRY(auto inputs, load_sample(pair.source, i));
    if (plain.ok()) {
      FETAFIX_TRY(auto outputs, (*plain)->run(inputs));
      out.unoptimized = std::max(out.unoptimized, spread(source[i], outputs));
    }
    FETAFIX_CHECK(look_at(evaluator, pair.source, inputs, source[i], first, out.source_viewed,
                          out.source_again, out.view_failed));
    disturb(inputs);
    if (runs) {
      FETAFIX_TRY(auto moved, pair.source.session->run(inputs));
      out.disturbed = std::max(out.disturbed, spread(source[i], moved));
    }
    if (target.empty()) continue;
    FETAFIX_TRY(auto target_inputs, load_sample(pair.target, i));
    FETAFIX_CHECK(look_at(evaluator, pair.target, target_inputs, target[i], first, out.target_viewed,
                          out.target_again, out.view_failed));
  }
  return out;
}

}  // namespace fetafix::pipeline
