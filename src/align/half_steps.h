// What storing numbers in fewer bits has rounded away: half the distance between neighboring stored numbers,
// element by element.
#pragma once

#include <map>

#include "graph/graph.h"

namespace fetafix::align {

class HalfSteps {
 public:
  // The graph in float form; it must outlive this.
  explicit HalfSteps(const graph::Graph& graph);

  // Of a constant that the file stores in a narrower type, or of what DequantizeLinear and layout nodes make
  // of one, as `shape`. Empty: full precision.
  Tensor of(graph::ValueId value, const Shape& shape);
  // Of what a node that stands for a rounding of activations puts out: a DequantizeLinear of a computed value,
  // or the Clip that stands for a QuantizeLinear. Empty: another node.
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

}  // namespace fetafix::align
