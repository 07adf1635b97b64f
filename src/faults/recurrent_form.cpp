#include "faults/recurrent_form.h"

#include "faults/effective.h"
#include "faults/recurrent_cell.h"

namespace fetafix::faults {
namespace {

using graph::Node;
using graph::NodeId;

// Where operand `operand` of a node lies; nullopt: nowhere that can be written.
using StoredLookup = std::function<std::optional<Stored>(size_t operand)>;

// --- a Loop
// -------------------------------------------------------------------------------------------------

void take(Held& out, const Fixed& fixed, size_t at) {
  out.index.push_back(static_cast<size_t>(fixed.positions.as<int64_t>()[at]));
  out.numbers.push_back(fixed.constant.as<float>()[out.index.back()]);
}

Held part_of(const Term& term, int64_t units) {
  Held out;
  const Shape& shape = term.fixed.positions.shape();
  for (int64_t u = term.begin; u < term.begin + units; ++u)
    for (int64_t j = 0; j < (term.is_product ? shape[0] : 1); ++j)
      take(out, term.fixed, static_cast<size_t>(j * shape.back() + u));
  return out;
}

bool fits(const Term& term, int64_t units) {
  const Tensor& positions = term.fixed.positions;
  return term.begin + units <= (term.is_product ? positions.shape()[1] : positions.size());
}

// What a body's own constant is to an edit: an operand of a nested operator.
std::optional<Stored> stored_inside(const graph::Graph& body, const Fixed& fixed) {
  const Node& reader = body.node(fixed.reader);
  const int slot = fixed.operand < reader.slots.size() ? reader.slots[fixed.operand] : -1;
  if (slot < 0 || reader.native.graph.empty()) return std::nullopt;
  return Stored{graph::address_of(body, fixed.reader), slot, fixed.constant, {}, {}};
}

bool sort_terms(const std::vector<Term>& terms, int64_t units,
                const std::function<std::optional<Stored>(const Fixed&)>& stored, std::vector<Held>& biases,
                Gate& gate) {
  for (const Term& term : terms) {
    if (!fits(term, units)) return false;
    Held part = part_of(term, units);
    part.stored = stored(term.fixed);
    (!term.is_product ? biases : term.of_state ? gate.recurrence : gate.weights).push_back(std::move(part));
  }
  return true;
}

std::vector<Recurrent> of_loop(const graph::Graph& graph, NodeId id, const ConstantLookup& constant,
                               const StoredLookup& operand, bool writable) {
  const auto cell = cell_of(graph, id, constant);
  if (!cell) return {};
  const graph::Graph& body = *graph.node(id).bodies.at("body").graph;
  const auto stored = [&](const Fixed& fixed) -> std::optional<Stored> {
    if (!writable) return std::nullopt;
    return fixed.reader < 0 ? operand(fixed.operand) : stored_inside(body, fixed);
  };
  Recurrent out{cell->type, cell->linear_before_reset, {}, Recurrent::Direction::unknown};
  for (const CellGate& from : cell->gates) {
    Gate gate{from.name, {}, {}, {}, {}};
    if (!sort_terms(from.terms, cell->units, stored, gate.biases, gate) ||
        !sort_terms(from.reset_terms, cell->units, stored, gate.reset_biases, gate))
      return {};
    if (gate.weights.size() + static_cast<size_t>(from.given) != 1 || gate.recurrence.size() != 1) return {};
    out.gates.push_back(std::move(gate));
  }
  return {std::move(out)};
}

// --- an LSTM or GRU
// -------------------------------------------------------------------------------------------

// Numbers [begin, begin + size) of an operand.
Held slice(const Tensor& operand, size_t begin, size_t size, const std::optional<Stored>& stored) {
  Held out;
  const auto numbers = operand.as<float>();
  for (size_t k = begin; k < begin + size; ++k) {
    out.numbers.push_back(numbers[k]);
    out.index.push_back(k);
  }
  out.stored = stored;
  return out;
}

bool is_usual(const Node& node) {
  return !node.attributes.contains("activations") && !node.attributes.contains("clip") &&
         graph::attribute_or(node, "layout", int64_t{0}) == 0 &&
         graph::attribute_or(node, "input_forget", int64_t{0}) == 0 &&
         (node.inputs.size() < 8 || node.inputs[7] == graph::no_value);
}

std::vector<Recurrent::Direction> directions_of(const Node& node) {
  using enum Recurrent::Direction;
  const auto direction = graph::attribute_or(node, "direction", std::string("forward"));
  if (direction == "bidirectional") return {forward, reverse};
  return {direction == "reverse" ? reverse : forward};
}

// The tensors of an LSTM or GRU: weights [directions, gates * units, inputs], recurrence
// [directions, gates * units, units], bias [directions, 2 * gates * units] or none.
struct Operands {
  Tensor weights, recurrence, bias;
  size_t gates = 0, units = 0, inputs = 0;

