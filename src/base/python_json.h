// JSON as Python's json module reads and writes it: with NaN and Infinity, and a space behind commas and
// colons.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace fetafix {

// As parse_json.
Result<Json> parse_python_json(std::string_view text, const std::string& what);

// ASCII, numbers as Python's repr() writes them.
std::string python_json(const Json& json);

}  // namespace fetafix
