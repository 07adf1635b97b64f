// Operators that move or repeat values. They act on the native order of dimensions.
#include <algorithm>

#include "formats/tensorflow/lift_families.h"

namespace fetafix::formats::tensorflow {
namespace {

Operand follows(Operation& op, const Shape& numbers) {
  return op.number("", Tensor::vector(numbers));
}

// Block sizes and pads or crops of SpaceToBatchND and BatchToSpaceND.
struct Blocks {
  std::vector<int64_t> block;
  std::vector<int64_t> edges;  // before and after, for each block
  Shape input;
};

// `sizes`: those behind the batch have to be known.
Result<Blocks> blocks_of(Operation& op, bool sizes) {
  FETAFIX_TRY(const auto block, op.ints(1));
  FETAFIX_TRY(const auto edges, op.ints(2));
  const auto shape = op.shape_of(0);
  if (!shape || shape->size() < block.size() + 1 || edges.size() != 2 * block.size())
    return Operation::unsupported("blocks do not fit the input's rank");
  for (size_t i = 1; i < shape->size(); ++i)
    if ((*shape)[i] < 0 && (sizes || i > block.size()))
      return Operation::unsupported("a size other than the batch is not known");
  for (int64_t b : block)
    if (b < 1) return Operation::unsupported("a block size below 1");
  return Blocks{block, edges, *shape};
}

DType index_type(const Operation& op, const std::string& key) {
  const DType type = op.element_type(key);
  return type == DType::unknown ? DType::int32 : type;
}

}  // namespace

Status lift_identity(Operation& op) {
  for (int slot = 0; slot < op.operands(); ++slot) {
    FETAFIX_TRY(const Operand x, op.in(slot));
    FETAFIX_CHECK(op.out(slot, x));
    if (op.type() != "IdentityN") break;
  }
  return {};
}

Status lift_reshape(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand shape, op.int64s(1));
  bool zeros = false;
  if (op.is_constant(1)) {
    FETAFIX_TRY(const auto sizes, op.ints(1));
    zeros = std::ranges::count(sizes, 0) > 0;
  }
  return op.out(op.node("Reshape", {x, shape}, zeros ? Attributes{{"allowzero", int64_t{1}}} : Attributes{}));
}

Status lift_transpose(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(auto order, op.ints(1));
  const auto rank = static_cast<int64_t>(order.size());
  for (int64_t& axis : order) axis += axis < 0 ? rank : 0;
  auto sorted = order;
  std::ranges::sort(sorted);
  for (int64_t i = 0; i < rank; ++i)
    if (sorted[static_cast<size_t>(i)] != i) return Operation::unsupported("its order is none of its axes");
  if (const int known = op.rank_of(0); known >= 0 && known != rank)
    return Operation::unsupported("its order has another number of axes than the input");
  return op.out(op.node("Transpose", {x}, {{"perm", order}}));
}

Status lift_expand_dims(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand axis, op.int64s(1, {1}));
  return op.out(op.node("Unsqueeze", {x, axis}));
}

Status lift_squeeze(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto axes = op.integers("squeeze_dims");
  if (axes.empty()) return op.out(op.node("Squeeze", {x}));
  return op.out(op.node("Squeeze", {x, op.number("squeeze_dims", Tensor::vector(axes))}));
}

Status lift_shape(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  return op.out(op.cast(op.node("Shape", {x}, {}, Role::core, DType::int64), index_type(op, "out_type")));
}

Status lift_rank(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const Operand shape = op.node("Shape", {x}, {}, Role::bridge, DType::int64);
  return op.out(op.cast(op.node("Size", {shape}, {}, Role::core, DType::int64), DType::int32));
}

Status lift_size(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  return op.out(op.cast(op.node("Size", {x}, {}, Role::core, DType::int64), index_type(op, "out_type")));
}

Status lift_tile(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand repeats, op.int64s(1));
  return op.out(op.node("Tile", {x, repeats}));
}

Status lift_broadcast_to(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand shape, op.int64s(1));
  return op.out(op.node("Expand", {x, shape}));
}

Status lift_fill(Operation& op) {
  FETAFIX_TRY(const Operand shape, op.int64s(0));
  FETAFIX_TRY(const Operand value, op.in(1));
  return op.out(op.node("Expand", {value, shape}));
}

Status lift_range(Operation& op) {
  FETAFIX_TRY(const Operand start, op.in(0));
  FETAFIX_TRY(const Operand limit, op.in(1));
  FETAFIX_TRY(const Operand delta, op.in(2));
  return op.out(op.node("Range", {start, limit, delta}));
}

// Pad, cut each axis into blocks, move the place within a block to the front of the batch.
Status lift_space_to_batch(Operation& op) {
  FETAFIX_TRY(const Blocks blocks, blocks_of(op, true));
  FETAFIX_TRY(Operand x, op.in(0));
  const Shape& input = blocks.input;
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
  x = op.node("Pad", {x, follows(op, pads)}, {}, Role::padding);
  x = op.node("Reshape", {x, follows(op, cut)}, {}, Role::bridge);
  x = op.node("Transpose", {x}, {{"perm", order}});
  return op.out(op.node("Reshape", {x, follows(op, merged)}, {}, Role::bridge));
}

// The inverse: split the batch, move its parts behind the axes, merge, crop.
Status lift_batch_to_space(Operation& op) {
  FETAFIX_TRY(const Blocks blocks, blocks_of(op, true));
  FETAFIX_TRY(Operand x, op.in(0));
  const Shape& input = blocks.input;
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
  x = op.node("Reshape", {x, follows(op, cut)}, {}, Role::bridge);
  x = op.node("Transpose", {x}, {{"perm", order}});
  x = op.node("Reshape", {x, follows(op, merged)}, {}, Role::bridge);
  return op.out(op.node("Slice", {x, follows(op, starts), follows(op, ends), follows(op, axes)}, {}, Role::padding));
}

}  // namespace fetafix::formats::tensorflow
