#include "graph/order.h"

#include <algorithm>

namespace fetafix::graph {

ExecutionOrder execution_order(const std::vector<std::set<size_t>>& reads_from) {
  const size_t size = reads_from.size();
  std::vector<size_t> left(size), round(size, 0);
  std::vector<std::vector<size_t>> readers(size);
  ExecutionOrder out;
  for (size_t i = 0; i < size; ++i) {
    left[i] = reads_from[i].size();
    for (size_t from : reads_from[i]) readers[from].push_back(i);
    if (left[i] == 0) out.sequence.push_back(i);
  }
  for (size_t next = 0; next < out.sequence.size(); ++next) {
    const size_t done = out.sequence[next];
    for (size_t reader : readers[done]) {
      round[reader] = std::max(round[reader], round[done] + (done > reader));
      if (--left[reader] == 0) out.sequence.push_back(reader);
    }
  }
  out.ordered = out.sequence.size();
  std::sort(out.sequence.begin(), out.sequence.end(),
            [&](size_t a, size_t b) { return std::pair(round[a], a) < std::pair(round[b], b); });
  for (size_t i = 0; i < size; ++i)
    if (left[i] > 0) out.sequence.push_back(i);
  return out;
}

}  // namespace fetafix::graph
