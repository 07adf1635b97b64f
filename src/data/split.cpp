#include "data/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "data/random.h"

namespace fetafix::data {

Sets split(const std::vector<std::string>& originals, uint64_t seed, double held_back) {
  std::set<std::pair<uint64_t, std::string>> order;
  for (const std::string& original : originals) order.insert({hash_name(original, seed), original});
  const size_t n = order.size();
  size_t verdict = 0;
  if (n >= 3 && held_back > 0) {
    const auto wanted = static_cast<size_t>(std::lround(static_cast<double>(n) * std::min(held_back, 1.0)));
    verdict = std::clamp(wanted, size_t{1}, n - 2);
  }
  const size_t diagnose = (n - verdict + 1) / 2;
  std::map<std::string, size_t> position;
  for (const auto& [hash, original] : order) position.emplace(original, position.size());
  Sets sets;
  for (size_t i = 0; i < originals.size(); ++i) {
    const size_t at = position[originals[i]];
    (at < diagnose ? sets.diagnose : at < n - verdict ? sets.select : sets.verdict).push_back(i);
  }
  return sets;
}

}  // namespace fetafix::data
