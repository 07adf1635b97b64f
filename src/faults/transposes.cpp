// extra-transpose, transpose-order: a value is right but for the order of its dimensions, and a Transpose
// made that order. missing-transpose: one before a Reshape would.
#include <algorithm>
#include <numeric>

#include "faults/pattern.h"

namespace fetafix::faults {
namespace {

using graph::NodeId;
using graph::ValueId;

constexpr size_t most_dimensions = 5;  // of a Transpose whose orders are tried one by one
constexpr double same_value = 1e-6;    // relative L2: the elements only move
constexpr int most_hops = 12;          // operators between a wrong order of dimensions and where it shows

// The Transposes that may have given an operand its order: on its way, the nearest first.
std::vector<NodeId> transposes_before(const Place& place, ValueId value) {
  std::vector<NodeId> out;
  for (int hops = 0; hops < most_hops; ++hops) {
    const NodeId producer = place.target_uses.producer[static_cast<size_t>(value)];
    if (producer < 0) break;
    const graph::Node& node = place.target.node(producer);
    // A bridge has no native entity: there is nothing to take out.
    if (node.type == "Transpose" && node.role != graph::Role::bridge) out.push_back(producer);
    if (node.inputs.empty() || node.inputs[0] == graph::no_value) break;
    value = node.inputs[0];
  }
  return out;
}

// The edge brings the value that it should, or one that is the same but for the order of dimensions.
bool brings_what_it_should(const Place& place) {
  return place.edge && place.edge->node >= 0 && place.edge->actual != graph::no_value &&
         place.values.class_of(place.edge->actual) == place.values.class_of(place.edge->expected);
}

// What a value is on each sample; empty: it is not known.
std::vector<Tensor> values_of(const Place& place, ValueId value) {
  std::vector<Tensor> out;
  for (const auto& sample : place.alignment.values)
    if (auto found = sample.find(value); found != sample.end() && found->second.dtype() == DType::float32)
      out.push_back(found->second);
  return out.size() == place.alignment.values.size() ? out : std::vector<Tensor>();
}

// The Reshape behind which an operand stands, over others; -1: it does not.
NodeId first_reshape_before(const Place& place, ValueId value) {
  NodeId out = -1;
  for (int hops = 0; hops < most_hops; ++hops) {
    const NodeId producer = place.target_uses.producer[static_cast<size_t>(value)];
    if (producer < 0) break;
    const std::string& type = place.target.node(producer).type;
    if (type != "Reshape" && type != "Flatten" && type != "Squeeze" && type != "Unsqueeze") break;
    out = producer;
    value = place.target.node(producer).inputs[0];
  }
  return out;
}

// Whether the expected value is `given` in that order of dimensions, on all samples.
bool gives_expected(const Place& place, const std::vector<Tensor>& given, const std::vector<int>& order) {
  for (size_t s = 0; s < given.size(); ++s) {
    const Tensor &source = place.values.at(s, place.edge->expected), moved = transpose(given[s], order);
    if (source.size() != moved.size() || source.dtype() != DType::float32) return false;
    const Tensor expected = align::hand_over(source, place.edge->arrangement, moved.shape());
    if (compare::relative_l2(expected.as<float>(), moved.as<float>()) > same_value) return false;
  }
  return true;
}

}  // namespace

// What is reshaped would be right if its dimensions were put in another order first: as the source does.
std::vector<Candidate> missing_transpose(const Place& place) {
  if (!place.edge || place.edge->node < 0) return {};
  const NodeId reshape = first_reshape_before(place, place.edge->target_value);
  if (reshape < 0) return {};
  const ValueId value = place.target.node(reshape).inputs[0];
  const auto given = values_of(place, value);
  const auto edge = graph::address_of(place.target, place.target_uses, value);
  if (given.empty() || !edge.ok() || given[0].shape().size() > most_dimensions) return {};
  std::vector<int> order(given[0].shape().size());
  std::iota(order.begin(), order.end(), 0);
  while (std::next_permutation(order.begin(), order.end())) {
    if (!gives_expected(place, given, order)) continue;
    Candidate out;
    out.pattern = "missing-transpose";
    out.fault_class = "tensor-structure";
    out.explanation = "a Transpose before this Reshape was lost: its elements stand in another order";
    out.advice = "check the converter's layout options; a Reshape does not put dimensions in another order";
    graph::InsertNode insert;
    insert.edge = *edge;
    insert.type = "Transpose";
    insert.attributes["perm"] = std::vector<int64_t>(order.begin(), order.end());
    insert.operands.resize(1);
    if (place.target_uses.consumers[static_cast<size_t>(value)].size() > 1)
      insert.only_consumer = std::pair(graph::address_of(place.target, reshape), 0);
    out.edits.push_back(std::move(insert));
    return {out};
  }
  return {};
}

// The operand is right but for the order of its dimensions, and a Transpose made that order.
std::vector<Candidate> extra_transpose(const Place& place) {
  if (!brings_what_it_should(place)) return {};
  std::vector<Candidate> out;
  for (const NodeId producer : transposes_before(place, place.edge->target_value)) {
    Candidate one;
    one.pattern = "extra-transpose";
    one.fault_class = "tensor-structure";
    one.explanation = "a Transpose swaps dimensions that the source keeps";
    one.advice = "check the converter's layout options; dimensions of equal size hide a wrong order";
    one.edits.push_back(graph::RemoveNode{graph::address_of(place.target, producer), 0});
    out.push_back(std::move(one));
  }
  return out;
}

// ... or a Transpose that the source has too makes another order: of those that give the same sizes, the
// right one is found by trying.
std::vector<Candidate> transpose_order(const Place& place) {
  if (!brings_what_it_should(place)) return {};
  std::vector<Candidate> out;
  for (const NodeId producer : transposes_before(place, place.edge->target_value)) {
    const graph::Node& node = place.target.node(producer);
    const auto known = place.alignment.values[0].find(node.inputs[0]);
    auto order = graph::attribute_or(node, "perm", std::vector<int64_t>{});
    if (known == place.alignment.values[0].end() || order.size() != known->second.shape().size() ||
        order.size() > most_dimensions)
      continue;
    const auto now = order;
    const auto sizes = [&](const std::vector<int64_t>& of) {
      Shape made;
      for (int64_t d : of) made.push_back(known->second.shape()[static_cast<size_t>(d)]);
      return made;
    };
    std::sort(order.begin(), order.end());
    do {
      if (order == now || order[0] != now[0] || sizes(order) != sizes(now)) continue;
      Candidate one;
      one.pattern = "transpose-order";
      one.fault_class = "tensor-structure";
      one.explanation = "a Transpose makes another order of dimensions than the source has";
      one.advice = "check the converter's layout options; dimensions of equal size hide a wrong order";
      one.edits.push_back(graph::SetAttribute{graph::address_of(place.target, producer), "perm", order});
      out.push_back(std::move(one));
    } while (std::next_permutation(order.begin(), order.end()));
  }
  return out;
}

}  // namespace fetafix::faults
