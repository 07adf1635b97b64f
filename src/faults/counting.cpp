#include "faults/counting.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "align/bias_claim.h"
#include "graph/edit_stored.h"

namespace fetafix::faults {

using graph::Node;
using graph::NodeId;
using graph::Role;
using graph::ValueId;

namespace {

struct Range {
  double low = 0, high = 0;  // zero is always among the numbers that can be told
};

Range range_of(const Place& place, ValueId result) {
  Range out;
  for (size_t s = 0; s < place.values.sample_count(); ++s)
    for (float v : place.values.at(s, result).as<float>()) {
      out.low = std::min(out.low, static_cast<double>(v));
      out.high = std::max(out.high, static_cast<double>(v));
    }
  return out;
}

// Functions whose range is known need no samples, and integer kernels insist on it.
std::optional<Range> range_of_function(const std::string& type) {
  if (type == "Sigmoid" || type == "Softmax") return Range{0, 255.0 / 256};
  if (type == "Tanh") return Range{-1, 127.0 / 128};
  return std::nullopt;
}

// Puts the range into the middle of what the type can hold; nothing below zero: zero is its lowest number.
int64_t zero_point(const Range& range, double scale, double lowest, double highest) {
  const double least = lowest - range.low / scale, most = highest - range.high / scale;
  return std::llrint(std::clamp(range.low < 0 ? (least + most) / 2 : lowest, lowest, highest));
}

// What the readers of the tensor that need the same say of the scale of what they should read.
std::optional<double> claim_of_readers(const Place& place, ValueId tensor) {
  for (const auto& edge : place.alignment.edges) {
    if (edge.node < 0 || edge.expected != place.edge->expected ||
        before_bridges(place, edge.target_value) != tensor)
      continue;
    if (const auto claim = claimed_scale_factor(place.target, place.target.node(edge.node).native))
      return claim;
  }
  return std::nullopt;
}

}  // namespace

std::optional<double> claimed_scale_factor(const graph::Graph& target, const graph::NativeOperator& op) {
  for (const Node& node : target.nodes) {
    if (node.native != op || node.role != Role::bias) continue;
    const auto claim = align::bias_claim(target, node);
    if (claim.claimed != graph::no_value)
      return 1 / claim.factor;  // in float form it is the claim that counts
  }
  return std::nullopt;
}

bool leads_into_operator(const Node& node) {
  return (node.role == Role::bridge && node.type == "Transpose") ||
         (node.role == Role::dequantize && node.type == "Identity");
}

ValueId before_bridges(const Place& place, ValueId value) {
  for (;;) {
    const NodeId producer = place.target_uses.producer[static_cast<size_t>(value)];
    if (producer < 0 || place.target.value(value).native_tensor >= 0 ||
        !leads_into_operator(place.target.node(producer)))
      return value;
    value = place.target.node(producer).inputs[0];
  }
}

bool is_quantized(const Place& place, ValueId value) {
  const NodeId quantizer = place.target_uses.producer[static_cast<size_t>(value)];
  return quantizer >= 0 && place.target.node(quantizer).role == Role::quantize &&
         place.target.value(value).native_tensor >= 0 && place.target.value(value).step > 0;
}

std::string count_output(const Place& place, ValueId result, bool last, graph::InsertNode& insert) {
  static const std::set<std::string> moving{"Transpose", "Reshape", "Identity", "MaxPool"};
  const ValueId tensor = before_bridges(place, place.edge->target_value);
  if (!is_quantized(place, tensor) || moving.contains(insert.type) || !place.values.has(result) ||
      place.values.at(0, result).dtype() != DType::float32)
    return "";
  const graph::Value& before = place.target.value(tensor);
  const bool is_signed = before.stored == DType::int8 || before.stored == DType::int16;
  const double count = before.stored == DType::int16 ? 65536 : 256;
  const double lowest = is_signed ? -count / 2 : 0, highest = lowest + count - 1;
  const auto known = range_of_function(insert.type);
  const Range range = known ? *known : range_of(place, result);
  const auto claim = last ? claim_of_readers(place, tensor) : std::nullopt;
  double scale = claim ? *claim * static_cast<double>(before.step) : (range.high - range.low) / (count - 1);
  if (!(scale > 0)) scale = static_cast<double>(before.step);
  insert.attributes[std::string(graph::output_scale)] = static_cast<float>(scale);
  insert.attributes[std::string(graph::output_zero_point)] = zero_point(range, scale, lowest, highest);
  return claim ? "; its scale is the one that the bias behind it was counted with, its zero point is fitted"
               : "; scale and zero point of its output are fitted to the source's values";
}

}  // namespace fetafix::faults
