// Operators with several operands or several results, and padding.
#include <algorithm>
#include <numeric>

#include "formats/tensorflow/lift_families.h"

namespace fetafix::formats::tensorflow {
namespace {

constexpr int64_t most_parts = 4096;

Result<std::vector<Operand>> operands_of(Operation& op, int count) {
  std::vector<Operand> out;
  for (int slot = 0; slot < count; ++slot) {
    FETAFIX_TRY(const Operand operand, op.in(slot));
    out.push_back(operand);
  }
  if (out.empty()) return Operation::unsupported("no operands");
  return out;
}

Status give_all(Operation& op, const std::vector<Operand>& parts) {
  for (size_t i = 0; i < parts.size(); ++i) FETAFIX_CHECK(op.out(static_cast<int>(i), parts[i]));
  return {};
}

Result<int64_t> parts_of(const Operation& op, const std::string& key) {
  const int64_t count = op.integer(key, 0);
  if (count < 1 || count > most_parts)
    return Operation::unsupported("it has " + std::to_string(count) + " parts");
  return count;
}

Result<int64_t> axis_at(const Operation& op, int slot) {
  FETAFIX_TRY(const auto axis, op.ints(slot));
  if (axis.size() != 1) return Operation::unsupported("expected one axis");
  return axis[0];
}

// Native paddings are one row [before, after] a dimension; ONNX wants all befores, then all afters.
Result<Operand> paddings(Operation& op) {
  const auto rows = op.shape_of(1);
  if (!rows || rows->size() != 2 || (*rows)[1] != 2) return Operation::unsupported("paddings are not [n, 2]");
  return op.parameter(1, {1, 0}, {(*rows)[0] < 0 ? -1 : 2 * (*rows)[0]}, DType::int64);
}

}  // namespace

// ConcatV2: the axis comes last; Concat: first.
Status lift_concat(Operation& op) {
  const bool last = op.type() == "ConcatV2";
  const int count = op.operands() - 1;
  FETAFIX_TRY(const int64_t axis, axis_at(op, last ? count : 0));
  std::vector<Operand> operands;
  for (int i = 0; i < count; ++i) {
    FETAFIX_TRY(const Operand operand, op.in(last ? i : i + 1));
    operands.push_back(operand);
  }
  if (operands.empty()) return Operation::unsupported("no operands");
  return op.out(op.node("Concat", operands, {{"axis", axis}}));
}

Status lift_pack(Operation& op) {
  const int64_t axis = op.integer("axis", 0);
  FETAFIX_TRY(auto operands, operands_of(op, op.operands()));
  const Operand at = op.number("", Tensor::vector<int64_t>({axis}));
  for (Operand& operand : operands) operand = op.node("Unsqueeze", {operand, at}, {}, Role::bridge);
  return op.out(op.node("Concat", operands, {{"axis", axis}}));
}

Status lift_unpack(Operation& op) {
  const int64_t axis = op.integer("axis", 0);
  FETAFIX_TRY(const int64_t count, parts_of(op, "num"));
  FETAFIX_TRY(const Operand x, op.in(0));
  auto parts = op.nodes("Split", {x}, {{"axis", axis}, {"num_outputs", count}}, static_cast<int>(count));
  const Operand at = op.number("", Tensor::vector<int64_t>({axis}));
  for (Operand& part : parts) part = op.node("Squeeze", {part, at}, {}, Role::bridge);
  return give_all(op, parts);
}

Status lift_split(Operation& op) {
  FETAFIX_TRY(const int64_t axis, axis_at(op, 0));
  FETAFIX_TRY(const int64_t count, parts_of(op, "num_split"));
  FETAFIX_TRY(const Operand x, op.in(1));
  return give_all(op,
                  op.nodes("Split", {x}, {{"axis", axis}, {"num_outputs", count}}, static_cast<int>(count)));
}

Status lift_split_v(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(auto sizes, op.ints(1));
  FETAFIX_TRY(const int64_t axis, axis_at(op, 2));
  if (sizes.empty() || static_cast<int64_t>(sizes.size()) > most_parts)
    return Operation::unsupported("it has " + std::to_string(sizes.size()) + " parts");
  Operand lengths;
  if (std::ranges::count(sizes, -1) == 0) {
    FETAFIX_TRY(lengths, op.int64s(1));
  } else {
    const auto shape = op.shape_of(0);
    const auto rank = static_cast<int64_t>(shape ? shape->size() : 0);
    const int64_t at = axis < 0 ? axis + rank : axis;
    if (at < 0 || at >= rank || (*shape)[static_cast<size_t>(at)] < 0)
      return Operation::unsupported("a size is not known");
    const int64_t rest =
        (*shape)[static_cast<size_t>(at)] - std::accumulate(sizes.begin(), sizes.end(), int64_t{1});
    for (int64_t& size : sizes) size = size == -1 ? rest : size;
    lengths = op.number("", Tensor::vector(sizes));
  }
  return give_all(op, op.nodes("Split", {x, lengths}, {{"axis", axis}}, static_cast<int>(sizes.size())));
}

Status lift_pad(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand pads, paddings(op));
  std::vector<Operand> operands{x, pads};
  if (op.type() == "PadV2") {
    FETAFIX_TRY(const Operand value, op.in(2));
    operands.push_back(value);
  }
  return op.out(op.node("Pad", operands));
}

Status lift_mirror_pad(Operation& op) {
  if (op.text("mode", "") != "REFLECT")
    return Operation::unsupported("SYMMETRIC repeats the edge, which ONNX's Pad can't");
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand pads, paddings(op));
  return op.out(op.node("Pad", {x, pads}, {{"mode", std::string("reflect")}}));
}

}  // namespace fetafix::formats::tensorflow
