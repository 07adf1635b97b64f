#include "pipeline/lift_check.h"

#include <algorithm>
#include <cmath>

#include "evaluate/tolerance.h"

namespace fetafix::pipeline {
namespace {

using evaluate::Feeds;
using graph::Graph;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

bool is_recurrent(const Node& node) {
  return node.type == "LSTM" || node.type == "GRU" || node.type == "RNN" || !node.bodies.empty();
}

// Walks back from a value to what is known.
class Collector {
 public:
  Collector(const Graph& view, const graph::Uses& uses, const std::set<ValueId>& captured)
      : view_(view), uses_(uses), captured_(captured) {
    inputs_.insert(view.inputs.begin(), view.inputs.end());
  }

  std::optional<Piece> piece_of(ValueId value) {
    nodes_.clear();
    const NodeId producer = uses_.producer[static_cast<size_t>(value)];
    if (producer < 0 || !take(producer)) return std::nullopt;
    return Piece{{nodes_.begin(), nodes_.end()}, value};
  }

 private:
  bool take(NodeId id) {
    const Node& node = view_.node(id);
    if (node.opaque || is_random(view_, node)) return false;
    if (!nodes_.insert(id).second) return true;
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) {
      if (in == graph::no_value || view_.value(in).is_constant()) return true;
      if (captured_.contains(in) || inputs_.contains(in)) return true;
      const NodeId producer = uses_.producer[static_cast<size_t>(in)];
      return producer >= 0 && take(producer);
    });
  }

  const Graph& view_;
  const graph::Uses& uses_;
  const std::set<ValueId>& captured_;
  std::set<ValueId> inputs_;
  std::set<NodeId> nodes_;  // ids are in topological order
};

// What rounding explains of each value of a piece.
class Bounds {
 public:
  Bounds(evaluate::Evaluator& evaluator, const Graph& view, const Feeds& values, double steps)
      : evaluator_(evaluator), view_(view), values_(values), steps_(static_cast<float>(steps)) {}

  Status add(NodeId id) {
    const Node& node = view_.node(id);
    std::vector<Tensor> outputs;
    std::vector<ValueId> ids;
    for (ValueId out : node.outputs) {
      if (out == graph::no_value) continue;
      ids.push_back(out);
      outputs.push_back(values_.at(out));
    }
    FETAFIX_TRY(auto own, own_bounds(id, node, outputs));
    FETAFIX_TRY(auto passed_on, passed_on_bounds(id, node, ids));
    for (size_t i = 0; i < ids.size(); ++i) {
      Tensor bound = own[i];
      if (bound.empty())
        bound = passed_on[i];
      else if (!passed_on[i].empty())
        evaluate::widen(bound, passed_on[i], 1);
      if (!bound.empty()) bounds_[ids[i]] = std::move(bound);
    }
    return {};
  }

  Tensor of(ValueId value) const {
    auto found = bounds_.find(value);
    return found == bounds_.end() ? Tensor() : found->second;
  }

 private:
  static Tensor constant(const Tensor& like, float value) {
    auto out = Tensor::zeros(DType::float32, like.shape());
    if (!out.ok()) return {};
    for (float& v : out->mutable_as<float>()) v = value;
    return std::move(out).value();
  }

  // Twice: two right computations may err to either side.
  Result<std::vector<Tensor>> own_bounds(NodeId id, const Node& node, const std::vector<Tensor>& outputs) {
    std::vector<Tensor> out(outputs.size());
    if (node.type == "QuantizeLinear") {
      out[0] = constant(outputs[0], steps_);
      return out;
    }
    FETAFIX_TRY(out, evaluate::node_tolerance(evaluator_, view_, id, values_, outputs));
    for (size_t i = 0; i < out.size(); ++i) {
      if (!out[i].empty())
        for (float& v : out[i].mutable_as<float>()) v *= 2;
      else if (is_floating(outputs[i].dtype()))
        out[i] = constant(outputs[i], coarse(outputs[i]));
    }
    return out;
  }

