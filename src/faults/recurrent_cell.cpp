#include "faults/recurrent_cell.h"

#include <algorithm>
#include <numeric>

#include "graph/operators.h"

namespace fetafix::faults {
namespace {

using graph::Node;
using graph::NodeId;
using graph::ValueId;

constexpr int most_terms = 64;                  // visits of one sum
constexpr int64_t farthest = int64_t{1} << 32;  // column

Tensor counted(const Shape& shape) {
  std::vector<int64_t> out(static_cast<size_t>(*element_count(shape)));
  std::iota(out.begin(), out.end(), 0);
  return Tensor::of(out, shape);
}

// Indices [begin, begin + size) of one axis.
Tensor cut(const Tensor& positions, size_t axis, int64_t begin, int64_t size) {
  Shape shape = positions.shape();
  int64_t outer = 1, inner = 1;
  for (size_t d = 0; d < axis; ++d) outer *= shape[d];
  for (size_t d = axis + 1; d < shape.size(); ++d) inner *= shape[d];
  const auto all = positions.as<int64_t>();
  std::vector<int64_t> out;
  for (int64_t i = 0; i < outer; ++i) {
    const auto row = all.subspan(static_cast<size_t>((i * shape[axis] + begin) * inner));
    out.insert(out.end(), row.begin(), row.begin() + size * inner);
  }
  shape[axis] = size;
  return Tensor::of(out, shape);
}

bool is_order(std::vector<int64_t> order, size_t rank) {
  std::sort(order.begin(), order.end());
  for (size_t i = 0; i < order.size(); ++i)
    if (order[i] != static_cast<int64_t>(i)) return false;
  return order.size() == rank;
}

class Body {
 public:
  Body(const Node& loop, const ConstantLookup& constant)
      : loop_(loop),
        constant_(constant),
        body_(*loop.bodies.at("body").graph),
        producer_(graph::Uses(body_).producer) {
    for (size_t k = 2; k < body_.inputs.size() && k <= body_.outputs.size(); ++k) {
      const ValueId in = body_.inputs[k], out = plain(body_.outputs[k - 1]);
      if (out == in)
        outside_[in] = k;
      else
        next_[in] = out;
    }
    for (const auto& [value, input] : loop.bodies.at("body").captures) outside_[value] = input;
  }

  std::optional<Cell> cell() {
    for (const auto& [hidden, after] : next_) {
      hidden_ = hidden;
      units_ = units_of(hidden);
      if (units_ < 1) continue;
      if (auto found = gru(after)) return found;
      for (const auto& [cell, cell_after] : next_)
        if (cell != hidden)
          if (auto found = lstm(after, cell, cell_after)) return found;
    }
    return std::nullopt;
  }

 private:
  NodeId maker(ValueId value) const { return value < 0 ? -1 : producer_[static_cast<size_t>(value)]; }

  ValueId plain(ValueId value) const {
    for (NodeId id = maker(value); id >= 0 && body_.node(id).type == "Identity"; id = maker(value)) {
      if (body_.node(id).inputs.empty()) break;
      value = body_.node(id).inputs[0];
    }
    return value;
  }

  const Node* made_by(ValueId value, const char* type) const {
    const NodeId id = maker(plain(value));
    return id >= 0 && body_.node(id).type == type ? &body_.node(id) : nullptr;
  }

  // Both orders of a commutative operator's operands.
  std::vector<std::pair<ValueId, ValueId>> operands(ValueId value, const char* type) const {
    const Node* node = made_by(value, type);
    if (!node || node->inputs.size() != 2) return {};
    const ValueId a = plain(node->inputs[0]), b = plain(node->inputs[1]);
    return {{a, b}, {b, a}};
  }

  // What a function of one operand reads; no_value: something else makes the value.
  ValueId argument(ValueId value, const char* type) const {
    const Node* node = made_by(value, type);
    return node && !node->inputs.empty() ? node->inputs[0] : graph::no_value;
  }

  // A list that the body holds.
  std::optional<std::vector<int64_t>> integers(const Node& node, size_t input) const {
    if (input >= node.inputs.size() || node.inputs[input] == graph::no_value) return std::nullopt;
    const graph::Value& value = body_.value(plain(node.inputs[input]));
    if (!value.is_constant()) return std::nullopt;
    auto out = to_int64s(value.constant);
    return out.ok() ? std::optional(std::move(out).value()) : std::nullopt;
  }

