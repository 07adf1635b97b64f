// missing-reshape: an operand has the source's numbers in another shape than its reader takes (a lost
// Flatten). reshape-size: a Reshape states sizes that what it reads does not have (frozen from another model
// or batch).
#include <algorithm>

#include "faults/in_target.h"

namespace fetafix::faults {
namespace {

using graph::NodeId;
using graph::ValueId;

// For any batch where the first dimension is the batch's.
Tensor any_batch(const Shape& shape, int64_t batch = 1) {
  std::vector<int64_t> sizes(shape.begin(), shape.end());
  if (!sizes.empty() && sizes[0] == batch) sizes[0] = -1;
  return Tensor::vector(sizes);
}

// The shapes in which the source has the value that a target value is, channels first or last.
std::vector<Shape> shapes_of(const Place& place, ValueId value) {
  const auto pair = place.alignment.pairs.find(value);
  if (pair == place.alignment.pairs.end()) return {};
  std::vector<Shape> out;
  const auto add = [&](const Shape& shape) {
    if (std::find(out.begin(), out.end(), shape) == out.end()) out.push_back(shape);
  };
  for (ValueId twin : place.values.twins(pair->second.source)) {
    const Shape& shape = place.values.at(0, twin).shape();
    add(shape);
    if (shape.size() == 4) add({shape[0], shape[2], shape[3], shape[1]});
    if (shape.size() == 4) add({shape[0], shape[3], shape[1], shape[2]});
  }
  return out;
}

bool states_sizes(const graph::Node& node) {
  return node.type == "Reshape" && node.role != graph::Role::bridge && node.inputs.size() >= 2 &&
         node.slots.size() >= 2 && node.slots[1] >= 0;
}

Candidate other_sizes(const Place& place, NodeId id, const Shape& stated, const Shape& wanted) {
  Candidate out;
  out.pattern = "reshape-size";
  out.fault_class = "tensor-structure";
  out.explanation = "this Reshape makes " + to_string(stated) + ", where the source has " + to_string(wanted);
  out.advice = "convert with the batch and the sizes that the model is used with";
  // One that keeps its first dimension, whatever the number of samples in it.
  const int64_t batch = stated.front() == 1 ? wanted.front() : 1;
  out.edits.push_back(graph::SetTensor{graph::address_of(place.target, id), place.target.node(id).slots[1],
                                       any_batch(wanted, batch)});
  return out;
}

}  // namespace

std::vector<Candidate> missing_reshape(const Place& place) {
  if (!place.edge || place.edge->node < 0 || place.edge->actual == graph::no_value ||
      place.values.class_of(place.edge->expected) != place.values.class_of(place.edge->actual) ||
      !place.edge->arrangement.permutation.empty())
    return {};
  const Shape& wanted = place.values.at(0, place.edge->expected).shape();
  const auto now = place.alignment.values[0].find(place.edge->target_value);
  if (now == place.alignment.values[0].end() || now->second.shape() == wanted) return {};
  std::vector<Candidate> candidates;
  const NodeId maker = place.target_uses.producer[static_cast<size_t>(place.edge->target_value)];
  if (maker >= 0 && states_sizes(place.target.node(maker)) && !wanted.empty() && !now->second.shape().empty())
    candidates.push_back(other_sizes(place, maker, now->second.shape(), wanted));
  const auto edge = graph::address_of(place.target, place.target_uses, place.edge->target_value);
  if (!edge.ok()) return candidates;
  graph::InsertNode insert;
  insert.edge = *edge;
  insert.type = "Reshape";
  insert.operands = {std::nullopt, any_batch(wanted)};
  insert.only_consumer = std::pair(graph::address_of(place.target, place.edge->node), place.edge->input);
  Candidate out;
  out.pattern = "missing-reshape";
  out.fault_class = "tensor-structure";
  out.explanation = "what this operator reads has the shape " + to_string(now->second.shape()) +
                    " where the source has " + to_string(wanted) + ": a Reshape or Flatten was lost";
  out.advice = "check that the converter keeps Flatten before fully connected layers";
  out.edits.push_back(std::move(insert));
  candidates.push_back(std::move(out));
  return candidates;
}

std::vector<Candidate> reshape_size(const Place& place) {
  if (!place.segment) return {};
  std::vector<Candidate> out;
  for (NodeId id : place.segment->target_nodes) {
    const graph::Node& node = place.target.node(id);
    if (!states_sizes(node)) continue;
    const auto stated = to_int64s(place.target.value(node.inputs[1]).constant);
    if (!stated.ok() || stated->empty()) continue;
    for (const Shape& shape : shapes_of(place, node.inputs[0])) {
      if (Shape(stated->begin(), stated->end()) == shape || shape.size() != stated->size()) continue;
      out.push_back(other_sizes(place, id, Shape(stated->begin(), stated->end()), shape));
    }
  }
  return out;
}

}  // namespace fetafix::faults
