// What makes tensors of nothing, changes their type, or computes with sizes.
#include <cmath>

#include "formats/torch/lift_families.h"

namespace fetafix::formats::torch {
namespace {

double fill_of(const Operation& op) {
  if (op.target().find("zeros") != std::string::npos) return 0;
  if (op.target().find("ones") != std::string::npos) return 1;
  return op.number(op.has("fill_value") ? "fill_value" : "s", 0);
}

Result<Tensor> one(const Operation& op) {
  if (op.result_type() == DType::unknown) return Operation::unsupported("the file does not say its type");
  FETAFIX_TRY(const Tensor value, fetafix::cast(Tensor::scalar(fill_of(op)), op.result_type()));
  return value.reshaped({1});
}

}  // namespace

// full, zeros, ones, new_zeros, scalar_tensor, ...
Status lift_full(Operation& op) {
  FETAFIX_TRY(Tensor value, one(op));
  const auto known = op.has("size") ? op.known_sizes("size") : Result(std::vector<int64_t>{});
  if (known.ok() && known->empty())
    return op.out(op.node("Identity", {op.constant("fill_value", value.reshaped({}))}));
  FETAFIX_TRY(const Operand sizes, op.sizes("size"));
  return op.out(
      op.node("ConstantOfShape", {sizes}, {{"value", std::move(value)}}, Role::core, op.result_type()));
}

Status lift_full_like(Operation& op) {
  FETAFIX_TRY(Tensor value, one(op));
  FETAFIX_TRY(const Operand x, op.in("self"));
  const Operand sizes = op.node("Shape", {x}, {}, Role::core, DType::int64);
  return op.out(
      op.node("ConstantOfShape", {sizes}, {{"value", std::move(value)}}, Role::core, op.result_type()));
}

Status lift_arange(Operation& op) {
  const auto known = [&](const char* name) { return !op.has(name) || std::isfinite(op.number(name, NAN)); };
  if (op.result_type() == DType::unknown) return Operation::unsupported("the file does not say its type");
  if (!known("start") || !known("end") || !known("step"))
    return Operation::unsupported("its bounds depend on the run");
  const double start = op.number("start", 0), end = op.number("end", 0), step = op.number("step", 1);
  const double count = step == 0 ? 0 : std::ceil((end - start) / step);
  constexpr double most = 1 << 20;
  if (count < 0 || count > most) return Operation::unsupported("it makes too many numbers");
  FETAFIX_CHECK(op.afford(2 * sizeof(double) * static_cast<uint64_t>(count)));
  std::vector<double> numbers;
  for (double i = 0; i < count; ++i) numbers.push_back(start + i * step);
  FETAFIX_TRY(Tensor made, fetafix::cast(Tensor::vector(numbers), op.result_type()));
  return op.out(op.node("Identity", {op.constant("", std::move(made))}));
}

Status lift_cast(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  const DType dtype = op.element_type("dtype");
  if (dtype == DType::unknown || dtype == op.dtype(x)) return op.out(op.node("Identity", {x}));
  return op.out(op.cast(x, dtype, Role::core));
}

Status lift_cast_like(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in("self"));
  if (op.result_type() == op.dtype(x)) return op.out(op.node("Identity", {x}));
  return op.out(op.cast(x, op.result_type(), Role::core));
}

// One size of a tensor, as a number of the graph.
Status lift_size(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, rank));
  const auto shape = op.shape_of("self");
  if (shape && (*shape)[static_cast<size_t>(axis)] >= 0)
    return op.out_size((*shape)[static_cast<size_t>(axis)]);
  FETAFIX_TRY(const Operand x, op.in("self"));
  const Operand sizes = op.node("Shape", {x}, {}, Role::core, DType::int64);
  return op.out(op.node("Gather", {sizes, op.constant("dim", Tensor::scalar(axis))}, {{"axis", int64_t{0}}}));
}

// A number as a tensor without dimensions.
Status lift_size_tensor(Operation& op) {
  if (const auto known = op.known_size("a"))
    return op.out(op.node("Identity", {op.constant("", Tensor::scalar(*known))}));
  FETAFIX_TRY(const Operand size, op.size("a"));
  return op.out(op.node("Identity", {size}));
}

Status lift_size_arithmetic(Operation& op) {
  const std::string name = op.target().substr(op.target().rfind('.') + 1);
  const auto x = op.known_size("a"), y = op.known_size("b");
  if (x && y && (name != "floordiv" || (*x >= 0 && *y > 0)))
    return op.out_size(name == "add" ? *x + *y : name == "sub" ? *x - *y : name == "mul" ? *x * *y : *x / *y);
  FETAFIX_TRY(const Operand a, op.size("a"));
  FETAFIX_TRY(const Operand b, op.size("b"));
  const char* type = name == "add" ? "Add" : name == "sub" ? "Sub" : name == "mul" ? "Mul" : "Div";
  return op.out(op.node(type, {a, b}));
}

}  // namespace fetafix::formats::torch