  int64_t units_of(ValueId state) const {
    if (const auto& shape = body_.value(state).shape; shape && !shape->empty() && shape->back() > 0)
      return shape->back();
    for (const Node& node : body_.nodes)
      if ((node.type == "MatMul" || node.type == "Gemm") && !node.inputs.empty() &&
          plain(node.inputs[0]) == state)
        if (const auto matrix = matrix_of(node)) return matrix->positions.shape()[0];
    return 0;
  }

  // Where the part of a Split begins along its axis, when all are of size `part` or sizes are given.
  std::optional<int64_t> begin_of_part(const Node& node, ValueId output, int64_t part) const {
    const auto k = std::find(node.outputs.begin(), node.outputs.end(), output) - node.outputs.begin();
    const auto sizes = integers(node, 1);
    if (!sizes) return k * part;
    if (k > static_cast<std::ptrdiff_t>(sizes->size())) return std::nullopt;
    return std::accumulate(sizes->begin(), sizes->begin() + k, int64_t{0});
  }

  // Where a Slice of [rows, columns] begins among the columns; nullopt: it takes other rows, or with steps.
  std::optional<int64_t> begin_of_slice(const Node& node) const {
    const auto starts = integers(node, 1), axes = integers(node, 3), steps = integers(node, 4);
    if (!starts || (axes && axes->size() != starts->size())) return std::nullopt;
    if (steps && std::any_of(steps->begin(), steps->end(), [](int64_t step) { return step != 1; }))
      return std::nullopt;
    int64_t begin = 0;
    for (size_t i = 0; i < starts->size(); ++i) {
      const int64_t axis = axes ? (*axes)[i] : static_cast<int64_t>(i);
      const bool columns = axis == -1 || axis == 1;
      if (columns) begin = (*starts)[i];
      if (!columns && (*starts)[i] != 0) return std::nullopt;
    }
    return begin;
  }

  // Among the columns, of what a Split or Slice makes.
  std::optional<int64_t> begin_of(const Node& node, ValueId output) const {
    const int64_t axis = graph::attribute_or(node, "axis", int64_t{0});
    const bool split = node.type == "Split";
    if (split && axis != 1 && axis != -1) return std::nullopt;
    const auto begin = split ? begin_of_part(node, output, units_) : begin_of_slice(node);
    return begin && *begin >= 0 && *begin < farthest ? begin : std::nullopt;
  }

  std::optional<Fixed> held(const Tensor& constant, NodeId reader, size_t operand) const {
    if (constant.dtype() != DType::float32 || constant.shape().empty()) return std::nullopt;
    return Fixed{counted(constant.shape()), constant, reader, operand};
  }

  // What operand `operand` of a node is, if it depends on no step.
  std::optional<Fixed> fixed(NodeId reader, size_t operand, int depth = 0) const {
    const Node& node = body_.node(reader);
    if (operand >= node.inputs.size() || depth > 6) return std::nullopt;
    const ValueId value = node.inputs[operand];
    if (value == graph::no_value) return std::nullopt;
    if (body_.value(value).is_constant()) return held(body_.value(value).constant, reader, operand);
    if (const auto found = outside_.find(value); found != outside_.end()) {
      const size_t input = found->second;
      const bool there = input < loop_.inputs.size() && loop_.inputs[input] != graph::no_value;
      return there ? held(constant_(loop_.inputs[input]), -1, input) : std::nullopt;
    }
    const NodeId before = maker(value);
    if (before < 0) return std::nullopt;
    const Node& made = body_.node(before);
    if ((!graph::only_moves(made.type) || made.type == "Flatten") && made.type != "Split")
      return std::nullopt;
    auto out = fixed(before, 0, depth + 1);
    return out && moved(made, value, *out) ? out : std::nullopt;
  }