  // Types of 16 bits: a few of their roundings, of the largest value that a sum may have gone through.
  static float coarse(const Tensor& output) {
    const auto values = to_doubles(output);
    double largest = 0;
    if (values.ok())
      for (double v : *values)
        if (std::isfinite(v)) largest = std::max(largest, std::fabs(v));
    const double u = output.dtype() == DType::float16 ? 0x1p-11 : 0x1p-8;
    return static_cast<float>(4 * (output.dtype() == DType::float64 ? 0x1p-24 : u) * largest);
  }

  // What the operands' bounds become: the node once more with all of them at either end.
  Result<std::vector<Tensor>> passed_on_bounds(NodeId id, const Node& node, const std::vector<ValueId>& ids) {
    std::vector<Tensor> out(ids.size());
    Feeds low, high;
    float steps = 0;
    for (ValueId in : node.inputs) {
      if (in == graph::no_value || view_.value(in).is_constant()) continue;
      low[in] = high[in] = values_.at(in);
      const Tensor bound = of(in);
      if (bound.empty()) continue;
      if (low[in].dtype() == DType::float32) {
        evaluate::widen(low[in], bound, -1);
        evaluate::widen(high[in], bound, 1);
      } else {
        steps = steps_;
      }
    }
    if (steps > 0)  // moved on as they are stored
      for (size_t i = 0; i < ids.size(); ++i)
        if (is_integer(values_.at(ids[i]).dtype())) out[i] = constant(values_.at(ids[i]), steps);
    if (std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) { return of(in).empty(); }))
      return out;
    const std::vector<NodeId> nodes{id};
    FETAFIX_TRY(const auto a, evaluator_.run(view_, nodes, low, ids));
    FETAFIX_TRY(const auto b, evaluator_.run(view_, nodes, high, ids));
    for (size_t i = 0; i < ids.size(); ++i) {
      if (a[i].dtype() != DType::float32 || a[i].size() != b[i].size()) continue;
      const auto y = values_.at(ids[i]).as<float>();
      Tensor spread = a[i];
      size_t k = 0;
      for (float& v : spread.mutable_as<float>()) {
        v = std::max(std::fabs(v - y[k]), std::fabs(b[i].as<float>()[k] - y[k]));
        ++k;
      }
      out[i] = std::move(spread);
    }
    return out;
  }

  evaluate::Evaluator& evaluator_;
  const Graph& view_;
  const Feeds& values_;
  float steps_;
  Feeds bounds_;
};

}  // namespace

bool is_random(const Graph& view, const Node& node) {
  static const std::set<std::string> types{"RandomNormal",      "RandomUniform", "RandomNormalLike",
                                           "RandomUniformLike", "Multinomial",   "Bernoulli"};
  if (types.contains(node.type)) return true;
  if (node.type != "Dropout" || node.inputs.size() < 3 || node.inputs[2] == graph::no_value) return false;
  const Tensor& training = view.value(node.inputs[2]).constant;
  return training.dtype() != DType::boolean || (training.size() > 0 && training.as<bool>()[0]);
}

std::vector<Piece> pieces_of(const Graph& view, const std::set<ValueId>& captured) {
  const graph::Uses uses(view);
  Collector collector(view, uses, captured);
  std::vector<Piece> out;
  for (const Node& node : view.nodes)
    for (ValueId value : node.outputs)
      if (value != graph::no_value && captured.contains(value))
        if (auto piece = collector.piece_of(value)) out.push_back(std::move(*piece));
  return out;
}

