// training-mode: BatchNormalization that was exported in training mode normalizes each batch by its own
// statistics: the answer depends on the companions in the batch. Dropout takes values away by chance.
#include "faults/node_pairs.h"

namespace fetafix::faults {

namespace {

// Exporting in training mode runs the model once, which moves the stored statistics too: with the mode off,
// what else differs from the source goes into the same group.
std::vector<graph::Edit> moved_statistics(const Place& place) {
  graph::Graph inference = place.target;
  for (graph::NodeId id : place.segment->target_nodes) inference.node(id).attributes.erase("training_mode");
  const Place calm{place.source,    inference,        place.target_uses, place.values,
                   place.alignment, place.half_steps, place.segment,     nullptr};
  auto found = tensor(calm);
  if (found.empty()) found = folded_tensor(calm);
  return found.empty() ? std::vector<graph::Edit>() : found[0].edits;
}

}  // namespace

std::vector<Candidate> training_mode(const Place& place) {
  if (!place.segment) return {};
  Candidate out;
  bool normalizes = false, drops = false;
  for (graph::NodeId id : place.segment->target_nodes) {
    const graph::Node& node = place.target.node(id);
    const graph::Address at = graph::address_of(place.target, id);
    if (node.type == "BatchNormalization" && graph::attribute_or(node, "training_mode", int64_t{0}) != 0) {
      out.edits.push_back(graph::SetAttribute{at, "training_mode", std::nullopt});
      out.edits.push_back(graph::KeepOutputs{at, 1});
      normalizes = true;
    }
    const bool dropping = node.type == "Dropout" && node.inputs.size() > 2 &&
                          node.inputs[2] != graph::no_value &&
                          place.target.value(node.inputs[2]).is_constant();
    drops = drops || dropping;
    if (dropping) out.edits.push_back(graph::SetTensor{at, 2, Tensor::scalar(false)});
  }
  if (out.edits.empty()) return {};
  for (graph::Edit& edit : moved_statistics(place)) out.edits.push_back(std::move(edit));
  out.pattern = "training-mode";
  out.fault_class = "graph";
  out.explanation = "the model was exported in training mode: ";
  if (normalizes) out.explanation += "BatchNormalization uses the statistics of the batch at hand";
  if (drops) out.explanation += normalizes ? ", and Dropout takes values away" : "Dropout takes values away";
  out.advice = "call model.eval() and export with training=TrainingMode.EVAL";
  return {out};
}

}  // namespace fetafix::faults
