#include "formats/torch/script_schema.h"

#include <algorithm>
#include <map>

#include "formats/torch/program.h"
#include "formats/torch/script_schema_table.h"

namespace fetafix::formats::torch {
namespace {

// What stands in front of `mark`; `text` keeps what is behind it.
std::string_view cut(std::string_view& text, char mark) {
  const size_t at = std::min(text.find(mark), text.size());
  const std::string_view out = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return out;
}

SchemaArgument argument_of(std::string_view text) {
  SchemaArgument out;
  out.keyword = text.starts_with("*");
  if (out.keyword) text.remove_prefix(1);
  out.may_be_left_out = text.ends_with("=");
  if (out.may_be_left_out) text.remove_suffix(1);
  out.name = cut(text, ':');
  out.type = text;
  return out;
}

Schema schema_of(std::string_view line) {
  Schema out;
  out.target = "aten." + std::string(cut(line, '|'));
  for (std::string_view list = cut(line, '|'); !list.empty();)
    out.arguments.push_back(argument_of(cut(list, ' ')));
  while (!line.empty()) out.results.push_back(cut(line, ' '));
  return out;
}

// Lines by the operator's name without overload.
const std::multimap<std::string_view, std::string_view>& table() {
  static const auto lines = [] {
    std::multimap<std::string_view, std::string_view> out;
    for (std::string_view text = schema_table; !text.empty();)
      if (const std::string_view line = cut(text, '\n'); !line.empty())
        out.emplace(line.substr(0, line.find('.')), line);
    return out;
  }();
  return lines;
}

bool is_number(const ScriptValue& value) {
  return value.is(ValueKind::integer) || value.is(ValueKind::size);
}

bool is_one(const ScriptValue& value, char type) {
  switch (type) {
    case 'T':
      return value.is(ValueKind::tensor) || value.is_tensor;
    case 'i':
    case 'y':
    case 'l':
    case 'm':
      return is_number(value);
    case 'f':
      return value.is(ValueKind::real) || is_number(value);
    case 'n':
      return value.is(ValueKind::real) || is_number(value) || value.is(ValueKind::boolean);
    case 'b':
      return value.is(ValueKind::boolean);
    case 's':
      return value.is(ValueKind::text);
    case 'd':
      return value.is(ValueKind::device) || value.is(ValueKind::text);
    default:
      return false;
  }
}

bool fits(const ScriptValue& value, std::string_view type) {
  const bool optional = type.ends_with("?") && type.size() > 1;
  if (value.is(ValueKind::none)) return optional;
  if (optional) type.remove_suffix(1);
  const char one = type[0];
  const bool list = type.find_first_of("*#") != std::string_view::npos;
  if (!list) return is_one(value, one);
  if (value.is(ValueKind::sizes)) return one == 'i';
  if (type.ends_with("#") && is_one(value, one)) return true;
  if (!value.is(ValueKind::list) && !value.is(ValueKind::tuple)) return false;
  const bool or_none = type.find('?') != std::string_view::npos;
  return std::ranges::all_of(*value.items, [&](const ScriptValue& item) {
    return is_one(item, one) || (or_none && item.is(ValueKind::none));
  });
}

std::optional<BoundCall> bound(Schema schema, const std::vector<ScriptValue>& values,
                               const std::vector<std::string>& keywords) {
  BoundCall out;
  out.places.assign(schema.arguments.size(), -1);
  out.values.assign(schema.arguments.size(), nullptr);
  for (size_t i = 0; i < values.size(); ++i) {
    size_t place = i;
    if (!keywords[i].empty())
      for (place = 0; place < schema.arguments.size() && schema.arguments[place].name != keywords[i];)
        ++place;
    if (place >= schema.arguments.size() || out.values[place] ||
        (keywords[i].empty() && schema.arguments[place].keyword) ||
        !fits(values[i], schema.arguments[place].type))
      return std::nullopt;
    out.values[place] = &values[i];
    out.places[place] = static_cast<int>(i);
  }
  for (size_t i = 0; i < schema.arguments.size(); ++i)
    if (!out.values[i] && !schema.arguments[i].may_be_left_out) return std::nullopt;
  out.schema = std::move(schema);
  return out;
}

}  // namespace

std::optional<Schema> find_schema(const std::string& target) {
  for (Schema& schema : schemas_of(aten_name(target)))
    if (schema.target == target) return std::move(schema);
  return std::nullopt;
}

std::vector<Schema> schemas_of(const std::string& name) {
  std::vector<Schema> out;
  const auto [begin, end] = table().equal_range(name);
  for (auto line = begin; line != end; ++line) out.push_back(schema_of(line->second));
  return out;
}

std::optional<BoundCall> bind_call(const std::string& name, const std::vector<ScriptValue>& values,
                                   const std::vector<std::string>& keywords) {
  for (Schema& schema : schemas_of(name))
    if (auto call = bound(std::move(schema), values, keywords)) return call;
  return std::nullopt;
}

}  // namespace fetafix::formats::torch
