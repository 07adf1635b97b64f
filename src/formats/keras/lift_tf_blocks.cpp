// space_to_batch_nd and batch_to_space_nd, between which TensorFlow puts a dilated convolution: the place
// within a block moves into the batch, or back.
#include <algorithm>

#include "formats/keras/functions.h"

namespace fetafix::formats::keras {
namespace {

struct Blocks {
  Shape input;  // known but the batch
  std::vector<int64_t> block;
  std::vector<int64_t> before, after;  // pads, or what is cropped
  size_t axes() const { return block.size(); }
};

Result<Blocks> blocks_of(Operation& op, const std::string& edges_name) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto shape = op.shape(x);
  const auto block = integers_at(op, 1, "block_shape");
  const auto edges = literal_tensor(literal_of(op, 2, edges_name));
  if (!shape || !block || !edges || edges->dtype() != DType::int64 || op.operands() != 1 ||
      shape->size() < block->size() + 1 || edges->shape() != Shape{static_cast<int64_t>(block->size()), 2})
    return Operation::unsupported("its blocks are not known, or do not fit its input");
  Blocks out{*shape, *block, {}, {}};
  const auto small = [](int64_t v) { return v >= 0 && v < 1 << 20; };
  for (size_t i = 0; i < 2 * out.axes(); ++i)
    (i % 2 ? out.after : out.before).push_back(edges->as<int64_t>()[i]);
  const bool good = std::all_of(shape->begin() + 1, shape->end(), small) &&
                    std::ranges::all_of(out.before, small) && std::ranges::all_of(out.after, small) &&
                    std::ranges::all_of(out.block, small) && std::ranges::count(out.block, 0) == 0;
  return good ? Result(out) : Operation::unsupported("its sizes are not known");
}

Operand numbers(Operation& op, const char* name, const std::vector<int64_t>& values) {
  return op.constant(name, Tensor::vector(values));
}

}  // namespace

Status lift_tf_space_to_batch(Operation& op) {
  FETAFIX_TRY(const Blocks b, blocks_of(op, "paddings"));
  FETAFIX_TRY(Operand x, op.in(0));
  const size_t m = b.axes(), rank = b.input.size();
  std::vector<int64_t> pads(2 * rank, 0), order;
  Shape cut{-1}, merged{-1};
  for (size_t i = 0; i < m; ++i) {
    pads[i + 1] = b.before[i];
    pads[rank + i + 1] = b.after[i];
    const int64_t padded = b.input[i + 1] + b.before[i] + b.after[i];
    if (padded % b.block[i] != 0) return Operation::unsupported("a padded size is no multiple of its block");
    cut.insert(cut.end(), {padded / b.block[i], b.block[i]});
    merged.push_back(padded / b.block[i]);
    order.push_back(static_cast<int64_t>(2 * i + 2));
  }
  order.push_back(0);
  for (size_t i = 0; i < m; ++i) order.push_back(static_cast<int64_t>(2 * i + 1));
  for (size_t i = m + 1; i < rank; ++i) {
    order.push_back(static_cast<int64_t>(i + m));
    cut.push_back(b.input[i]);
    merged.push_back(b.input[i]);
  }
  x = op.node("Pad", {x, numbers(op, "pads", pads)}, {}, Role::padding);
  x = op.node("Reshape", {x, numbers(op, "cut", cut)}, {}, Role::bridge);
  x = op.node("Transpose", {x}, {{"perm", order}});
  return op.out(op.node("Reshape", {x, numbers(op, "merged", merged)}, {}, Role::bridge));
}

Status lift_tf_batch_to_space(Operation& op) {
  FETAFIX_TRY(const Blocks b, blocks_of(op, "crops"));
  FETAFIX_TRY(Operand x, op.in(0));
  const size_t m = b.axes();
  Shape cut(b.block.begin(), b.block.end());
  cut.push_back(-1);
  cut.insert(cut.end(), b.input.begin() + 1, b.input.end());
  Shape merged{-1};
  std::vector<int64_t> order{static_cast<int64_t>(m)}, starts, ends, axes;
  for (size_t i = 0; i < m; ++i) {
    order.insert(order.end(), {static_cast<int64_t>(m + 1 + i), static_cast<int64_t>(i)});
    merged.push_back(b.input[i + 1] * b.block[i]);
    axes.push_back(static_cast<int64_t>(i + 1));
    starts.push_back(b.before[i]);
    ends.push_back(merged.back() - b.after[i]);
  }
  for (size_t i = m + 1; i < b.input.size(); ++i) {
    order.push_back(static_cast<int64_t>(m + i));
    merged.push_back(b.input[i]);
  }
  x = op.node("Reshape", {x, numbers(op, "cut", cut)}, {}, Role::bridge);
  x = op.node("Transpose", {x}, {{"perm", order}});
  x = op.node("Reshape", {x, numbers(op, "merged", merged)}, {}, Role::bridge);
  return op.out(op.node(
      "Slice", {x, numbers(op, "starts", starts), numbers(op, "ends", ends), numbers(op, "axes", axes)}, {},
      Role::padding));
}

}  // namespace fetafix::formats::keras
