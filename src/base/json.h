// JSON behind a small face: the only header, besides json_fwd.h, that names the library. Reading never throws
// here; use parse_json and the `json_*` getters on anything that comes from outside.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fetafix {

using Json = nlohmann::ordered_json;

// Error kind `file`; the message names `what` (a file or a message) and the byte.
Result<Json> parse_json(std::string_view text, const std::string& what);

// Compact, and with invalid UTF-8 (hostile names) replaced rather than refused.
std::string dump_json(const Json& json, int indent = -1);

// The member `key` in the wanted type, or an error that names the key and what was found.
Result<std::string> json_string(const Json& object, const char* key);
Result<int64_t> json_int(const Json& object, const char* key);
Result<double> json_number(const Json& object, const char* key);
Result<std::vector<int64_t>> json_ints(const Json& object, const char* key);
Result<Json> json_array(const Json& object, const char* key);
Result<Json> json_object(const Json& object, const char* key);

}  // namespace fetafix
