// How results call an operator: by what it is, its number in the file, and its name if it has one.
#pragma once

#include <string>
#include <string_view>

namespace fetafix::graph {

// "Conv #12 'stem'"
inline std::string operator_label(std::string_view type, int index, std::string_view name) {
  std::string out = std::string(type) + " #" + std::to_string(index);
  if (!name.empty()) out.append(" '").append(name).append("'");
  return out;
}

}  // namespace fetafix::graph
