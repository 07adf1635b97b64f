// Joins, splits, pads and resizing.
#include <algorithm>

#include "formats/torch/lift_families.h"

namespace fetafix::formats::torch {

Status lift_cat(Operation& op) {
  std::vector<Operand> parts;
  for (size_t i = 0; i < op.list_size("tensors"); ++i) {
    FETAFIX_TRY(const Operand part, op.element("tensors", i));
    const auto shape = op.shape(part);
    if (shape && shape->size() == 1 && (*shape)[0] == 0) continue;  // joins with anything
    parts.push_back(op.dtype(part) == op.result_type() ? part : op.cast(part, op.result_type()));
  }
  if (parts.empty()) return Operation::unsupported("it joins nothing");
  const auto first = op.shape(parts[0]);
  if (!first) return Operation::unsupported("the number of dimensions is not known");
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, static_cast<int64_t>(first->size())));
  return op.out(op.node("Concat", parts, {{"axis", axis}}));
}

Status lift_stack(Operation& op) {
  std::vector<Operand> parts;
  for (size_t i = 0; i < op.list_size("tensors"); ++i) {
    FETAFIX_TRY(parts.emplace_back(), op.element("tensors", i));
  }
  const auto first = parts.empty() ? std::nullopt : op.shape(parts[0]);
  if (!first) return Operation::unsupported("the number of dimensions is not known");
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, static_cast<int64_t>(first->size()) + 1));
  for (Operand& part : parts) part = op.node("Unsqueeze", {part, op.int64s("", {axis})});
  return op.out(op.node("Concat", parts, {{"axis", axis}}));
}

namespace {

Status split_into(Operation& op, const std::vector<int64_t>& sizes, const std::string& argument) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, rank));
  FETAFIX_TRY(const Operand x, op.in("self"));
  if (sizes.size() != op.outputs() || sizes.empty())
    return Operation::unsupported("it has " + std::to_string(op.outputs()) + " results and " +
                                  std::to_string(sizes.size()) + " sizes");
  const auto parts =
      op.nodes("Split", {x, op.int64s(argument, sizes)}, {{"axis", axis}}, static_cast<int>(sizes.size()));
  for (size_t i = 0; i < parts.size(); ++i) FETAFIX_CHECK(op.out(i, parts[i]));
  return {};
}

// As many pieces of `size` as fit, and what remains.
Result<std::vector<int64_t>> pieces(const Operation& op, int64_t size) {
  const auto shape = op.shape_of("self");
  if (!shape) return Operation::unsupported("the shape is not known");
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, static_cast<int64_t>(shape->size())));
  const int64_t whole = shape->empty() ? 1 : (*shape)[static_cast<size_t>(axis)];
  if (whole < 1 || size < 1 || whole / size > 4096)
    return Operation::unsupported("a size depends on the run");
  std::vector<int64_t> out(static_cast<size_t>(whole / size), size);
  if (whole % size != 0) out.push_back(whole % size);
  return out;
}

}  // namespace

Status lift_split(Operation& op) {
  const std::string list = op.has("split_sizes") ? "split_sizes" : "split_size";
  const auto given = op.integers(list);
  if (op.list_size(list) > 0) return split_into(op, given, list);
  FETAFIX_TRY(const auto sizes, pieces(op, given.empty() ? 0 : given[0]));
  return split_into(op, sizes, "");
}

Status lift_chunk(Operation& op) {
  const auto shape = op.shape_of("self");
  if (!shape) return Operation::unsupported("the shape is not known");
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, static_cast<int64_t>(shape->size())));
  const int64_t count = std::max<int64_t>(op.integer("chunks", 1), 1);
  const int64_t whole = shape->empty() ? 1 : (*shape)[static_cast<size_t>(axis)];
  FETAFIX_TRY(const auto sizes, pieces(op, (whole + count - 1) / count));
  return split_into(op, sizes, "");
}

Status lift_unbind(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  FETAFIX_TRY(const int64_t axis, op.axis("dim", 0, rank));
  FETAFIX_TRY(const Operand x, op.in("self"));
  const auto count = static_cast<int>(op.outputs());
  const auto parts = op.nodes("Split", {x}, {{"axis", axis}, {"num_outputs", int64_t{count}}}, count);
  for (int i = 0; i < count; ++i) {
    const Operand one = op.node("Squeeze", {parts[static_cast<size_t>(i)], op.int64s("", {axis})});
    FETAFIX_CHECK(op.out(static_cast<size_t>(i), one));
  }
  return {};
}