  // The same after a node that only moves it.
  bool moved(const Node& node, ValueId output, Fixed& fixed) const {
    const Shape& shape = fixed.positions.shape();
    if (node.type == "Squeeze") {
      Shape less;
      for (const int64_t size : shape)
        if (size != 1 || less.empty()) less.push_back(size);
      if (less.size() > 1 && less[0] == 1) less.erase(less.begin());
      fixed.positions = fixed.positions.reshaped(less);
    } else if (node.type == "Reshape") {
      const auto sizes = integers(node, 1);
      if (!sizes || sizes->empty() || element_count(*sizes) != fixed.positions.size()) return false;
      fixed.positions = fixed.positions.reshaped(*sizes);
    } else if (node.type == "Transpose") {
      const auto order = graph::attribute_or(node, "perm", std::vector<int64_t>{1, 0});
      if (!is_order(order, shape.size())) return false;
      const std::vector<int> permutation(order.begin(), order.end());
      fixed.positions = transpose(fixed.positions, permutation);
    } else if (node.type == "Split") {
      const auto parts = static_cast<int64_t>(node.outputs.size());
      int64_t axis = graph::attribute_or(node, "axis", int64_t{0});
      if (axis < 0) axis += static_cast<int64_t>(shape.size());
      if (axis < 0 || axis >= static_cast<int64_t>(shape.size()) || integers(node, 1)) return false;
      const int64_t size = shape[static_cast<size_t>(axis)] / parts;
      const auto begin = begin_of_part(node, output, size);
      if (!begin) return false;
      fixed.positions = cut(fixed.positions, static_cast<size_t>(axis), *begin, size);
    }
    return true;
  }

  // As [inputs, columns].
  std::optional<Fixed> matrix_of(const Node& node) const {
    auto out = fixed(static_cast<NodeId>(&node - body_.nodes.data()), 1);
    if (!out || out->positions.rank() != 2) return std::nullopt;
    if (node.type == "Gemm" && graph::attribute_or(node, "transB", int64_t{0}) != 0) {
      const std::vector<int> swapped{1, 0};
      out->positions = transpose(out->positions, swapped);
    }
    return out;
  }

  bool is_state(ValueId value) const {
    value = plain(value);
    if (value == hidden_) return true;
    return std::ranges::any_of(operands(value, "Mul"), [&](const auto& pair) {
      return pair.first == hidden_ && made_by(pair.second, "Sigmoid");
    });
  }

  struct Sum {
    std::vector<Term> terms;
    bool given = false;
    int visits = 0;
  };

  // Adds what operand `operand` of a node is the sum of, from column `begin` on. False: it can't be told.
  bool add(NodeId reader, size_t operand, int64_t begin, Sum& out) const {
    if (++out.visits > most_terms || operand >= body_.node(reader).inputs.size()) return false;
    if (auto bias = fixed(reader, operand)) {
      out.terms.push_back({std::move(*bias), false, false, begin});
      return true;
    }
    const ValueId value = body_.node(reader).inputs[operand];
    const NodeId id = maker(value);
    if (id < 0) return out.given = true;
    const Node& node = body_.node(id);
    if (node.type == "Add") return add(id, 0, begin, out) && add(id, 1, begin, out);
    if (graph::only_moves(node.type) && node.type != "Transpose") return add(id, 0, begin, out);
    if (node.type == "Split" || node.type == "Slice") {
      const auto from = begin_of(node, value);
      return from && add(id, 0, begin + *from, out);
    }
    if (node.type != "MatMul" && node.type != "Gemm") return out.given = true;
    auto matrix = matrix_of(node);
    if (!matrix) return out.given = true;
    const bool plain_product = graph::attribute_or(node, "alpha", 1.f) == 1.f &&
                               graph::attribute_or(node, "beta", 1.f) == 1.f &&
                               graph::attribute_or(node, "transA", int64_t{0}) == 0;
    if (!plain_product) return false;
    out.terms.push_back({std::move(*matrix), true, is_state(node.inputs[0]), begin});
    return node.inputs.size() < 3 || node.inputs[2] == graph::no_value || add(id, 2, begin, out);
  }

  // What a value that is read in the body is the sum of.
  std::optional<Sum> sum(ValueId value) const {
    for (NodeId n = 0; n < static_cast<NodeId>(body_.nodes.size()); ++n)
      for (size_t i = 0; i < body_.node(n).inputs.size(); ++i) {
        if (body_.node(n).inputs[i] != value) continue;
        Sum out;
        return add(n, i, 0, out) ? std::optional(std::move(out)) : std::nullopt;
      }
    return std::nullopt;
  }

