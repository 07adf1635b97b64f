// Operators that move or repeat values. They act on the native order of dimensions.
#include <algorithm>

#include "formats/strided_slice.h"
#include "formats/tensorflow/lift_families.h"

namespace fetafix::formats::tensorflow {
namespace {

Operand follows(Operation& op, const Shape& numbers) {
  return op.number("", Tensor::vector(numbers));
}

// Block sizes and pads or crops of SpaceToBatchND and BatchToSpaceND over the two axes of images.
struct Blocks {
  int64_t rows = 0, columns = 0;
  std::vector<int64_t> edges;  // before and after, for each
};

constexpr int64_t most_blocks = 1024;

Result<Blocks> blocks_of(Operation& op) {
  FETAFIX_TRY(const auto block, op.ints(1));
  FETAFIX_TRY(const auto edges, op.ints(2));
  if (op.rank_of(0) != 4 || block.size() != 2 || edges.size() != 4)
    return Operation::unsupported("blocks of what is no image");
  if (block[0] < 1 || block[1] < 1 || block[0] * block[1] > most_blocks)
    return Operation::unsupported("a block of " + std::to_string(block[0]) + " x " +
                                  std::to_string(block[1]));
  return Blocks{block[0], block[1], edges};
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

// Pad; then every place within a block is an image of its own, one behind another in the batch.
Status lift_space_to_batch(Operation& op) {
  FETAFIX_TRY(const Blocks blocks, blocks_of(op));
  FETAFIX_TRY(Operand x, op.in(0));
  const auto& e = blocks.edges;
  x = op.node("Pad", {x, follows(op, {0, e[0], e[2], 0, 0, e[1], e[3], 0})}, {}, Role::padding);
  const Operand ends = follows(op, {to_the_end, to_the_end}), axes = follows(op, {1, 2}),
                steps = follows(op, {blocks.rows, blocks.columns});
  std::vector<Operand> parts;
  for (int64_t row = 0; row < blocks.rows; ++row)
    for (int64_t column = 0; column < blocks.columns; ++column)
      parts.push_back(op.node("Slice", {x, follows(op, {row, column}), ends, axes, steps}, {}, Role::bridge));
  return op.out(op.node("Concat", parts, {{"axis", int64_t{0}}}));
}

// The inverse: the parts of the batch become channels, those move into the blocks; crop.
Status lift_batch_to_space(Operation& op) {
  FETAFIX_TRY(const Blocks blocks, blocks_of(op));
  if (blocks.rows != blocks.columns) return Operation::unsupported("blocks that are not square");
  FETAFIX_TRY(const Operand x, op.in(0));
  const int64_t count = blocks.rows * blocks.columns;
  const auto parts = op.nodes("Split", {x}, {{"axis", int64_t{0}}, {"num_outputs", count}},
                              static_cast<int>(count), Role::bridge);
  Operand y = op.node("Concat", parts, {{"axis", int64_t{3}}}, Role::bridge);
  y = op.node("DepthToSpace", {op.bridge(y, {0, 3, 1, 2})},
              {{"blocksize", blocks.rows}, {"mode", std::string("DCR")}});
  y = op.bridge(y, {0, 2, 3, 1});
  const auto& e = blocks.edges;
  const Shape ends{e[1] > 0 ? -e[1] : to_the_end, e[3] > 0 ? -e[3] : to_the_end};
  return op.out(op.node("Slice", {y, follows(op, {e[0], e[2]}), follows(op, ends), follows(op, {1, 2})}, {},
                        Role::padding));
}

}  // namespace fetafix::formats::tensorflow
