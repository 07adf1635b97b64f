#include "graph/declared_shape.h"

#include <algorithm>

namespace fetafix::graph {
namespace {

bool may_be(const Shape& one, const Shape& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](int64_t a, int64_t b) { return a <= 0 || b <= 0 || a == b; });
}

}  // namespace

std::vector<Shape> other_declarations(const Shape& declared, const Shape& other) {
  if (std::none_of(other.begin(), other.end(), [](int64_t d) { return d > 0; })) return {};
  std::vector<Shape> out{other};
  if (other.size() == 4) {  // the fewest are the channels
    if (other[1] <= other[3]) out.push_back({other[0], other[2], other[3], other[1]});
    if (other[3] <= other[1]) out.push_back({other[0], other[3], other[1], other[2]});
  }
  std::erase_if(out, [&](const Shape& order) { return may_be(declared, order); });
  return out;
}

}  // namespace fetafix::graph
