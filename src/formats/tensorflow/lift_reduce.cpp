#include <map>

#include "formats/tensorflow/lift_families.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::tensorflow {

Status lift_reduce(Operation& op) {
  static const std::map<std::string, std::string> names{
      {"Mean", "ReduceMean"}, {"Sum", "ReduceSum"}, {"Prod", "ReduceProd"}, {"Max", "ReduceMax"},
      {"Min", "ReduceMin"},   {"Any", "ReduceMax"}, {"All", "ReduceMin"},   {"EuclideanNorm", "ReduceL2"}};
  FETAFIX_TRY(Operand x, op.in(0));
  const auto shape = op.shape_of(1);
  if (!shape) return Operation::unsupported("the axes have no known rank");
  FETAFIX_TRY(const Operand axes, op.int64s(1, shape->empty() ? Shape{1} : Shape{}));
  const bool logical = op.type() == "Any" || op.type() == "All";
  if (logical) x = op.cast(x, DType::int32);
  const Operand y =
      op.node(names.at(op.type()), {x, axes},
              {{"keepdims", int64_t{op.flag("keep_dims", false)}}, {"noop_with_empty_axes", int64_t{1}}});
  return op.out(logical ? op.cast(y, DType::boolean) : y);
}

Status lift_arg(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const auto axis, op.ints(1));
  if (axis.size() != 1) return Operation::unsupported("expected one axis");
  const Operand y =
      op.node(op.type(), {x}, {{"axis", axis[0]}, {"keepdims", int64_t{0}}}, Role::core, DType::int64);
  const DType type = op.element_type("output_type");
  return op.out(op.cast(y, type == DType::unknown ? DType::int64 : type));
}

Status lift_top_k(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand k, op.int64s(1, {1}));
  const auto both = op.nodes("TopK", {x, k}, {{"axis", int64_t{-1}}}, 2, Role::core, op.dtype(x));
  const Operand indices =
      op.node("Cast", {both[1]}, {{"to", graph::onnx_type(DType::int32)}}, Role::bridge, DType::int32);
  FETAFIX_CHECK(op.out(0, both[0]));
  return op.out(1, indices);
}

Status lift_cumsum(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  FETAFIX_TRY(const Operand axis, op.int64s(1));
  return op.out(op.node("CumSum", {x, axis},
                        {{"exclusive", int64_t{op.flag("exclusive", false)}},
                         {"reverse", int64_t{op.flag("reverse", false)}}}));
}

}  // namespace fetafix::formats::tensorflow
