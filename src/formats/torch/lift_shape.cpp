// What moves or renames axes and leaves elements alone.
#include <algorithm>
#include <numeric>

#include "formats/torch/lift_families.h"

namespace fetafix::formats::torch {
namespace {

std::vector<int64_t> all_axes(int64_t rank) {
  std::vector<int64_t> out(static_cast<size_t>(rank));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

// A Reshape that keeps the axes in front and behind, and makes `inside` of those between. Sizes behind that
// depend on the run: error `unsupported`.
Status regroup(Operation& op, const Operand& x, const Shape& shape, int64_t from, int64_t to,
               const std::vector<int64_t>& inside) {
  std::vector<int64_t> sizes(static_cast<size_t>(from), 0);  // 0: as it is
  sizes.insert(sizes.end(), inside.begin(), inside.end());
  for (size_t axis = static_cast<size_t>(to); axis < shape.size(); ++axis) {
    const bool in_place = sizes.size() == axis;
    if (!in_place && shape[axis] < 0) return Operation::unsupported("a size depends on the run");
    sizes.push_back(in_place ? 0 : shape[axis]);
  }
  return op.out(op.node("Reshape", {x, op.int64s("", sizes)}));
}

Status turned(Operation& op, const Operand& x, const std::vector<int64_t>& order) {
  return op.out(op.node("Transpose", {x}, {{"perm", order}}));
}

}  // namespace

Status lift_identity(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(op.has("input") ? "input" : "self"));
  return op.out(op.node("Identity", {x}));
}

Status lift_reshape(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  FETAFIX_TRY(const Operand shape, op.sizes(op.has("shape") ? "shape" : "size"));
  const auto known = op.known_sizes(op.has("shape") ? "shape" : "size");
  Attributes attributes;
  if (known.ok() && std::ranges::count(*known, 0) > 0) attributes["allowzero"] = int64_t{1};
  return op.out(op.node("Reshape", {x, shape}, std::move(attributes)));
}

Status lift_flatten(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t first, op.axis("start_dim", 0, rank));
  FETAFIX_TRY(const int64_t last, op.axis("end_dim", -1, rank));
  FETAFIX_TRY(const Operand x, op.in("self"));
  if (rank == 0) return op.out(op.node("Reshape", {x, op.int64s("", {-1})}));
  if (first > last) return Operation::unsupported("its last axis is before its first");
  if (first == 1 && last == rank - 1) return op.out(op.node("Flatten", {x}, {{"axis", int64_t{1}}}));
  return regroup(op, x, *op.shape_of("self"), first, last + 1, {-1});
}

Status lift_unflatten(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, rank));
  FETAFIX_TRY(const auto sizes, op.known_sizes("sizes"));
  FETAFIX_TRY(const Operand x, op.in("self"));
  return regroup(op, x, *op.shape_of("self"), axis, axis + 1, sizes);
}

Status lift_permute(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  std::vector<int64_t> order = op.integers("dims");
  std::vector<bool> seen(static_cast<size_t>(rank));
  for (int64_t& axis : order) {
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis >= rank || seen[static_cast<size_t>(axis)])
      return Operation::unsupported("no order of its axes");
    seen[static_cast<size_t>(axis)] = true;
  }
  if (order.size() != static_cast<size_t>(rank)) return Operation::unsupported("no order of its axes");
  FETAFIX_TRY(const Operand x, op.in("self"));
  return turned(op, x, order);
}

Status lift_swap_axes(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t a, op.axis("dim0", 0, rank));
  FETAFIX_TRY(const int64_t b, op.axis("dim1", 0, rank));
  FETAFIX_TRY(const Operand x, op.in("self"));
  auto order = all_axes(rank);
  if (rank > 0) std::swap(order[static_cast<size_t>(a)], order[static_cast<size_t>(b)]);
  return turned(op, x, order);
}

Status lift_matrix_transpose(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const Operand x, op.in("self"));
  auto order = all_axes(rank);
  std::ranges::reverse(order);
  return turned(op, x, order);
}

