// The name of the JSON type alone, for headers that only pass it on: json.h takes a second of every file that
// reads it.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace fetafix {

using Json = nlohmann::ordered_json;

}  // namespace fetafix
