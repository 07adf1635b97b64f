#include "pipeline/precision.h"

#include <algorithm>
#include <map>
#include <set>

#include "align/float_form.h"
#include "pipeline/analysis.h"

namespace fetafix::pipeline {
namespace {

using graph::Graph;
using graph::NodeId;

std::string stored(const Graph& float_form) {
  std::map<std::string, std::set<graph::ValueId>> constants, activations;
  for (graph::ValueId id = 0; id < static_cast<graph::ValueId>(float_form.values.size()); ++id) {
    const graph::Value& value = float_form.value(id);
    if (value.stored == DType::unknown) continue;
    auto& group = value.is_constant() ? constants : activations;
    group[std::string(dtype_name(value.stored))].insert(id);
  }
  for (const graph::Node& node : float_form.nodes) {
    if (node.type != "DequantizeLinear" || node.inputs.empty()) continue;
    const graph::Value& from = float_form.value(node.inputs[0]);
    (from.is_constant() ? constants : activations)[std::string(dtype_name(from.dtype))].insert(
        node.inputs[0]);
  }
  std::string out;
  for (const auto& [name, ids] : constants)
    out += (out.empty() ? "" : ", ") + std::to_string(ids.size()) + " constants as " + name;
  for (const auto& [name, ids] : activations)
    out += (out.empty() ? "" : ", ") + std::to_string(ids.size()) + " activations as " + name;
  return out;
}

Result<Outputs> outputs_of(evaluate::Evaluator& evaluator, const Side& side, const Graph& view,
                           const std::vector<Tensor>& tensors) {
  FETAFIX_TRY(auto feeds, view_inputs(side, view, tensors));
  const auto live = graph::live_nodes(view);
  std::vector<NodeId> nodes;
  for (NodeId id = 0; id < static_cast<NodeId>(view.nodes.size()); ++id)
    if (live[static_cast<size_t>(id)]) nodes.push_back(id);
  return evaluator.run(view, nodes, feeds, view.outputs);
}

// Quantized outputs are compared as what they stand for.
bool comparable(const Outputs& a, const Outputs& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i].size() != b[i].size() || is_integer(a[i].dtype()) != is_integer(b[i].dtype())) return false;
  return true;
}

}  // namespace

Result<Precision> measure_precision(evaluate::Evaluator& evaluator, const Pair& pair, const Graph& target,
                                    const std::vector<size_t>& samples, const std::vector<Outputs>& source) {
  Precision out;
  const Graph rounded = align::float_form(target);
  out.what = stored(rounded);
  if (!out.reduced()) return out;
  for (size_t i : samples) {
    FETAFIX_TRY(auto tensors, load_sample(pair.target, i));
    FETAFIX_TRY(auto in_float, outputs_of(evaluator, pair.target, rounded, tensors));
    FETAFIX_TRY(auto as_stored, outputs_of(evaluator, pair.target, target, tensors));
    if (comparable(in_float, source[i])) out.constants = std::max(out.constants, spread(source[i], in_float));
    if (comparable(in_float, as_stored))
      out.activations = std::max(out.activations, spread(in_float, as_stored));
  }
  return out;
}

}  // namespace fetafix::pipeline
