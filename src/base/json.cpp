#include "base/json.h"

#include <algorithm>
#include <limits>

namespace fetafix {
namespace {

constexpr size_t max_depth = 64;  // of brackets; ours are 10 deep

Error wrong(const char* key, const char* expected, const Json& object) {
  std::string found = object.is_object() && object.contains(key) ? object[key].type_name() : "nothing";
  return {ErrorKind::file, std::string("key '") + key + "': expected " + expected + ", found " + found};
}

bool has(const Json& object, const char* key) {
  return object.is_object() && object.contains(key);
}

bool is_int64(const Json& json) {
  return json.is_number_integer() && (!json.is_number_unsigned() ||
                                      json.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()});
}

// Brackets that are open at once. Copies of a document are made recursively, so depth is stack.
size_t depth_of(std::string_view text) {
  size_t depth = 0, most = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') ++i;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '[' || c == '{') most = std::max(most, ++depth);
    if ((c == ']' || c == '}') && depth > 0) --depth;
  }
  return most;
}

}  // namespace

Result<Json> parse_json(std::string_view text, const std::string& what) {
  if (const size_t depth = depth_of(text); depth > max_depth)
    return Error{ErrorKind::file, what + ": nested " + std::to_string(depth) +
                                      " levels deep, expected at most " + std::to_string(max_depth)};
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Error{ErrorKind::file, what + ": not valid JSON"};
  return json;
}

std::string dump_json(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> json_string(const Json& object, const char* key) {
  if (!has(object, key) || !object[key].is_string()) return wrong(key, "a string", object);
  return object[key].get<std::string>();
}

Result<int64_t> json_int(const Json& object, const char* key) {
  if (!has(object, key) || !is_int64(object[key])) return wrong(key, "an integer", object);
  return object[key].get<int64_t>();
}

Result<double> json_number(const Json& object, const char* key) {
  if (!has(object, key) || !object[key].is_number()) return wrong(key, "a number", object);
  return object[key].get<double>();
}

Result<std::vector<int64_t>> json_ints(const Json& object, const char* key) {
  if (!has(object, key) || !object[key].is_array()) return wrong(key, "an array of integers", object);
  std::vector<int64_t> out;
  for (const Json& item : object[key]) {
    if (!is_int64(item)) return wrong(key, "an array of integers", object);
    out.push_back(item.get<int64_t>());
  }
  return out;
}

Result<Json> json_array(const Json& object, const char* key) {
  if (!has(object, key) || !object[key].is_array()) return wrong(key, "an array", object);
  return object[key];
}

Result<Json> json_object(const Json& object, const char* key) {
  if (!has(object, key) || !object[key].is_object()) return wrong(key, "an object", object);
  return object[key];
}

}  // namespace fetafix
