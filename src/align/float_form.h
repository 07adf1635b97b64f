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

}  // namespace fetafix::align