std::vector<ValueId> values_to_capture(const Graph& view) {
  const graph::Uses uses(view);
  const auto live = graph::live_nodes(view);
  std::set<ValueId> inside;
  std::vector<ValueId> out;
  // Backwards: whether a value lies inside follows from its readers.
  for (size_t n = view.nodes.size(); n-- > 0;) {
    const Node& node = view.nodes[n];
    for (ValueId value : node.outputs) {
      if (value == graph::no_value) continue;
      const auto& readers = uses.consumers[static_cast<size_t>(value)];
      const bool becomes_stored =
          !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](const auto& use) {
            const Node& reader = view.node(use.node);
            if (reader.type == "QuantizeLinear") return true;
            return (reader.type == "Relu" || reader.type == "Clip") && inside.contains(reader.outputs[0]);
          });
      const bool was_stored = node.type == "DequantizeLinear" && !readers.empty();
      if (!uses.is_output[static_cast<size_t>(value)] && (was_stored || becomes_stored))
        inside.insert(value);
      else if (live[n] && view.value(value).native_tensor >= 0)
        out.push_back(value);
    }
  }
  std::reverse(out.begin(), out.end());
  return out;
}

void Deviation::take_worse(const Deviation& other) {
  const double above = std::max(fraction_above, other.fraction_above);
  if (other.ratio > ratio || (other.in_steps && !in_steps)) *this = other;
  fraction_above = above;
}

Feeds operands_of(const Graph& view, const Piece& piece, const Feeds& known) {
  std::set<ValueId> made;
  for (NodeId id : piece.nodes) made.insert(view.node(id).outputs.begin(), view.node(id).outputs.end());
  Feeds out;
  for (NodeId id : piece.nodes)
    for (ValueId in : view.node(id).inputs)
      if (in != graph::no_value && !made.contains(in) && known.contains(in)) out[in] = known.at(in);
  return out;
}

Result<Evaluated> evaluate_piece(evaluate::Evaluator& evaluator, const Graph& view, const Piece& piece,
                                 const Feeds& known) {
  Feeds values = operands_of(view, piece, known);
  std::vector<ValueId> wanted;
  bool recurrent = false;
  for (NodeId id : piece.nodes) {
    recurrent = recurrent || is_recurrent(view.node(id));
    for (ValueId out : view.node(id).outputs)
      if (out != graph::no_value) wanted.push_back(out);
  }
  FETAFIX_TRY(auto results, evaluator.run(view, piece.nodes, values, wanted));
  for (size_t i = 0; i < wanted.size(); ++i) values[wanted[i]] = std::move(results[i]);
  // The gates of a recurrent layer are quantized too.
  Bounds bounds(evaluator, view, values, recurrent ? 3 : 1);
  for (NodeId id : piece.nodes) FETAFIX_CHECK(bounds.add(id));
  Evaluated out;
  out.result = values.at(piece.value);
  out.allowed = bounds.of(piece.value);
  out.in_steps = is_integer(out.result.dtype());
  return out;
}

Deviation deviation(const Tensor& expected, const Tensor& actual, const Evaluated& bounds) {
  Deviation out;
  out.in_steps = bounds.in_steps;
  const auto a = to_doubles(expected), b = to_doubles(actual);
  if (!a.ok() || !b.ok() || a->size() != b->size()) {
    out.ratio = out.error = INFINITY;
    out.fraction_above = 1;
    return out;
  }
  size_t above = 0;
  for (size_t i = 0; i < a->size(); ++i) {
    const double x = (*a)[i], y = (*b)[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double allowed = bounds.allowed.empty() ? 0 : static_cast<double>(bounds.allowed.as<float>()[i]);
    const double error = std::isfinite(x - y) ? std::fabs(x - y) : INFINITY;
    const double ratio = error <= 0 ? 0 : allowed > 0 ? error / allowed : INFINITY;
    above += ratio > 1;
    if (ratio <= out.ratio) continue;
    out.ratio = ratio;
    out.error = error;
    out.allowed = allowed;
  }
  out.fraction_above = static_cast<double>(above) / static_cast<double>(std::max<size_t>(a->size(), 1));
  return out;
}

}  // namespace fetafix::pipeline
