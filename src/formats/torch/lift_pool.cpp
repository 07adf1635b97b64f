// Pools. Average pools count pads unless told otherwise, maximum pools know no pads as values.
#include <algorithm>

#include "formats/torch/lift_families.h"

namespace fetafix::formats::torch {
namespace {

// Spatial axes, by the digit in the operator's name.
size_t axes_of(const Operation& op) {
  for (char axes : {'1', '2', '3'})
    if (op.target().find(std::string("pool") + axes + "d") != std::string::npos)
      return static_cast<size_t>(axes - '0');
  return 0;
}

Result<Attributes> window(const Operation& op, size_t axes) {
  FETAFIX_TRY(const int rank, op.rank(op.has("input") ? "input" : "self"));
  if (static_cast<size_t>(rank) != axes + 2) return Operation::unsupported("the input has no batch");
  FETAFIX_TRY(const auto kernel, op.each("kernel_size", axes, 1));
  FETAFIX_TRY(auto stride, op.each("stride", axes, 0));
  if (op.integers("stride").empty()) stride = kernel;
  FETAFIX_TRY(const auto padding, op.each("padding", axes, 0));
  std::vector<int64_t> pads = padding;
  pads.insert(pads.end(), padding.begin(), padding.end());
  return Attributes{{"kernel_shape", kernel},
                    {"strides", stride},
                    {"pads", pads},
                    {"ceil_mode", int64_t{op.flag("ceil_mode", false)}}};
}

// How many elements of the input each one of the output stands for; all of them where it is one. Error: they
// are not the same everywhere.
Result<Attributes> even_window(const Operation& op, size_t axes) {
  const auto shape = op.shape_of("self");
  FETAFIX_TRY(const auto wanted, op.each("output_size", axes, 1));
  if (!shape || shape->size() != axes + 2) return Operation::unsupported("the input's shape is not known");
  std::vector<int64_t> kernel;
  for (size_t i = 0; i < axes; ++i) {
    const int64_t size = (*shape)[i + 2];
    if (size < 1 || wanted[i] < 1 || size % wanted[i] != 0)
      return Operation::unsupported("its windows are of different sizes (" + std::to_string(size) + " to " +
                                    std::to_string(wanted[i]) + ")");
    kernel.push_back(size / wanted[i]);
  }
  return Attributes{{"kernel_shape", kernel}, {"strides", kernel}};
}

bool is_global(const Operation& op, size_t axes) {
  const auto wanted = op.each("output_size", axes, 1);
  return wanted.ok() && std::ranges::count(*wanted, 1) == static_cast<std::ptrdiff_t>(axes);
}

}  // namespace

Status lift_max_pool(Operation& op) {
  const size_t axes = axes_of(op);
  FETAFIX_TRY(Attributes attributes, window(op, axes));
  FETAFIX_TRY(attributes["dilations"], op.each("dilation", axes, 1));
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("MaxPool", {x}, std::move(attributes)));  // the places of the maxima are opaque's
}

Status lift_average_pool(Operation& op) {
  if (op.has("divisor_override")) return Operation::unsupported("its sums are divided by another number");
  FETAFIX_TRY(Attributes attributes, window(op, axes_of(op)));
  attributes["count_include_pad"] = int64_t{op.flag("count_include_pad", true)};
  FETAFIX_TRY(const Operand x, op.in("self"));
  return op.out(op.node("AveragePool", {x}, std::move(attributes)));
}

Status lift_adaptive_average_pool(Operation& op) {
  const size_t axes = axes_of(op);
  FETAFIX_TRY(const int rank, op.rank("self"));
  if (static_cast<size_t>(rank) != axes + 2) return Operation::unsupported("the input has no batch");
  FETAFIX_TRY(const Operand x, op.in("self"));
  if (is_global(op, axes)) return op.out(op.node("GlobalAveragePool", {x}));
  FETAFIX_TRY(Attributes attributes, even_window(op, axes));
  return op.out(op.node("AveragePool", {x}, std::move(attributes)));
}

Status lift_adaptive_max_pool(Operation& op) {
  const size_t axes = axes_of(op);
  FETAFIX_TRY(const Operand x, op.in("self"));
  if (is_global(op, axes)) return op.out(op.node("GlobalMaxPool", {x}));
  FETAFIX_TRY(Attributes attributes, even_window(op, axes));
  return op.out(op.node("MaxPool", {x}, std::move(attributes)));
}

}  // namespace fetafix::formats::torch
