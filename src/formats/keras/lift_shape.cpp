// Padding, cropping, and other orders and shapes of the same numbers.
#include <algorithm>
#include <limits>

#include "formats/keras/lift_families.h"

namespace fetafix::formats::keras {
namespace {

// [[top, bottom], [left, right]], [height, width] or one number for all.
Result<std::vector<std::array<int64_t, 2>>> margins(const Operation& op, const std::string& name,
                                                    size_t axes) {
  const Json& value = op.setting(name);
  std::vector<std::array<int64_t, 2>> out;
  const auto small = [](const Json& v) {
    return v.is_number_integer() && v.get<int64_t>() >= 0 && v.get<int64_t>() < 1 << 20;
  };
  if (axes == 1 && value.is_array() && value.size() == 2 && small(value[0]) && small(value[1])) {
    out.push_back({value[0].get<int64_t>(), value[1].get<int64_t>()});
    return out;
  }
  for (size_t i = 0; i < axes; ++i) {
    if (!value.is_array() && !small(value)) break;
    if (value.is_array() && value.size() != axes) break;
    const Json& one = value.is_array() ? value[i] : value;
    if (small(one))
      out.push_back({one.get<int64_t>(), one.get<int64_t>()});
    else if (one.is_array() && one.size() == 2 && small(one[0]) && small(one[1]))
      out.push_back({one[0].get<int64_t>(), one[1].get<int64_t>()});
  }
  if (out.size() != axes) return Operation::unsupported("setting '" + name + "' is not understood");
  return out;
}

}  // namespace

Status lift_zero_padding(Operation& op) {
  const size_t axes = op.spatial_axes();
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const auto padding, margins(op, "padding", axes));
  const size_t first = op.channels_last() ? 1 : 2;
  std::vector<int64_t> pads(2 * (axes + 2), 0);
  for (size_t i = 0; i < axes; ++i) {
    pads[first + i] = padding[i][0];
    pads[first + i + axes + 2] = padding[i][1];
  }
  return op.out(op.node("Pad", {x, op.constant("padding", Tensor::vector(pads))}));
}

Status lift_cropping(Operation& op) {
  const size_t axes = op.spatial_axes();
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const auto cropping, margins(op, "cropping", axes));
  std::vector<int64_t> starts, ends, at;
  for (size_t i = 0; i < axes; ++i) {
    starts.push_back(cropping[i][0]);
    ends.push_back(cropping[i][1] ? -cropping[i][1] : std::numeric_limits<int64_t>::max());
    at.push_back(static_cast<int64_t>(i) + (op.channels_last() ? 1 : 2));
  }
  return op.out(
      op.node("Slice", {x, op.constant("starts", Tensor::vector(starts)),
                        op.constant("ends", Tensor::vector(ends)), op.constant("axes", Tensor::vector(at))}));
}

// With channels first, Keras flattens in the order of channels last.
Status lift_flatten(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  const int rank = op.rank(x);
  if (!op.channels_last() && rank != 2) {
    if (rank < 0) return Operation::unsupported("the rank of its input is not known");
    std::vector<int64_t> order{0};
    for (int i = 2; i < rank; ++i) order.push_back(i);
    order.push_back(1);
    x = op.node("Transpose", {x}, {{"perm", order}});
  }
  return op.out(op.node("Flatten", {x}, {{"axis", int64_t{1}}}));
}

Status lift_reshape(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const Json& target = op.setting("target_shape");
  if (!target.is_array()) return Operation::unsupported("setting 'target_shape' is no list");
  Shape shape{0};
  for (const Json& d : target) {
    if (!d.is_number_integer() || d.get<int64_t>() < -1 || d.get<int64_t>() > int64_t{1} << 32)
      return Operation::unsupported("setting 'target_shape' holds something else than sizes");
    shape.push_back(d.get<int64_t>());
  }
  return op.out(op.node("Reshape", {x, op.constant("target_shape", Tensor::vector(shape))}));
}

Status lift_permute(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const Json& dims = op.setting("dims");
  std::vector<int64_t> order{0};
  if (dims.is_array())
    for (const Json& d : dims) order.push_back(d.is_number_integer() ? d.get<int64_t>() : -1);
  if (!is_order(order)) return Operation::unsupported("setting 'dims' is no order of axes");
  if (op.rank(x) >= 0 && op.rank(x) != static_cast<int>(order.size()))
    return Operation::unsupported("setting 'dims' has another number of axes than its input");
  return op.out(op.node("Transpose", {x}, {{"perm", order}}));
}

Status lift_repeat_vector(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto n = op.integer("n");
  if (!n || *n < 1 || *n > 1 << 24) return Operation::unsupported("setting 'n' is no count");
  const Operand wide = op.node("Unsqueeze", {x, op.constant("axis", Tensor::vector(std::vector<int64_t>{1}))},
                               {}, Role::bridge);
  const Operand y =
      op.node("Expand", {wide, op.constant("n", Tensor::vector(std::vector<int64_t>{1, *n, 1}))});
  if (auto shape = op.shape(wide)) {
    if (shape->size() == 3) (*shape)[1] = *n;
    op.know_shape(y, *shape);
  }
  return op.out(y);
}

// What does nothing when a model answers: dropout, noise, augmentation.
Status lift_nothing(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const Argument* training = op.generation() == 2 ? op.call().named("training") : nullptr;
  if (training && training->literal == Json(true))
    return Operation::unsupported("it is called as in training and answers at random");
  return op.out(op.node("Identity", {x}));
}

}  // namespace fetafix::formats::keras
