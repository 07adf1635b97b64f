#include "base/near.h"

#include <algorithm>
#include <numeric>

namespace fetafix {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t k = 0; k < b.size(); ++k) {
      const size_t replaced = diagonal + (a[i] != b[k]);
      diagonal = row[k + 1];
      row[k + 1] = std::min({replaced, row[k] + 1, row[k + 1] + 1});
    }
  }
  return row.back();
}

std::vector<std::string> near_names(std::string_view word, const std::vector<std::string>& names,
                                    size_t most) {
  std::vector<std::pair<size_t, std::string>> found;
  for (const std::string& name : names) {
    const size_t distance = edit_distance(word, name);
    const bool contains = !word.empty() && name.find(word) != std::string::npos;
    if (contains || 2 * distance < word.size()) found.emplace_back(distance, name);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> out;
  for (size_t i = 0; i < found.size() && i < most; ++i) out.push_back(std::move(found[i].second));
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace fetafix
