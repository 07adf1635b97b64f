// Operators on float64, written down as their definitions read: slow, and easily seen to be right. What the
// second opinion (second_opinion.h) is made of; one file a family.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"
#include "tensor/tensor.h"

namespace fetafix::evaluate::wide {

// Any tensor as float64; `dtype` is what the view computes it in.
struct Wide {
  Shape shape;
  std::vector<double> values;
  DType dtype = DType::float32;
};

// A node and its operands: null where one is absent.
struct Call {
  const graph::Node& node;
  std::vector<const Wide*> operands;

  bool has(size_t i) const { return i < operands.size() && operands[i]; }
  const Wide& operand(size_t i) const { return *operands[i]; }
  // The one number of an operand; `otherwise` where it is absent.
  double number(size_t i, double otherwise) const;
  // The numbers of an operand that says axes, pads and the like; `otherwise` where it is absent.
  std::vector<int64_t> numbers(size_t i, std::vector<int64_t> otherwise = {}) const;
  template <class T>
  T attribute(const std::string& name, T otherwise) const {
    return graph::attribute_or<T>(node, name, std::move(otherwise));
  }
  Error unknown(const std::string& what) const;
};

using Function = std::function<Result<Wide>(const Call&)>;
using Table = std::map<std::string, Function>;

// By operator type.
const Table& elementwise();
const Table& layout();
const Table& linear();
const Table& windows();
const Table& reductions();
const Table& stored();

Wide zeros(Shape shape, DType dtype);
// Distance in `values` between neighbors of each dimension.
std::vector<int64_t> strides_of(const Shape& shape);
// The next index in row-major order; false behind the last.
bool next(std::vector<int64_t>& index, const Shape& shape);
// Where `index` of a result lies in an operand that is broadcast to it.
int64_t broadcast_offset(const std::vector<int64_t>& index, const Shape& operand);
Result<Shape> broadcast(const Shape& a, const Shape& b);
// In 0 .. rank - 1; axes may count from the end.
Result<int64_t> axis_in(int64_t axis, int64_t rank);

// The windows of a convolution or a pool over all dimensions behind the first two.
struct Windows {
  Shape kernel, strides, dilations, before, output;
};
// `kernel`: its spatial extent; `padded`: the operand's shape.
Result<Windows> windows_of(const Call& call, const Shape& operand, const Shape& kernel);

}  // namespace fetafix::evaluate::wide