  // Gate `name`, whose function's result is `value`.
  bool take(Cell& cell, const char* name, ValueId value, const char* function) const {
    const ValueId before = argument(value, function);
    const auto found = before == graph::no_value ? std::nullopt : sum(before);
    if (!found) return false;
    cell.gates.push_back({name, found->terms, {}, found->given});
    return true;
  }

  // cell' = f * cell + i * c, hidden' = o * tanh(cell')
  std::optional<Cell> lstm(ValueId hidden_after, ValueId cell, ValueId cell_after) const {
    ValueId o = graph::no_value;
    for (const auto& [a, b] : operands(hidden_after, "Mul"))
      if (plain(argument(b, "Tanh")) == cell_after) o = a;
    if (o == graph::no_value) return std::nullopt;
    for (const auto& [kept, added] : operands(cell_after, "Add"))
      for (const auto& [f, old] : operands(kept, "Mul"))
        for (const auto& [i, c] : operands(added, "Mul")) {
          if (old != cell || !made_by(c, "Tanh") || !made_by(i, "Sigmoid")) continue;
          Cell out{"LSTM", false, units_, {}};
          if (take(out, "i", i, "Sigmoid") && take(out, "o", o, "Sigmoid") && take(out, "f", f, "Sigmoid") &&
              take(out, "c", c, "Tanh"))
            return out;
        }
    return std::nullopt;
  }

  // hidden' = z * hidden + (1 - z) * h
  std::optional<Cell> gru(ValueId hidden_after) const {
    for (const auto& [kept, added] : operands(hidden_after, "Add"))
      for (const auto& [z, old] : operands(kept, "Mul"))
        for (const auto& [rest, h] : operands(added, "Mul")) {
          const Node* complement = made_by(rest, "Sub");
          if (old != hidden_ || !complement || complement->inputs.size() != 2 ||
              plain(complement->inputs[1]) != z)
            continue;
          Cell out{"GRU", false, units_, {}};
          if (take(out, "z", z, "Sigmoid") && take_reset(out, z, argument(h, "Tanh"))) return out;
        }
    return std::nullopt;
  }

  // Gates r and h of a GRU: h = tanh(x + r * (state's part)), or tanh(x + part of (r * state)).
  bool take_reset(Cell& cell, ValueId z, ValueId before) const {
    if (before == graph::no_value) return false;
    for (const auto& [x, scaled] : operands(before, "Add"))
      for (const auto& [r, state] : operands(scaled, "Mul")) {
        if (!made_by(r, "Sigmoid") || !take(cell, "r", r, "Sigmoid")) continue;
        const auto input = sum(x), side = sum(state);
        if (!input || !side) return false;
        cell.linear_before_reset = true;
        cell.gates.push_back({"h", input->terms, side->terms, input->given});
        return !side->given;
      }
    const auto whole = sum(before);
    if (!whole) return false;
    for (const Node& node : body_.nodes)
      for (const auto& [state, r] : operands(node.outputs.empty() ? graph::no_value : node.outputs[0], "Mul"))
        if (state == hidden_ && made_by(r, "Sigmoid") && r != z && take(cell, "r", r, "Sigmoid")) {
          cell.gates.push_back({"h", whole->terms, {}, whole->given});
          return true;
        }
    return false;
  }

  const Node& loop_;
  const ConstantLookup& constant_;
  const graph::Graph& body_;
  std::vector<NodeId> producer_;
  std::map<ValueId, size_t> outside_;  // what the enclosing graph has, as which input of the Loop
  std::map<ValueId, ValueId> next_;    // what becomes of a state
  ValueId hidden_ = graph::no_value;
  int64_t units_ = 0;
};

}  // namespace

std::optional<Cell> cell_of(const graph::Graph& outer, NodeId loop, const ConstantLookup& constant) {
  const Node& node = outer.node(loop);
  if (node.type != "Loop" || !node.bodies.contains("body")) return std::nullopt;
  return Body(node, constant).cell();
}

}  // namespace fetafix::faults
