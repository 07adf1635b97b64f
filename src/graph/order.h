// An order in which each operator of a file stands behind all that it reads from.
#pragma once

#include <cstddef>
#include <set>
#include <vector>

namespace fetafix::graph {

struct ExecutionOrder {
  std::vector<size_t> sequence;  // as the file has them where it can be; what can't be ordered comes last
  size_t ordered = 0;            // how many of them can: the others lie on a cycle or behind one

  bool whole() const { return ordered == sequence.size(); }
  // Those that can't, in the order of the file.
  std::vector<size_t> waiting() const {
    return {sequence.begin() + static_cast<std::ptrdiff_t>(ordered), sequence.end()};
  }
};

// `reads_from`: by operator, those that it reads from. As if one went through the list again and again and
// took those that are ready; takes time in proportion to the list.
ExecutionOrder execution_order(const std::vector<std::set<size_t>>& reads_from);

}  // namespace fetafix::graph