  bool fit(size_t directions, bool has_bias) const {
    const size_t all = directions * gates * units;
    return weights.dtype() == DType::float32 && recurrence.dtype() == DType::float32 && weights.rank() == 3 &&
           static_cast<size_t>(recurrence.size()) == all * units &&
           static_cast<size_t>(weights.size()) == all * inputs &&
           (!has_bias || (bias.dtype() == DType::float32 && static_cast<size_t>(bias.size()) == 2 * all));
  }
};

Recurrent one_direction(const Node& node, const Operands& from, size_t direction,
                        const StoredLookup& stored) {
  const bool lstm = node.type == "LSTM";
  const size_t units = from.units, block = direction * from.gates * units;
  Recurrent out{node.type,
                !lstm && graph::attribute_or(node, "linear_before_reset", int64_t{0}) != 0,
                {},
                directions_of(node)[direction]};
  for (size_t g = 0; g < from.gates; ++g) {
    const size_t row = block + g * units, bias = 2 * block + g * units;
    Gate gate{lstm ? std::string(1, "iofc"[g]) : std::string(1, "zrh"[g]), {}, {}, {}, {}};
    gate.weights.push_back(slice(from.weights, row * from.inputs, units * from.inputs, stored(1)));
    gate.recurrence.push_back(slice(from.recurrence, row * units, units * units, stored(2)));
    if (from.bias.size() > 0) {
      gate.biases.push_back(slice(from.bias, bias, units, stored(3)));
      (out.linear_before_reset && g == 2 ? gate.reset_biases : gate.biases)
          .push_back(slice(from.bias, bias + from.gates * units, units, stored(3)));
    }
    out.gates.push_back(std::move(gate));
  }
  return out;
}

std::vector<Recurrent> of_operator(const Node& node, const ConstantLookup& constant,
                                   const StoredLookup& stored) {
  const bool lstm = node.type == "LSTM";
  if ((!lstm && node.type != "GRU") || !is_usual(node) || node.inputs.size() < 3) return {};
  Operands from{constant(node.inputs[1]), constant(node.inputs[2]), Tensor(), size_t{lstm ? 4u : 3u}};
  if (from.weights.rank() != 3 || from.recurrence.rank() != 3) return {};
  const bool has_bias = node.inputs.size() > 3 && node.inputs[3] != graph::no_value;
  if (has_bias) from.bias = constant(node.inputs[3]);
  from.units = static_cast<size_t>(from.recurrence.shape()[2]);
  from.inputs = static_cast<size_t>(from.weights.shape()[2]);
  const size_t directions = directions_of(node).size();
  if (!from.fit(directions, has_bias)) return {};
  std::vector<Recurrent> out;
  for (size_t d = 0; d < directions; ++d) out.push_back(one_direction(node, from, d, stored));
  return out;
}

}  // namespace

std::vector<Recurrent> recurrent_of_source(const Place& place, NodeId id) {
  const auto constant = source_constants(place);
  const StoredLookup nowhere = [](size_t) { return std::nullopt; };
  if (place.source.node(id).type == "Loop") return of_loop(place.source, id, constant, nowhere, false);
  return of_operator(place.source.node(id), constant, nowhere);
}

std::vector<Recurrent> recurrent_of_target(const Place& place, NodeId id) {
  const auto constant = target_constants(place);
  const StoredLookup stored = [&](size_t operand) { return stored_operand(place, id, operand); };
  if (place.target.node(id).type == "Loop") return of_loop(place.target, id, constant, stored, true);
  return of_operator(place.target.node(id), constant, stored);
}

}  // namespace fetafix::faults
