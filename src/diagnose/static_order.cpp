#include "diagnose/static_order.h"

#include <algorithm>
#include <numeric>

namespace fetafix::diagnose {
namespace {

using graph::Graph;
using graph::Node;

Order plain(Order order) {
  for (size_t i = 0; i < order.size(); ++i)
    if (order[i] != static_cast<int>(i)) return order;
  return {};
}

bool works_on_elements(const std::string& label) {
  static const std::set<std::string> labels{
      "Clip",     "Sigmoid",    "Tanh", "Exp",       "Log",  "Sqrt",        "Erf",     "Neg",
      "Abs",      "Add",        "Sub",  "Mul",       "Div",  "Max",         "Min",     "Pow",
      "Softplus", "Reciprocal", "Elu",  "LeakyRelu", "Selu", "HardSigmoid", "Softsign"};
  return labels.contains(label);
}

// Dimensions that a reduction takes together; empty: not known.
std::set<int64_t> reduced(const Graph& graph, const Unit& unit) {
  const Node& node = graph.node(unit.node);
  if (node.inputs.empty() || node.inputs[0] == graph::no_value) return {};
  const auto& shape = graph.value(node.inputs[0]).shape;
  std::set<int64_t> out;
  if (node.type.starts_with("Global")) {
    for (int64_t d = 2; d < (shape ? static_cast<int64_t>(shape->size()) : 4); ++d) out.insert(d);
    return out;
  }
  if (unit.constants.size() != 1 || unit.constants[0].dtype() != DType::int64) return {};
  for (int64_t axis : unit.constants[0].as<int64_t>()) {
    if (axis < 0 && !shape) return {};
    out.insert(axis < 0 ? axis + static_cast<int64_t>(shape->size()) : axis);
  }
  return out;
}

// How the target's input lies, told from shapes alone: as the source's, or with the channels last.
Order order_of_input(const graph::Value& source, const graph::Value& target) {
  if (!source.shape || !target.shape || source.shape->size() != 4 || target.shape->size() != 4 ||
      *source.shape == *target.shape)
    return {};
  for (const Order& order : {Order{0, 2, 3, 1}, Order{0, 3, 1, 2}}) {
    bool fits = true;
    for (size_t i = 0; i < 4; ++i) {
      const int64_t there = (*source.shape)[static_cast<size_t>(order[i])], here = (*target.shape)[i];
      fits = fits && (there == here || there < 0 || here < 0);
    }
    if (fits) return order;
  }
  return {};
}

}  // namespace

std::optional<Order> composed(const Order& first, const Order& second) {
  if (first.empty()) return second;
  if (second.empty()) return first;
  if (first.size() != second.size()) return std::nullopt;
  Order out;
  for (int i : second) out.push_back(first[static_cast<size_t>(i)]);
  return plain(std::move(out));
}

Order inverse(const Order& order) {
  Order out(order.size());
  for (size_t i = 0; i < order.size(); ++i) out[static_cast<size_t>(order[i])] = static_cast<int>(i);
  return out;
}

Orders::Orders(const Graph& source, const Units& source_units, const Graph& target, const Units& target_units)
    : source_graph_(source),
      target_graph_(target),
      source_(source_units),
      target_(target_units),
      outputs_(target_units.units.size()) {
  for (size_t i = 0; i < std::min(source.inputs.size(), target.inputs.size()); ++i)
    inputs_.push_back(order_of_input(source.value(source.inputs[i]), target.value(target.inputs[i])));
}

std::optional<Order> Orders::of_operand(const Operand& its, const Operand& mine) const {
  if (its.scrambled || mine.scrambled || its.flattened != mine.flattened) return std::nullopt;
  const auto input = static_cast<size_t>(-1 - mine.unit);
  if (mine.unit < 0 && input >= inputs_.size()) return std::nullopt;
  const Order& from = mine.unit < 0 ? inputs_[input] : outputs_[static_cast<size_t>(mine.unit)];
  // Of a single pixel nothing but its channels is left: how it lay does not matter.
  if (mine.flattened && single_pixels_.contains(mine.unit)) return Order();
  const auto here = composed(from, mine.moved);
  return here ? composed(inverse(its.moved), *here) : std::nullopt;
}

bool Orders::settle(int source_unit, int target_unit) {
  const Unit& its = source_.units[static_cast<size_t>(source_unit)];
  const Unit& mine = target_.units[static_cast<size_t>(target_unit)];
  Order& out = outputs_[static_cast<size_t>(target_unit)];
  if (its.operands.size() != mine.operands.size()) return false;
  if (mine.linear) return settle_linear(its, mine, out);
  if (mine.label.starts_with("Reduce")) {
    bool single_pixel = false;
    const bool settled = settle_reduction(its, mine, out, single_pixel);
    if (single_pixel) single_pixels_.insert(target_unit);
    return settled;
  }
  if (works_on_elements(mine.label)) return settle_elements(its, mine, out);
  for (size_t i = 0; i < mine.operands.size(); ++i) {
    const auto order = of_operand(its.operands[i], mine.operands[i]);
    if (!order || !order->empty()) return false;
  }
  return true;
}

bool Orders::settle_linear(const Unit& its, const Unit& mine, Order& out) const {
  out = composed(inverse(its.behind), mine.behind).value_or(Order());
  const auto outside = of_operand(its.operands[0], mine.operands[0]);
  if (!outside) return false;
  const auto inside = composed(*outside, mine.before);
  const auto order = inside ? composed(inverse(its.before), *inside) : std::nullopt;
  return order && order->empty();
}

bool Orders::settle_reduction(const Unit& its, const Unit& mine, Order& out, bool& single_pixel) const {
  const auto order = of_operand(its.operands[0], mine.operands[0]);
  if (!order) return false;
  out = *order;
  const auto wanted = reduced(source_graph_, its);
  std::set<int64_t> found;
  for (int64_t axis : reduced(target_graph_, mine)) {
    if (axis < 0 || (!order->empty() && axis >= static_cast<int64_t>(order->size()))) return false;
    found.insert(order->empty() ? axis : (*order)[static_cast<size_t>(axis)]);
  }
  single_pixel = wanted == found && wanted == std::set<int64_t>{2, 3};
  return !wanted.empty() && wanted == found;
}

bool Orders::settle_elements(const Unit& its, const Unit& mine, Order& out) const {
  std::optional<Order> common;
  for (size_t i = 0; i < mine.operands.size(); ++i) {
    const auto order = of_operand(its.operands[i], mine.operands[i]);
    if (!order) return false;
    if (!common) out = *order;
    if (common && *common != *order) return false;
    common = order;
  }
  return true;
}

}  // namespace fetafix::diagnose
