#include "formats/tflite/lift_families.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::tflite {
namespace {

const char* reduction(Builtin builtin) {
  switch (builtin) {
    case Builtin::MEAN:
      return "ReduceMean";
    case Builtin::SUM:
      return "ReduceSum";
    case Builtin::REDUCE_PROD:
      return "ReduceProd";
    case Builtin::REDUCE_MAX:
      return "ReduceMax";
    case Builtin::REDUCE_MIN:
      return "ReduceMin";
    case Builtin::REDUCE_ANY:
      return "ReduceMax";
    case Builtin::REDUCE_ALL:
      return "ReduceMin";
    default:
      return nullptr;
  }
}

// Axes as a vector, also where the file holds one number.
Result<Operand> axes_of(Operation& op) {
  const auto& shape = op.info(1).shape;
  if (!shape) return Operation::unsupported("the axes have no known rank");
  return op.int64s(1, shape->empty() ? Shape{1} : Shape{});
}

Attributes reduce_attributes(const Operation& op) {
  return {{"keepdims", int64_t{op.options<schema::ReducerOptions>().keep_dims}},
          {"noop_with_empty_axes", int64_t{1}}};
}

}  // namespace

Status lift_reduce(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand axes, axes_of(op));
  return op.out(op.node(reduction(op.builtin()), {x, axes}, reduce_attributes(op)));
}

Status lift_reduce_logical(Operation& op) {
  FETAFIX_TRY(Operand x, op.raw(0));
  FETAFIX_TRY(Operand axes, axes_of(op));
  const Operand y = op.node(reduction(op.builtin()), {op.cast(x, DType::int32), axes}, reduce_attributes(op));
  return op.out(op.cast(y, DType::boolean));
}

Status lift_arg(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(auto axis, op.ints(1));
  if (axis.size() != 1) return Operation::unsupported("expected one axis");
  const char* type = op.builtin() == Builtin::ARG_MAX ? "ArgMax" : "ArgMin";
  const Operand y =
      op.node(type, {x}, {{"axis", axis[0]}, {"keepdims", int64_t{0}}}, Role::core, DType::int64);
  return op.out(op.cast(y, op.out_info().dtype));
}

Status lift_top_k(Operation& op) {
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand k, op.int64s(1, {1}));
  const DType type = op.dtype_of(x);
  const auto both = op.nodes("TopK", {x, k}, {{"axis", int64_t{-1}}}, 2, type);
  const Operand indices = op.node("Cast", {both[1]}, {{"to", graph::onnx_type(op.out_info(1).dtype)}},
                                  Role::bridge, op.out_info(1).dtype);
  FETAFIX_CHECK(op.out(0, both[0]));
  return op.out(1, indices);
}

Status lift_cumsum(Operation& op) {
  const auto options = op.options<schema::CumsumOptions>();
  FETAFIX_TRY(Operand x, op.in(0));
  FETAFIX_TRY(Operand axis, op.int64s(1));
  return op.out(op.node("CumSum", {x, axis},
                        {{"exclusive", int64_t{options.exclusive}}, {"reverse", int64_t{options.reverse}}}));
}

}  // namespace fetafix::formats::tflite
