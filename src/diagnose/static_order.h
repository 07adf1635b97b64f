// In which order of dimensions an operator of the target holds what its counterpart holds: converters turn
// pictures around (NCHW, NHWC), and operators that work on elements don't mind. Private to diagnose/.
#pragma once

#include <set>

#include "diagnose/static_units.h"

namespace fetafix::diagnose {

// Transposed by `first`, then by `second`. nullopt: of different ranks.
std::optional<Order> composed(const Order& first, const Order& second);
Order inverse(const Order& order);

class Orders {
 public:
  Orders(const graph::Graph& source, const Units& source_units, const graph::Graph& target,
         const Units& target_units);

  // The operand of the target as a transposition of the source's; nullopt: that can't be told.
  std::optional<Order> of_operand(const Operand& its, const Operand& mine) const;
  // Sets what the unit's own output is a transposition of, from its operands. Units come in order. False: the
  // order can't be told, or the operator minds it and has another.
  bool settle(int source_unit, int target_unit);

 private:
  bool settle_linear(const Unit& its, const Unit& mine, Order& out) const;
  bool settle_reduction(const Unit& its, const Unit& mine, Order& out, bool& single_pixel) const;
  bool settle_elements(const Unit& its, const Unit& mine, Order& out) const;

  const graph::Graph& source_graph_;
  const graph::Graph& target_graph_;
  const Units& source_;
  const Units& target_;
  std::vector<Order> outputs_;   // by target unit
  std::vector<Order> inputs_;    // by model input
  std::set<int> single_pixels_;  // target units that reduce whole pictures
};

}  // namespace fetafix::diagnose
