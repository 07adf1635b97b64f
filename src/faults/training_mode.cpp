// training-mode: BatchNormalization that was exported in training mode normalizes each batch by its own
// statistics: the answer depends on the companions in the batch.
#include "faults/node_pairs.h"

namespace fetafix::faults {

std::vector<Candidate> training_mode(const Place& place) {
  if (!place.segment) return {};
  Candidate out;
  for (graph::NodeId id : place.segment->target_nodes) {
    const graph::Node& node = place.target.node(id);
    if (node.type != "BatchNormalization" || graph::attribute_or(node, "training_mode", int64_t{0}) == 0) continue;
    const graph::Address at = graph::address_of(place.target, id);
    out.edits.push_back(graph::SetAttribute{at, "training_mode", std::nullopt});
    out.edits.push_back(graph::KeepOutputs{at, 1});
  }
  if (out.edits.empty()) return {};
  out.pattern = "training-mode";
  out.fault_class = "graph";
  out.explanation = "BatchNormalization is in training mode: it normalizes by the statistics of the batch at hand";
  out.advice = "call model.eval() and export with training=TrainingMode.EVAL";
  return {out};
}

}  // namespace fetafix::faults
