// TensorFlow Lite (LiteRT) flatbuffers: reading, lifting, editing. What lifts to what: docs/tflite.md.
#pragma once

#include "formats/format.h"

namespace fetafix::formats::tflite {

const Format& tflite_format();

// `slots` of a view node are native operand indices. Parameters that are not operands, but belong to an
// operand's (or output's) tensor, count on from these: a weight in slot 1 has its scale in slot 1001.
inline constexpr int scale_slot = 1000;
inline constexpr int zero_point_slot = 2000;
inline constexpr int output_scale_slot = 3000;
inline constexpr int output_zero_point_slot = 4000;

// What graph::NativeOperator calls a subgraph other than the model's own.
std::string subgraph_name(uint32_t index);

}  // namespace fetafix::formats::tflite
