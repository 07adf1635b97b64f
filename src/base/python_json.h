// JSON as Python's json module reads and writes it: with NaN and Infinity, and a space behind commas and
// colons.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace fetafix {

// As parse_json.
Result<Json> parse_python_json(std::string_view text, const std::string& what);

// A float32 as the number with no more digits than tell it from its neighbors: 0.1, not 0.10000000149.
double shortest(float value);

// ASCII, numbers as Python's repr() writes them.
std::string python_json(const Json& json);

}  // namespace fetafix