// PyTorch lists pads from the last axis on, before and behind it.
Status lift_pad(Operation& op) {
  FETAFIX_TRY(const int rank, op.rank("self"));
  const std::string name = op.has("pad") ? "pad" : "padding";
  FETAFIX_TRY(const auto given, op.known_sizes(name));
  if (given.size() % 2 != 0 || given.size() / 2 > static_cast<size_t>(rank))
    return Operation::unsupported("its pads are of other axes");
  std::vector<int64_t> pads(2 * static_cast<size_t>(rank), 0);
  for (size_t i = 0; i < given.size() / 2; ++i) {
    const size_t axis = static_cast<size_t>(rank) - 1 - i;
    pads[axis] = given[2 * i];
    pads[axis + static_cast<size_t>(rank)] = given[2 * i + 1];
  }
  const bool reflects =
      op.target().find("reflection") != std::string::npos || op.text("mode", "") == "reflect";
  const bool repeats =
      op.target().find("replication") != std::string::npos || op.text("mode", "") == "replicate";
  if (op.text("mode", "") == "circular") return Operation::unsupported("it pads in a circle");
  FETAFIX_TRY(const Operand x, op.in("self"));
  std::vector<Operand> operands{x, op.int64s(name, pads)};
  if (!reflects && !repeats) {
    FETAFIX_TRY(Tensor value, fetafix::cast(Tensor::scalar(op.number("value", 0)), op.dtype(x)));
    operands.push_back(op.constant("value", std::move(value)));
  }
  const char* mode = reflects ? "reflect" : repeats ? "edge" : "constant";
  return op.out(op.node("Pad", operands, {{"mode", std::string(mode)}}));
}

namespace {

// The scales of the spatial axes that the user gave; empty: the sizes say all.
std::vector<float> scales_of(const Operation& op, size_t axes) {
  std::vector<double> given = op.numbers("scale_factors");
  if (given.empty())
    for (const char* name : {"scales_d", "scales_h", "scales_w", "scales"})
      if (op.has(name)) given.push_back(op.number(name, 1));
  if (given.size() != axes) return {};
  std::vector<float> out{1, 1};
  for (double one : given) out.push_back(static_cast<float>(one));
  return out;
}

}  // namespace

Status lift_resize(Operation& op) {
  const std::string& target = op.target();
  const std::string input = op.has("input") ? "input" : "self";
  FETAFIX_TRY(const int rank, op.rank(input));
  const bool nearest = target.find("nearest") != std::string::npos;
  const bool exact = target.find("exact") != std::string::npos;
  const bool cubic = target.find("bicubic") != std::string::npos;
  Attributes attributes{{"mode", std::string(nearest ? "nearest" : cubic ? "cubic" : "linear")}};
  if (nearest) {
    attributes["coordinate_transformation_mode"] = std::string(exact ? "half_pixel" : "asymmetric");
    attributes["nearest_mode"] = std::string(exact ? "round_prefer_ceil" : "floor");
  } else {
    attributes["coordinate_transformation_mode"] =
        std::string(op.flag("align_corners", false) ? "align_corners" : "half_pixel");
    const bool smooth = target.find("_aa") != std::string::npos;
    if (cubic) attributes["cubic_coeff_a"] = smooth ? -0.5f : -0.75f;
    if (smooth) attributes["antialias"] = attributes["exclude_outside"] = int64_t{1};
  }
  FETAFIX_TRY(const Operand x, op.in(input));
  const Operand none{};
  if (const auto scales = scales_of(op, static_cast<size_t>(rank) - 2); !scales.empty())
    return op.out(
        op.node("Resize", {x, none, op.constant("scale_factors", Tensor::vector(scales))}, attributes));
  FETAFIX_TRY(auto sizes, op.known_sizes("output_size"));
  const auto shape = op.shape_of(input);
  if (!shape || sizes.size() + 2 != shape->size())
    return Operation::unsupported("its sizes are of other axes");
  if ((*shape)[0] >= 0 && (*shape)[1] >= 0) {
    sizes.insert(sizes.begin(), shape->begin(), shape->begin() + 2);
    return op.out(op.node("Resize", {x, none, none, op.int64s("output_size", sizes)}, attributes));
  }
  std::vector<int64_t> axes;
  for (int64_t axis = 2; axis < rank; ++axis) axes.push_back(axis);
  attributes["axes"] = axes;
  return op.out(op.node("Resize", {x, none, none, op.int64s("output_size", sizes)}, attributes));
}

}  // namespace fetafix::formats::torch
