// What a file that describes itself in JSON says at one place, as an edit: a SetAttribute of no operator
// whose name is the place. It makes a model of a file that is none, so formats apply it before they make a
// view.
#pragma once

#include "graph/edit.h"

namespace fetafix::graph {

struct FileSetting {
  std::string place;   // a JSON pointer: "/config/layers/3/config/units"
  std::string before;  // JSON that must stand there; empty: nothing
  std::string value;   // JSON in its place; empty: nothing
};

inline Edit to_edit(const FileSetting& setting) {
  std::vector<std::string> texts{setting.before, setting.value};
  return SetAttribute{Address{}, setting.place, Attribute(std::move(texts))};
}

inline std::optional<FileSetting> file_setting(const Edit& edit) {
  const auto* one = std::get_if<SetAttribute>(&edit);
  if (!one || one->at.op.index >= 0 || !one->name.starts_with("/") || !one->value) return std::nullopt;
  const auto* texts = std::get_if<std::vector<std::string>>(&*one->value);
  if (!texts || texts->size() != 2) return std::nullopt;
  return FileSetting{one->name, (*texts)[0], (*texts)[1]};
}

}  // namespace fetafix::graph
