#include "base/python_json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace fetafix {
namespace {

// Python writes three numbers that JSON does not have. They go through the parser as texts that no file
// holds.
constexpr std::array<std::pair<std::string_view, double>, 3> python_numbers{
    {{"NaN", std::numeric_limits<double>::quiet_NaN()},
     {"-Infinity", -std::numeric_limits<double>::infinity()},
     {"Infinity", std::numeric_limits<double>::infinity()}}};
constexpr std::string_view number_mark =
    "\x01number ";  // as "\u0001number ": a text of a file can say it too

void restore_numbers(Json& json) {
  if (json.is_structured())
    for (Json& item : json) restore_numbers(item);
  if (!json.is_string() || !json.get_ref<const std::string&>().starts_with(number_mark)) return;
  const std::string name = json.get_ref<const std::string&>().substr(number_mark.size());
  for (const auto& [spelled, value] : python_numbers)
    if (name == spelled) json = value;
}

}  // namespace

Result<Json> parse_python_json(std::string_view text, const std::string& what) {
  std::string out;
  bool quoted = false, changed = false;
  size_t copied = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted) {
      for (const auto& [spelled, value] : python_numbers)
        if (text.substr(i).starts_with(spelled)) {
          out += text.substr(copied, i - copied);
          out += "\"\\u0001number " + std::string(spelled) + "\"";
          i += spelled.size() - 1;
          copied = i + 1;
          changed = true;
          break;
        }
    }
  }
  if (!changed) return parse_json(text, what);
  out += text.substr(copied);
  FETAFIX_TRY(Json json, parse_json(out, what));
  restore_numbers(json);
  return json;
}

namespace {

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "Infinity" : "-Infinity";
  } else {
    char text[40];
    // repr() writes exponents below -4 and from 16 on.
    const double size = std::fabs(value);
    const bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
    auto end = std::to_chars(text, text + sizeof text, value,
                             fixed ? std::chars_format::fixed : std::chars_format::scientific);
    std::string_view written(text, static_cast<size_t>(end.ptr - text));
    out += written;
    if (fixed && written.find('.') == std::string_view::npos) out += ".0";
  }
}

void append(std::string& out, const Json& json) {
  const char* separator = "";
  if (json.is_object()) {
    out += '{';
    for (const auto& [key, value] : json.items()) {
      out += separator + Json(key).dump(-1, ' ', true, Json::error_handler_t::replace) + ": ";
      append(out, value);
      separator = ", ";
    }
    out += '}';
  } else if (json.is_array()) {
    out += '[';
    for (const Json& value : json) {
      out += separator;
      append(out, value);
      separator = ", ";
    }
    out += ']';
  } else if (json.is_number_float()) {
    append_number(out, json.get<double>());
  } else {
    out += json.dump(-1, ' ', true, Json::error_handler_t::replace);
  }
}

}  // namespace

std::string python_json(const Json& json) {
  std::string out;
  append(out, json);
  return out;
}

double shortest(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double out = value;
  std::from_chars(text, end, out);
  return out;
}

}  // namespace fetafix