// Axes that are not of size 1 stay; which these are has to be known.
Status lift_squeeze(Operation& op) {
  const auto shape = op.shape_of("self");
  if (!shape) return Operation::unsupported("the shape is not known");
  const auto rank = static_cast<int64_t>(shape->size());
  FETAFIX_TRY(const Operand x, op.in("self"));
  std::vector<int64_t> given = op.integers("dim"), axes;
  const bool all = given.empty() && !op.has("dim");
  if (all) given = all_axes(rank);
  for (int64_t axis : given) {
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis >= rank) return Operation::unsupported("an axis lies outside");
    if ((*shape)[static_cast<size_t>(axis)] < 0) return Operation::unsupported("a size depends on the run");
    if ((*shape)[static_cast<size_t>(axis)] == 1) axes.push_back(axis);
  }
  if (axes.empty()) return op.out(op.node("Identity", {x}));
  return op.out(op.node("Squeeze", {x, op.int64s(all ? "" : "dim", axes)}));
}

Status lift_unsqueeze(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, rank + 1));
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("Unsqueeze", {x, op.int64s("dim", {axis})}));
}

// -1 keeps a size, as 1 does in ONNX.
Status lift_expand(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  if (auto known = op.known_sizes("size"); known.ok()) {
    for (int64_t& size : *known) size = size == -1 ? 1 : size;
    return op.out(op.node("Expand", {x, op.int64s("size", *known)}));
  }
  FETAFIX_TRY(const Operand sizes, op.sizes("size"));
  const Operand floor = op.int64s("", {1});
  return op.out(op.node("Expand", {x, op.node("Max", {sizes, floor}, {}, Role::bridge)}));
}

Status lift_repeat(Operation& op) {
  const auto shape = op.shape_of("self");
  const std::string name = op.has("repeats") ? "repeats" : "dims";
  FETAFIX_TRY(auto repeats, op.known_sizes(name));
  FETAFIX_TRY(Operand x, op.in("self"));
  if (!shape) return Operation::unsupported("the shape is not known");
  if (repeats.size() < shape->size()) repeats.insert(repeats.begin(), shape->size() - repeats.size(), 1);
  if (repeats.size() > shape->size()) {
    const auto more = all_axes(static_cast<int64_t>(repeats.size() - shape->size()));
    x = op.node("Unsqueeze", {x, op.int64s("", more)});
  }
  return op.out(op.node("Tile", {x, op.int64s(name, repeats)}));
}

Status lift_pixel_shuffle(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("DepthToSpace", {x},
                        {{"blocksize", op.integer("upscale_factor", 1)}, {"mode", std::string("CRD")}}));
}

Status lift_pixel_unshuffle(Operation& op) {
  const auto shape = op.shape_of("self");
  const int64_t r = op.integer("downscale_factor", 1);
  if (!shape || shape->size() != 4 || std::ranges::count(Shape(shape->begin() + 1, shape->end()), -1) > 0 ||
      r < 1 || (*shape)[2] % r != 0 || (*shape)[3] % r != 0)
    return Operation::unsupported("the shape is not known");
  FETAFIX_TRY(const Operand x, op.in("self"));
  const int64_t c = (*shape)[1], h = (*shape)[2] / r, w = (*shape)[3] / r;
  const Operand split = op.node("Reshape", {x, op.int64s("", {-1, c, h, r, w, r})});
  const Operand sorted = op.node("Transpose", {split}, {{"perm", std::vector<int64_t>{0, 1, 3, 5, 2, 4}}});
  return op.out(op.node("Reshape", {sorted, op.int64s("", {-1, c * r * r, h, w})}));
}

Status lift_channel_shuffle(Operation& op) {
  const auto shape = op.shape_of("self");
  const int64_t groups = op.integer("groups", 1);
  if (!shape || shape->size() != 4 || std::ranges::count(Shape(shape->begin() + 1, shape->end()), -1) > 0 ||
      groups < 1 || (*shape)[1] % groups != 0)
    return Operation::unsupported("the shape is not known");
  FETAFIX_TRY(const Operand x, op.in("self"));
  const int64_t c = (*shape)[1], h = (*shape)[2], w = (*shape)[3];
  const Operand split = op.node("Reshape", {x, op.int64s("", {-1, groups, c / groups, h, w})});
  const Operand mixed = op.node("Transpose", {split}, {{"perm", std::vector<int64_t>{0, 2, 1, 3, 4}}});
  return op.out(op.node("Reshape", {mixed, op.int64s("", {-1, c, h, w})}));
}

}  // namespace fetafix::formats::torch
