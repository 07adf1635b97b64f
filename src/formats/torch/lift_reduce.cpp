// What goes over axes.
#include <algorithm>
#include <cmath>
#include <map>

#include "formats/torch/lift_families.h"

namespace fetafix::formats::torch {
namespace {

// The axes of `dim`; none said: all.
Result<Operand> axes_of(Operation& op, int rank) {
  std::vector<int64_t> axes = op.integers("dim");
  if (axes.empty()) {
    for (int64_t axis = 0; axis < rank; ++axis) axes.push_back(axis);
    Operand all = op.int64s("", axes);
    return all;
  }
  for (int64_t& axis : axes) {
    if (axis < -rank || axis >= std::max(rank, 1)) return Operation::unsupported("an axis lies outside");
    axis = axis < 0 ? axis + rank : axis;
  }
  return op.int64s("dim", axes);
}

Attributes keeping(const Operation& op) {
  return {{"keepdims", int64_t{op.flag("keepdim", false)}}};
}

}  // namespace

Status lift_reduce(Operation& op) {
  static const std::map<std::string, const char*> types{
      {"mean", "ReduceMean"}, {"sum", "ReduceSum"}, {"amax", "ReduceMax"}, {"amin", "ReduceMin"},
      {"prod", "ReduceProd"}, {"max", "ReduceMax"}, {"min", "ReduceMin"},  {"logsumexp", "ReduceLogSumExp"},
      {"any", "ReduceMax"},   {"all", "ReduceMin"}};
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(Operand x, op.in("self"));
  FETAFIX_TRY(const Operand axes, axes_of(op, rank));
  const auto type = types.find(aten_name(op.target()));
  if (type == types.end()) return Operation::unsupported("no ONNX operator says this");
  if (op.result_type() != DType::boolean) {
    x = op.cast(x, op.result_type(), Role::core);
    return op.out(op.node(type->second, {x, axes}, keeping(op)));
  }
  x = op.cast(op.cast(x, DType::boolean), DType::int32);
  return op.out(op.cast(op.node(type->second, {x, axes}, keeping(op)), DType::boolean));
}

// max.dim, min.dim: values and where they are.
Status lift_extreme_along(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", -1, rank));
  FETAFIX_TRY(const Operand x, op.in("self"));
  const bool greatest = aten_name(op.target()) == "max";
  FETAFIX_CHECK(
      op.out(0, op.node(greatest ? "ReduceMax" : "ReduceMin", {x, op.int64s("dim", {axis})}, keeping(op))));
  Attributes attributes = keeping(op);
  attributes["axis"] = axis;
  return op.out(
      1, op.node(greatest ? "ArgMax" : "ArgMin", {x}, std::move(attributes), Role::core, DType::int64));
}

Status lift_arg(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(Operand x, op.in("self"));
  Attributes attributes = keeping(op);
  if (op.has("dim")) {
    FETAFIX_TRY(attributes["axis"], op.axis("dim", 0, rank));
  } else {
    x = op.node("Reshape", {x, op.int64s("", {-1})});
    attributes["axis"] = int64_t{0};
  }
  const char* type = aten_name(op.target()) == "argmax" ? "ArgMax" : "ArgMin";
  return op.out(op.node(type, {x}, std::move(attributes), Role::core, DType::int64));
}

// var and std: the mean of squares, with `correction` less elements than there are.
Status lift_variance(Operation& op) {
  const auto shape = op.shape_of("self");
  if (!shape) return Operation::unsupported("the shape is not known");
  FETAFIX_TRY(const Operand x, op.in("self"));
  FETAFIX_TRY(const Operand axes, axes_of(op, static_cast<int>(shape->size())));
  std::vector<int64_t> numbers = op.integers("dim");
  int64_t count = 1;
  for (size_t axis = 0; axis < shape->size(); ++axis) {
    const bool over = numbers.empty() || std::ranges::any_of(numbers, [&](int64_t n) {
                        return n == static_cast<int64_t>(axis) ||
                               n + static_cast<int64_t>(shape->size()) == static_cast<int64_t>(axis);
                      });
    if (over && (*shape)[axis] < 1) return Operation::unsupported("the number of elements is not known");
    if (over) count *= (*shape)[axis];
  }
  const double correction =
      op.has("unbiased") ? (op.flag("unbiased", true) ? 1 : 0) : op.number("correction", 1);
  const Operand mean = op.node("ReduceMean", {x, axes}, {{"keepdims", int64_t{1}}});
  const Operand apart = op.node("Sub", {x, mean});
  Operand out = op.node("ReduceMean", {op.node("Mul", {apart, apart}), axes}, keeping(op));
  if (correction != 0) {
    const auto factor =
        static_cast<float>(static_cast<double>(count) / (static_cast<double>(count) - correction));
    out = op.node("Mul", {out, op.constant("", Tensor::scalar(factor))});
  }
  return op.out(aten_name(op.target()) == "std" ? op.node("Sqrt", {out}) : out);
}

Status lift_norm(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const Operand x, op.in("self"));
  FETAFIX_TRY(const Operand axes, axes_of(op, rank));
  const double order = op.number(op.has("ord") ? "ord" : "p", 2);
  if (order != 1 && order != 2) return Operation::unsupported("its order is neither 1 nor 2");
  return op.out(op.node(order == 1 ? "ReduceL1" : "ReduceL2", {x, axes}, keeping(op)));
}

Status lift_top_k(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", -1, rank));
  FETAFIX_TRY(const Operand x, op.in("self"));
  const auto results = op.nodes("TopK", {x, op.int64s("k", {op.integer("k", 1)})},
                                {{"axis", axis},
                                 {"largest", int64_t{op.flag("largest", true)}},
                                 {"sorted", int64_t{op.flag("sorted", true)}}},
                                2);
  FETAFIX_CHECK(op.out(0, results[0]));
  return op.out(1, results[1]);
}

Status lift_cumsum(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, rank));
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("CumSum", {op.cast(x, op.result_type()), op.constant("dim", Tensor::scalar(axis))}));
}

}  // namespace fetafix::formats::torch
