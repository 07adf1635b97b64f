// float16 and bfloat16 bit patterns to and from float32, rounding to nearest even (IEEE 754-2008).
#pragma once

#include <cstdint>

namespace fetafix {

float half_to_float(uint16_t half);
uint16_t float_to_half(float value);
float bfloat16_to_float(uint16_t half);
uint16_t float_to_bfloat16(float value);

}  // namespace fetafix
