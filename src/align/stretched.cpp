#include "align/stretched.h"

#include <limits>
#include <set>

#include "evaluate/wide.h"

namespace fetafix::align {
namespace {

// Of a product of stacks of matrices.
Result<Shape> product_shape(const Shape& a, const Shape& b) {
  Shape rows = a, columns = b;
  const int64_t height = rows.end()[-2], width = columns.back();
  rows.resize(rows.size() - 2);
  columns.resize(columns.size() - 2);
  FETAFIX_TRY(Shape out, evaluate::wide::broadcast(rows, columns));
  out.insert(out.end(), {height, width});
  return out;
}

}  // namespace

int64_t stretched_size(const graph::Node& node, std::span<const Shape> operands) {
  static const std::set<std::string> stretching{"Add", "Sub", "Mul",   "Div",   "Pow",   "Max",
                                                "Min", "Mod", "Where", "PRelu", "MatMul"};
  if (!node.domain.empty() || !stretching.contains(node.type)) return 0;
  const bool product = node.type == "MatMul";
  if (product && (operands.size() != 2 || operands[0].size() < 2 || operands[1].size() < 2)) return 0;
  Shape common = product ? operands[0] : Shape{};
  for (const Shape& shape : operands.subspan(product ? 1 : 0)) {
    auto both = product ? product_shape(common, shape) : evaluate::wide::broadcast(common, shape);
    if (!both.ok()) return 0;
    common = std::move(both).value();
  }
  return element_count(common).value_or(std::numeric_limits<int64_t>::max());
}

}  // namespace fetafix::align
