// The float form of a view: what the model computes when nothing is rounded to fewer bits on the way.
//
//   QuantizeLinear of a computed value   -> Clip to the range of the quantized type (role quantize): a
//                                           converter may have left an activation to the saturation
//   DequantizeLinear behind it           -> Identity
//   the rounding of a hybrid kernel       -> Identity
//   QLinearConv, QLinearMatMul           -> the same with Conv and MatMul between
//   float16, bfloat16 and double values  -> float32
//   a bias in other steps than it claims  -> in the steps it claims (what it reads has the wrong scale)
//
// Constants keep their stored precision: weights that were rounded stay rounded, dequantized where they are
// read; half_steps.h says what was rounded away there.
#pragma once

#include "graph/graph.h"

namespace fetafix::align {

// Value ids keep their meaning; a quantized value becomes the float value that it stands for.
graph::Graph float_form(const graph::Graph& view);

// What a bias says of the steps it was counted in.
struct BiasClaim {
  graph::ValueId claimed = graph::no_value;  // no value: it makes no claim, or one that can't be understood
  double factor = 1;  // claimed over derived, the same for all channels; in float form derived over claimed
};

// Of a node of role bias that unpacks it.
BiasClaim bias_claim(const graph::Graph& graph, const graph::Node& node);

}  // namespace fetafix::align
