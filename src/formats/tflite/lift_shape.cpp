// Operators that move or repeat values. They act on the native order of dimensions.
#include <algorithm>

#include "formats/tflite/lift_families.h"

namespace fetafix::formats::tflite {
namespace {

Operand shape_constant(Operation& op, const std::string& name, const Shape& shape) {
  return op.number(name, Tensor::vector(shape));
}

// Block sizes and pads or crops of SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND.
struct Blocks {
  std::vector<int64_t> block;
  std::vector<int64_t> edges;  // before and after, for each block
};

Result<Blocks> blocks_of(Operation& op) {
  FETAFIX_TRY(auto block, op.ints(1));
  FETAFIX_TRY(auto edges, op.ints(2));
  const auto& shape = op.info(0).shape;
  if (!shape || shape->size() < block.size() + 1 || edges.size() != 2 * block.size())
    return Operation::unsupported("blocks do not fit the input's rank");
  for (size_t i = 1; i < shape->size(); ++i)
    if ((*shape)[i] < 0) return Operation::unsupported("a size other than the batch is not known");
  for (int64_t b : block)
    if (b < 1) return Operation::unsupported("a block size below 1");
  return Blocks{block, edges};
}

}  // namespace

Status lift_reshape(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  Operand shape;
  bool zeros = false;
  if (op.has(1)) {
    FETAFIX_TRY(shape, op.int64s(1));
    if (op.is_constant(1)) {
      FETAFIX_TRY(auto sizes, op.ints(1));
      zeros = std::count(sizes.begin(), sizes.end(), 0) > 0;
    }
  } else {
    const auto sizes = op.options<schema::ReshapeOptions>().new_shape;
    zeros = std::count(sizes.begin(), sizes.end(), 0) > 0;
    shape = shape_constant(op, "new_shape", Shape(sizes.begin(), sizes.end()));
  }
  return op.out(op.node("Reshape", {x, shape}, zeros ? Attributes{{"allowzero", int64_t{1}}} : Attributes{}));
}

Status lift_transpose(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(auto order, op.ints(1));
  const auto rank = static_cast<int64_t>(order.size());
  for (int64_t& axis : order) axis += axis < 0 ? rank : 0;
  return op.out(op.node("Transpose", {x}, {{"perm", order}}));
}

Status lift_expand_dims(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand axis, op.int64s(1, {1}));
  return op.out(op.node("Unsqueeze", {x, axis}));
}

Status lift_squeeze(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  const auto axes = op.options<schema::SqueezeOptions>().squeeze_dims;
  if (axes.empty()) return op.out(op.node("Squeeze", {x}));
  return op.out(op.node("Squeeze", {x, shape_constant(op, "squeeze_dims", Shape(axes.begin(), axes.end()))}));
}

Status lift_shape(Operation& op) {
  FETAFIX_TRY(Operand x, op.raw(0));
  return op.out(op.cast(op.node("Shape", {x}, {}, Role::core, DType::int64), op.out_info().dtype));
}

Status lift_rank(Operation& op) {
  FETAFIX_TRY(Operand x, op.raw(0));
  const Operand size =
      op.node("Size", {op.node("Shape", {x}, {}, Role::bridge, DType::int64)}, {}, Role::core, DType::int64);
  return op.out(op.cast(size, op.out_info().dtype));
}

Status lift_tile(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand repeats, op.int64s(1));
  return op.out(op.node("Tile", {x, repeats}));
}

Status lift_broadcast_to(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand shape, op.int64s(1));
  return op.out(op.node("Expand", {x, shape}));
}

Status lift_fill(Operation& op) {
  FETAFIX_TRY(Operand shape, op.int64s(0));
  FETAFIX_TRY(Operand value, op.in(1));
  return op.out(op.node("Expand", {value, shape}));
}

Status lift_range(Operation& op) {
  FETAFIX_TRY(Operand start, op.scalar(0));
  FETAFIX_TRY(Operand limit, op.scalar(1));
  FETAFIX_TRY(Operand delta, op.scalar(2));
  return op.out(op.node("Range", {start, limit, delta}));
}

// Pad, cut each axis into blocks, move the place within a block to the front of the batch.
Status lift_space_to_batch(Operation& op) {
  FETAFIX_TRY(Blocks blocks, blocks_of(op));
  FETAFIX_TRY(Operand x, op.in(0));
  const Shape input = *op.info(0).shape;
  const size_t m = blocks.block.size();
  std::vector<int64_t> pads(2 * input.size(), 0), order;
  Shape cut{-1}, merged{-1};
  for (size_t i = 0; i < m; ++i) {
    pads[i + 1] = blocks.edges[2 * i];
    pads[input.size() + i + 1] = blocks.edges[2 * i + 1];
    const int64_t padded = input[i + 1] + blocks.edges[2 * i] + blocks.edges[2 * i + 1];
    if (padded % blocks.block[i] != 0)
      return Operation::unsupported("a padded size is not a multiple of its block");
    cut.insert(cut.end(), {padded / blocks.block[i], blocks.block[i]});
    merged.push_back(padded / blocks.block[i]);
    order.push_back(static_cast<int64_t>(2 * i + 2));
  }
  order.push_back(0);
  for (size_t i = 0; i < m; ++i) order.push_back(static_cast<int64_t>(2 * i + 1));
  for (size_t i = m + 1; i < input.size(); ++i) {
    order.push_back(static_cast<int64_t>(i + m));
    cut.push_back(input[i]);
    merged.push_back(input[i]);
  }
  x = op.node("Pad", {x, shape_constant(op, "paddings", pads)}, {}, Role::padding);
  x = op.node("Reshape", {x, shape_constant(op, "cut", cut)}, {}, Role::bridge);
  x = op.node("Transpose", {x}, {{"perm", order}});
  return op.out(op.node("Reshape", {x, shape_constant(op, "merged", merged)}, {}, Role::bridge));
}

// The inverse: split the batch, move its parts behind the axes, merge, crop.
Status lift_batch_to_space(Operation& op) {
  FETAFIX_TRY(Blocks blocks, blocks_of(op));
  FETAFIX_TRY(Operand x, op.in(0));
  const Shape input = *op.info(0).shape;
  const size_t m = blocks.block.size();
  Shape cut(blocks.block.begin(), blocks.block.end());
  cut.push_back(-1);
  cut.insert(cut.end(), input.begin() + 1, input.end());
  Shape merged{-1}, starts, ends, axes;
  std::vector<int64_t> order{static_cast<int64_t>(m)};
  for (size_t i = 0; i < m; ++i) {
    order.insert(order.end(), {static_cast<int64_t>(m + 1 + i), static_cast<int64_t>(i)});
    merged.push_back(input[i + 1] * blocks.block[i]);
    axes.push_back(static_cast<int64_t>(i + 1));
    starts.push_back(blocks.edges[2 * i]);
    ends.push_back(merged.back() - blocks.edges[2 * i + 1]);
  }
  for (size_t i = m + 1; i < input.size(); ++i) {
    order.push_back(static_cast<int64_t>(m + i));
    merged.push_back(input[i]);
  }
  x = op.node("Reshape", {x, shape_constant(op, "cut", cut)}, {}, Role::bridge);
  x = op.node("Transpose", {x}, {{"perm", order}});
  x = op.node("Reshape", {x, shape_constant(op, "merged", merged)}, {}, Role::bridge);
  return op.out(op.node("Slice",
                        {x, shape_constant(op, "starts", starts), shape_constant(op, "ends", ends),
                         shape_constant(op, "axes", axes)},
                        {}, Role::padding));
}

}  // namespace fetafix::formats::tflite
