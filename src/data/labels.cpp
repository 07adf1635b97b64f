#include "data/labels.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "base/files.h"
#include "base/json.h"

namespace fetafix::data {
namespace {

constexpr int64_t most_classes = 1'000'000;  // an index above it is a mistake, and would cost its memory

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  size_t at = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(std::move(line));
    at = end + 1;
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

// One row; fields may be quoted, with "" for a quote.
std::vector<std::string> csv_fields(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
      fields.back() += line[i++];
    else if (line[i] == '"')
      quoted = !quoted;
    else if (line[i] == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back() += line[i];
  }
  return fields;
}

std::optional<size_t> column(const std::vector<std::string>& header,
                             std::initializer_list<std::string_view> names) {
  for (std::string_view name : names)
    for (size_t i = 0; i < header.size(); ++i)
      if (header[i] == name) return i;
  return std::nullopt;
}

std::optional<int64_t> class_index(std::string_view text) {
  int64_t value = -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value >= most_classes)
    return std::nullopt;
  return value;
}

void set_name(Labels& labels, int64_t index, const std::string& name) {
  if (static_cast<size_t>(index) >= labels.names.size()) labels.names.resize(static_cast<size_t>(index) + 1);
  labels.names[static_cast<size_t>(index)] = name;
}

struct Columns {
  std::optional<size_t> index, name, file;
  bool usable() const { return index && (name || file); }
};

Columns columns_of(const std::string& line) {
  const auto header = csv_fields(line);
  return {column(header, {"index", "class_index", "class", "id"}), column(header, {"name", "label", "text"}),
          column(header, {"file", "filename", "image"})};
}

Result<Labels> parse_csv(const std::vector<std::string>& lines, const Columns& columns,
                         const std::string& what) {
  Labels labels;
  for (size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    const auto fields = csv_fields(lines[i]);
    const auto field = [&](std::optional<size_t> at) {
      return at && *at < fields.size() ? fields[*at] : std::string();
    };
    const auto index = class_index(field(columns.index));
    if (!index)
      return Error{ErrorKind::file, what + ": line " + std::to_string(i + 1) + ": '" + field(columns.index) +
                                        "' is no class index"};
    if (columns.name) set_name(labels, *index, field(columns.name));
    if (columns.file) labels.classes[field(columns.file)] = *index;
  }
  return labels;
}

// The last text of a list: {"0": ["n01440764", "tench"]} names the class "tench".
std::optional<std::string> json_name(const Json& value) {
  const Json& item = value.is_array() && !value.empty() ? value.back() : value;
  return item.is_string() ? std::optional(item.get<std::string>()) : std::nullopt;
}

Result<Labels> parse_json_labels(const std::string& text, const std::string& what) {
  FETAFIX_TRY(Json json, parse_json(text, what));
  Labels labels;
  int64_t next = 0;
  for (const auto& item : json.items()) {
    const auto index = json.is_array() ? std::optional(next++) : class_index(item.key());
    const auto name = json_name(item.value());
    if (!index || !name)
      return Error{ErrorKind::file,
                   what + ": expected a list of names, or an object from class index to name"};
    set_name(labels, *index, *name);
  }
  return labels;
}

}  // namespace

const std::string& Labels::name(int64_t index) const {
  static const std::string none;
  return index >= 0 && static_cast<size_t>(index) < names.size() ? names[static_cast<size_t>(index)] : none;
}

Result<Labels> parse_labels(const std::string& text, const std::string& what) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return Error{ErrorKind::file, what + ": no labels in it"};
  if (text[first] == '[' || text[first] == '{') return parse_json_labels(text, what);
  const auto lines = lines_of(text);
  const Columns columns = columns_of(lines.front());
  if (columns.usable()) return parse_csv(lines, columns, what);
  Labels labels;
  labels.names = lines;
  return labels;
}

Result<Labels> read_labels(const std::filesystem::path& path) {
  FETAFIX_TRY(Bytes bytes, read_file(path));
  return parse_labels(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), path.string());
}

}  // namespace fetafix::data
