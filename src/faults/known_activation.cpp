// known-activation: the source computes an activation function here, written out as several operators that
// share their operand; the target has none, or another. Told by what it computes, however it is written, and
// mended by the one operator that computes it.
#include <algorithm>
#include <cmath>

#include "faults/in_target.h"

namespace fetafix::faults {
namespace {

using graph::ValueId;

// How far from the function's exact values a right float computation of it may be (relative L2).
constexpr double same_function = 2e-6;
constexpr double inverse_root_two = 0.70710678118654752, root_two_over_pi = 0.79788456080286536;

struct Function {
  const char* type;
  graph::Attributes attributes;
  double (*of)(double);
};

const std::vector<Function>& functions() {
  static const std::vector<Function> table{
      {"HardSwish", {}, [](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; }},
      {"Gelu", {}, [](double x) { return 0.5 * x * (1 + std::erf(x * inverse_root_two)); }},
      {"Gelu",
       {{"approximate", std::string("tanh")}},
       [](double x) { return 0.5 * x * (1 + std::tanh(root_two_over_pi * (x + 0.044715 * x * x * x))); }},
      {"Mish", {}, [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }},
      {"Softplus", {}, [](double x) { return std::log1p(std::exp(x)); }},
  };
  return table;
}

// The function that makes the source's value `to` of its value `from`, on all samples.
const Function* function_between(const Place& place, ValueId from, ValueId to) {
  if (!place.values.has(from) || !place.values.has(to)) return nullptr;
  for (const Function& function : functions()) {
    bool same = true;
    for (size_t s = 0; s < place.values.sample_count() && same; ++s) {
      const Tensor &x = place.values.at(s, from), &y = place.values.at(s, to);
      if (x.dtype() != DType::float32 || y.dtype() != DType::float32 || x.shape() != y.shape())
        return nullptr;
      std::vector<float> made(x.as<float>().begin(), x.as<float>().end());
      for (float& v : made) v = static_cast<float>(function.of(static_cast<double>(v)));
      same = compare::relative_l2(y.as<float>(), made) <= same_function;
    }
    if (same) return &function;
  }
  return nullptr;
}

Candidate insertion(const Function& function, const graph::ValueAddress& edge) {
  Candidate out;
  graph::InsertNode insert;
  insert.edge = edge;
  insert.type = function.type;
  insert.attributes = function.attributes;
  insert.operands.resize(1);
  out.edits.push_back(std::move(insert));
  out.pattern = "known-activation";
  out.fault_class = "graph";
  out.advice = std::string("check that the converter supports ") + function.type;
  return out;
}

std::vector<Candidate> missing(const Place& place) {
  if (place.edge->actual == graph::no_value) return {};
  const Function* function = function_between(place, place.edge->actual, place.edge->expected);
  if (!function) return {};
  const Gap gap = gap_of(place);
  const auto edge = graph::address_of(place.target, place.target_uses, gap.value);
  if (!edge.ok()) return {};
  Candidate out = insertion(*function, *edge);
  serve_only_reader(place, gap, std::get<graph::InsertNode>(out.edits[0]));
  out.explanation = std::string("the activation function of the source is missing here: ") + function->type;
  return {out};
}

std::vector<Candidate> replaced(const Place& place) {
  if (place.segment->target_nodes.size() != 1) return {};
  const graph::NodeId id = place.segment->target_nodes[0];
  const graph::Node& node = place.target.node(id);
  if (!is_activation(node)) return {};
  const auto operand = place.alignment.pairs.find(node.inputs[0]);
  if (operand == place.alignment.pairs.end()) return {};
  const Function* function = function_between(place, operand->second.source, place.segment->source_end);
  if (!function) return {};
  graph::ValueAddress edge;
  edge.node = graph::address_of(place.target, id);
  Candidate out = insertion(*function, edge);
  out.edits.push_back(graph::RemoveNode{graph::address_of(place.target, id), 0});
  out.explanation = "a " + node.type + " stands where the source computes " + function->type;
  return {out};
}

}  // namespace

std::vector<Candidate> known_activation(const Place& place) {
  return place.edge ? missing(place) : replaced(place);
}

}  // namespace fetafix::faults
