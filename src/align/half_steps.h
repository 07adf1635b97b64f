// What storing numbers in fewer bits has rounded away: half the distance between neighboring stored numbers,
// element by element.
#pragma once

#include <map>

#include "evaluate/evaluator.h"

namespace fetafix::align {

class HalfSteps {
 public:
  // The graph in float form; it must outlive this.
  explicit HalfSteps(const graph::Graph& graph);

  // Of a constant that the file stores in a narrower type, or of what DequantizeLinear and layout nodes make
  // of one, as `shape`. Empty: full precision.
  Tensor of(graph::ValueId value, const Shape& shape);
  // Of what a node that stands for a rounding of activations puts out: a DequantizeLinear of a computed
  // value, or the Clip that stands for a QuantizeLinear. Empty: another node.
  Tensor of_output(const graph::Node& node, const Shape& shape) const;
  // Whether the file stores anything in fewer bits.
  bool any() const { return any_; }

 private:
  Tensor compute(graph::ValueId value, const Shape& shape);
  Tensor dequantized(const graph::Node& node, const Shape& shape) const;

  const graph::Graph& graph_;
  graph::Uses uses_;
  bool any_ = false;
  std::map<graph::ValueId, Tensor> known_;
};

// A factor for what was rounded away: the scale that steps are made of is a rounded number itself.
inline constexpr float scales_are_rounded_too = 1.01f;

// What fewer bits in the file may honestly change in the first output of a node, on top of the rounding of
// the computation. `feeds` holds its computed operands. Empty: nothing, or the node
// is no sum of products.
Result<Tensor> rounding_allowance(evaluate::Evaluator& evaluator, const graph::Graph& graph, HalfSteps& steps,
                                  graph::NodeId node, const evaluate::Feeds& feeds, const Shape& output);

// Operands of the node that hold stored numbers, by value: half their steps.
evaluate::Feeds rounded_operands(const graph::Graph& graph, HalfSteps& steps, const graph::Node& node,
                                 const evaluate::Feeds& values);

}  // namespace fetafix::align
