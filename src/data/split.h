// The three disjoint sets of samples: the search sees values of `diagnose`, accepts on `select`, and
// `verdict` is opened once, after the patch is frozen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fetafix::data {

// Indices of samples, ascending.
struct Sets {
  std::vector<size_t> diagnose;
  std::vector<size_t> select;
  std::vector<size_t> verdict;
};

// `originals[i]` names the picture that sample i was made from; all samples of one original go to one set. Of
// n originals, in an order that only the names and the seed decide, `verdict` gets n * held_back (rounded; at
// least 1 and at most n - 2 when n >= 3 and held_back > 0; else 0), and the rest is halved, `diagnose` having
// the odd one:
//   originals  1      2      3      4      5      6      8      10      100
//   sets       1/0/0  1/1/0  1/1/1  2/1/1  2/2/1  3/2/1  3/3/2  4/4/2   40/40/20     (held_back 0.2)
Sets split(const std::vector<std::string>& originals, uint64_t seed, double held_back = 0.2);

}  // namespace fetafix::data
