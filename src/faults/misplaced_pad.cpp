// misplaced-pad: the padding stands behind the convolution instead of in it, so that the shape is right.
#include "faults/effective.h"

namespace fetafix::faults {

std::vector<Candidate> misplaced_pad(const Place& place) {
  if (!place.segment) return {};
  const auto source = effective(place.source, place.segment->source_nodes, source_constants(place));
  if (!source || source->pads.empty()) return {};
  graph::NodeId conv = -1, pad = -1;
  for (graph::NodeId id : place.segment->target_nodes) {
    const std::string& type = place.target.node(id).type;
    if (type == "Conv" && conv >= 0) return {};
    if (type == "Conv") conv = id;
    if (type == "Pad" && conv >= 0 && pad < 0) pad = id;
  }
  if (conv < 0 || pad < 0) return {};
  Candidate out;
  out.pattern = "misplaced-pad";
  out.fault_class = "hyperparameters";
  out.explanation = "the padding of this convolution comes behind it: pads should be " +
                    graph::to_text(graph::Attribute(source->pads)) + " and the Pad should not be there";
  out.advice = "check how the converter moves explicit padding into and out of convolutions";
  out.edits.push_back(graph::SetAttribute{graph::address_of(place.target, conv), "pads", source->pads});
  out.edits.push_back(graph::RemoveNode{graph::address_of(place.target, pad), 0});
  return {out};
}

}  // namespace fetafix::faults
