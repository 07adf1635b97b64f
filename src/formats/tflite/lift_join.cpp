// Operators with several operands or several results, and padding.
#include <algorithm>
#include <numeric>

#include "formats/tflite/lift_families.h"

namespace fetafix::formats::tflite {
namespace {

Result<std::vector<Operand>> all_operands(Operation& op) {
  std::vector<Operand> out;
  for (int slot = 0; slot < op.operands(); ++slot) {
    FETAFIX_TRY(Operand operand, op.in(slot));
    out.push_back(operand);
  }
  if (out.empty()) return Operation::unsupported("no operands");
  return out;
}

Status give_all(Operation& op, const std::vector<Operand>& parts) {
  for (size_t i = 0; i < parts.size(); ++i) FETAFIX_CHECK(op.out(static_cast<int>(i), parts[i]));
  return {};
}

}  // namespace

Status lift_concatenation(Operation& op) {
  const auto options = op.options<schema::ConcatenationOptions>();
  FETAFIX_TRY(auto operands, all_operands(op));
  return op.finish(op.node("Concat", operands, {{"axis", int64_t{options.axis}}}),
                   options.fused_activation_function);
}

Status lift_pack(Operation& op) {
  const int64_t axis = op.options<schema::PackOptions>().axis;
  FETAFIX_TRY(auto operands, all_operands(op));
  const Operand at = op.number("axis", Tensor::vector<int64_t>({axis}));
  for (Operand& operand : operands) operand = op.node("Unsqueeze", {operand, at}, {}, Role::bridge);
  return op.out(op.node("Concat", operands, {{"axis", axis}}));
}

Status lift_unpack(Operation& op) {
  const auto options = op.options<schema::UnpackOptions>();
  if (options.num != op.outputs() || options.num < 1)
    return Operation::unsupported("the number of outputs is not the option's");
  FETAFIX_TRY(Operand x, op.in(0));
  auto parts = op.nodes(
      "Split", {x}, {{"axis", int64_t{options.axis}}, {"num_outputs", int64_t{options.num}}}, options.num);
  const Operand at = op.number("axis", Tensor::vector<int64_t>({options.axis}));
  for (Operand& part : parts) part = op.node("Squeeze", {part, at}, {}, Role::bridge);
  return give_all(op, parts);
}

Status lift_split(Operation& op) {
  FETAFIX_TRY(auto axis, op.ints(0));
  FETAFIX_TRY(Operand x, op.in(1));
  if (axis.size() != 1 || op.outputs() < 1)
    return Operation::unsupported("expected one axis and at least one output");
  return give_all(
      op, op.nodes("Split", {x}, {{"axis", axis[0]}, {"num_outputs", int64_t{op.outputs()}}}, op.outputs()));
}

Status lift_split_v(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(auto sizes, op.ints(1));
  FETAFIX_TRY(auto axis, op.ints(2));
  if (axis.size() != 1 || static_cast<int>(sizes.size()) != op.outputs())
    return Operation::unsupported("sizes and outputs do not agree");
  Operand lengths;
  if (std::count(sizes.begin(), sizes.end(), -1) == 0) {
    FETAFIX_TRY(lengths, op.int64s(1));
  } else {
    const auto& shape = op.info(0).shape;
    const auto rank = static_cast<int64_t>(shape ? shape->size() : 0);
    const int64_t at = axis[0] < 0 ? axis[0] + rank : axis[0];
    if (at < 0 || at >= rank || (*shape)[static_cast<size_t>(at)] < 0)
      return Operation::unsupported("a size is not known");
    const int64_t rest =
        (*shape)[static_cast<size_t>(at)] - std::accumulate(sizes.begin(), sizes.end(), int64_t{1});
    for (int64_t& size : sizes) size = size == -1 ? rest : size;
    lengths = op.number("size_splits", Tensor::vector(sizes));
  }
  return give_all(op, op.nodes("Split", {x, lengths}, {{"axis", axis[0]}}, op.outputs()));
}

// Native paddings are one row [before, after] a dimension; ONNX wants all befores, then all afters.
Status lift_pad(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  const auto& paddings = op.info(1).shape;
  if (!paddings || paddings->size() != 2 || (*paddings)[1] != 2)
    return Operation::unsupported("paddings are not [n, 2]");
  FETAFIX_TRY(Operand pads,
              op.parameter(1, {1, 0}, {(*paddings)[0] < 0 ? -1 : 2 * (*paddings)[0]}, DType::int64));
  std::vector<Operand> operands{x, pads};
  if (op.builtin() == Builtin::PADV2) {
    FETAFIX_TRY(Operand value, op.scalar(2));
    operands.push_back(value);
  }
  return op.out(op.node("Pad", operands));
}

Status lift_mirror_pad(Operation& op) {
  if (op.options<schema::MirrorPadOptions>().mode != schema::MirrorPadMode::REFLECT)
    return Operation::unsupported("SYMMETRIC repeats the edge, which ONNX's Pad can't");
  FETAFIX_TRY(Operand x, op.in(0));
  const auto& paddings = op.info(1).shape;
  if (!paddings || paddings->size() != 2 || (*paddings)[1] != 2)
    return Operation::unsupported("paddings are not [n, 2]");
  FETAFIX_TRY(Operand pads,
              op.parameter(1, {1, 0}, {(*paddings)[0] < 0 ? -1 : 2 * (*paddings)[0]}, DType::int64));
  return op.out(op.node("Pad", {x, pads}, {{"mode", std::string("reflect")}}));
}

}  // namespace fetafix::formats::tflite
