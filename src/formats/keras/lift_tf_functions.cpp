// TensorFlow's functions in a Keras 2 model (TFOpLambda, SlicingOpLambda), which is what onnx2tf writes: a
// table of names as TensorFlow exports them, those of compat.v1 like the others. Arguments come by name.
#include <map>

#include "formats/keras/functions.h"
#include "graph/onnx_types.h"

namespace fetafix::formats::keras {
namespace {

Status matmul(Operation& op) {
  const auto turned = [&](const char* side) {
    return truth_at(op, 9, std::string("transpose_") + side) ||
           truth_at(op, 9, std::string("adjoint_") + side);
  };
  if (truth_at(op, 9, "a_is_sparse") || truth_at(op, 9, "b_is_sparse"))
    return Operation::unsupported("its operands are sparse");
  std::vector<Operand> operands;
  for (const char* side : {"a", "b"}) {
    FETAFIX_TRY(Operand x, operand_at(op, operands.size(), side));
    const auto shape = op.shape(x);
    if (turned(side)) {
      if (x.slot >= setting_slot || op.rank(x) < 2) return Operation::unsupported("it turns a constant");
      std::vector<int> order;
      for (int i = 0; i < op.rank(x); ++i) order.push_back(i);
      std::swap(order[order.size() - 1], order[order.size() - 2]);
      x = op.bridge(x, order);
    }
    operands.push_back(x);
  }
  return op.out(op.node("MatMul", operands));
}

Status gelu(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const bool approximate = truth_at(op, 1, "approximate");
  return op.out(op.node("Gelu", {x}, {{"approximate", std::string(approximate ? "tanh" : "none")}}));
}

Status silu(Operation& op) {
  if (!is_default(op, 1, "beta", Json(1.0))) return Operation::unsupported("it has a beta of its own");
  return lift_activation_function(op, "silu");
}

Status relu6(Operation& op) {
  return lift_activation_function(op, "relu6");
}

DType type_at(const Operation& op, size_t position, const std::string& name, const std::string& otherwise) {
  return dtype_from_name(text_at(op, position, name, otherwise));
}

Operand as_type(Operation& op, const Operand& x, DType type, Role role = Role::core) {
  if (op.dtype(x) == type) return op.node("Identity", {x}, {}, role);
  return op.node("Cast", {x}, {{"to", graph::onnx_type(type)}}, role, type);
}

Status to_type(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const DType type = type_at(op, 1, "dtype", "?");
  if (graph::onnx_type(type) == 0) return Operation::unsupported("its type is not known here");
  return op.out(as_type(op, x, type));
}

Status largest_at(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto axis = integer_at(op, 1, name_of_argument(op, {"axis", "dimension"}), 0);
  const DType type = type_at(op, 2, "output_type", "int64");
  if (!axis || graph::onnx_type(type) == 0) return Operation::unsupported("its axis or type is not known");
  const bool least = op.text("function").ends_with("argmin");
  const Operand y = op.node(least ? "ArgMin" : "ArgMax", {x}, {{"axis", *axis}, {"keepdims", int64_t{0}}},
                            Role::core, DType::int64);
  return op.out(type == DType::int64 ? y : as_type(op, y, type, Role::bridge));
}

Status where(Operation& op) {
  FETAFIX_TRY(const Operand condition, operand_at(op, 0, "condition"));
  FETAFIX_TRY(const Operand yes, operand_at(op, 1, "x"));
  FETAFIX_TRY(const Operand no, operand_at(op, 2, "y"));
  return op.out(op.node("Where", {condition, yes, no}, {}, Role::core, DType::float32));
}

Status reciprocal_root(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  return op.out(op.node("Reciprocal", {op.node("Sqrt", {x})}));
}

Status squared_difference(Operation& op) {
  FETAFIX_TRY(const Operand a, operand_at(op, 0, "x"));
  FETAFIX_TRY(const Operand b, operand_at(op, 1, "y"));
  const Operand d = op.node("Sub", {a, b});
  return op.out(op.node("Mul", {d, d}));
}

Status floor_quotient(Operation& op) {
  FETAFIX_TRY(const Operand a, operand_at(op, 0, "x"));
  FETAFIX_TRY(const Operand b, operand_at(op, 1, "y"));
  if (is_integer(op.dtype(a))) return Operation::unsupported("it divides whole numbers");
  return op.out(op.node("Floor", {op.node("Div", {a, b})}));
}

Status bias(Operation& op) {
  if (text_at(op, 2, "data_format", "NHWC").starts_with("NC"))
    return Operation::unsupported("its data has channels second");
  return lift_common_function(op, "add", "value", "bias");
}

// Mean and variance.
Status moments(Operation& op) {
  FETAFIX_TRY(const Operand x, op.in(0));
  const auto axes = integers_at(op, 1, "axes");
  if (!axes || op.operands() != 1) return Operation::unsupported("its axes are not known");
  const bool keep = truth_at(op, 4, name_of_argument(op, {"keepdims", "keep_dims"}));
  const auto mean_of = [&](const Operand& of, bool kept) {
    return op.node("ReduceMean", {of, op.constant("axes", Tensor::vector(*axes))},
                   {{"keepdims", int64_t{kept}}});
  };
  const Operand d = op.node("Sub", {x, mean_of(x, true)});
  FETAFIX_CHECK(op.out(0, mean_of(x, keep)));
  return op.out(1, mean_of(op.node("Mul", {d, d}), keep));
}

Status reduce(Operation& op, const char* type) {
  return lift_reduction(op, type, name_of_argument(op, {"axis", "reduction_indices"}),
                        name_of_argument(op, {"keepdims", "keep_dims"}));
}

Status softmax(Operation& op, const char* type) {
  return lift_softmax_function(op, type, name_of_argument(op, {"axis", "dim"}));
}

using Lift = Status (*)(Operation&);

const std::map<std::string, Lift>& lifts() {
  static const std::map<std::string, Lift> table{
      {"linalg.matmul", matmul},
      {"nn.gelu", gelu},
      {"nn.relu6", relu6},
      {"nn.silu", silu},
      {"nn.leaky_relu", [](Operation& op) { return lift_sloped(op, "LeakyRelu", "alpha", 0.2f); }},
      {"nn.softmax", [](Operation& op) { return softmax(op, "Softmax"); }},
      {"nn.log_softmax", [](Operation& op) { return softmax(op, "LogSoftmax"); }},
      {"nn.bias_add", bias},
      {"nn.moments", moments},
      {"nn.batch_normalization", lift_tf_normalization},
      {"nn.convolution", lift_tf_convolution},
      {"nn.conv1d", lift_tf_convolution},
      {"nn.conv2d", lift_tf_convolution},
      {"nn.conv3d", lift_tf_convolution},
      {"nn.depthwise_conv2d", lift_tf_depthwise},
      {"nn.conv1d_transpose", lift_tf_transposed},
      {"nn.conv2d_transpose", lift_tf_transposed},
      {"nn.conv3d_transpose", lift_tf_transposed},
      {"nn.conv_transpose", lift_tf_transposed},
      {"nn.max_pool", lift_tf_max_pool},
      {"nn.max_pool1d", lift_tf_max_pool},
      {"nn.max_pool2d", lift_tf_max_pool},
      {"nn.max_pool3d", lift_tf_max_pool},
      {"nn.avg_pool", lift_tf_average_pool},
      {"nn.avg_pool1d", lift_tf_average_pool},
      {"nn.avg_pool2d", lift_tf_average_pool},
      {"nn.avg_pool3d", lift_tf_average_pool},
      {"nn.pool", lift_tf_pool},
      {"nn.depth_to_space", lift_tf_depth_to_space},
      {"nn.space_to_depth", lift_tf_space_to_depth},
      {"nn.local_response_normalization", lift_tf_local_response},
      {"math.reduce_mean", [](Operation& op) { return reduce(op, "ReduceMean"); }},
      {"math.reduce_sum", [](Operation& op) { return reduce(op, "ReduceSum"); }},
      {"math.reduce_max", [](Operation& op) { return reduce(op, "ReduceMax"); }},
      {"math.reduce_min", [](Operation& op) { return reduce(op, "ReduceMin"); }},
      {"math.reduce_prod", [](Operation& op) { return reduce(op, "ReduceProd"); }},
      {"math.reduce_logsumexp", [](Operation& op) { return reduce(op, "ReduceLogSumExp"); }},
      {"math.argmax", largest_at},
      {"math.argmin", largest_at},
      {"math.rsqrt", reciprocal_root},
      {"math.square", lift_square},
      {"math.squared_difference", squared_difference},
      {"math.floordiv", floor_quotient},
      {"floor_div", floor_quotient},
      {"clip_by_value",
       [](Operation& op) { return lift_clip_function(op, "clip_value_min", "clip_value_max"); }},
      {"cast", to_type},
      {"where", where},
      {"reshape", [](Operation& op) { return lift_reshape_function(op, "shape"); }},
      {"transpose", [](Operation& op) { return lift_transpose_function(op, "perm"); }},
      {"concat", [](Operation& op) { return lift_concat_function(op, "values"); }},
      {"stack", [](Operation& op) { return lift_stack(op, "values"); }},
      {"unstack", lift_unstack},
      {"split", [](Operation& op) { return lift_split_function(op, "num_or_size_splits"); }},
      {"expand_dims",
       [](Operation& op) {
         return lift_new_axis(op, name_of_argument(op, {"axis", "dim"}));
       }},
      {"squeeze",
       [](Operation& op) {
         return lift_squeeze(op, name_of_argument(op, {"axis", "squeeze_dims"}));
       }},
      {"tile", lift_tile},
      {"broadcast_to", lift_broadcast},
      {"gather", lift_gather},
      {"pad", lift_pad_function},
      {"space_to_batch_nd", lift_tf_space_to_batch},
      {"batch_to_space_nd", lift_tf_batch_to_space},
      {"slice", lift_slice_function},
      {"strided_slice", lift_strided_slice},
      {"reverse", lift_reverse},
  };
  return table;
}

// Elementwise: the names that keras.ops gives them.
const std::map<std::string, const char*>& elementwise() {
  static const std::map<std::string, const char*> table{{"__operators__.add", "add"},
                                                        {"identity", "identity"},
                                                        {"math.abs", "abs"},
                                                        {"math.add", "add"},
                                                        {"math.ceil", "ceil"},
                                                        {"math.cos", "cos"},
                                                        {"math.divide", "divide"},
                                                        {"math.equal", "equal"},
                                                        {"math.erf", "erf"},
                                                        {"math.exp", "exp"},
                                                        {"math.floor", "floor"},
                                                        {"math.greater", "greater"},
                                                        {"math.greater_equal", "greaterequal"},
                                                        {"math.less", "less"},
                                                        {"math.less_equal", "lessequal"},
                                                        {"math.log", "log"},
                                                        {"math.logical_and", "logicaland"},
                                                        {"math.logical_not", "logicalnot"},
                                                        {"math.logical_or", "logicalor"},
                                                        {"math.maximum", "maximum"},
                                                        {"math.minimum", "minimum"},
                                                        {"math.multiply", "multiply"},
                                                        {"math.negative", "negative"},
                                                        {"math.pow", "power"},
                                                        {"math.reciprocal", "reciprocal"},
                                                        {"math.round", "round"},
                                                        {"math.sigmoid", "sigmoid"},
                                                        {"math.sign", "sign"},
                                                        {"math.sin", "sin"},
                                                        {"math.softplus", "softplus"},
                                                        {"math.sqrt", "sqrt"},
                                                        {"math.subtract", "subtract"},
                                                        {"math.tanh", "tanh"},
                                                        {"math.truediv", "divide"},
                                                        {"nn.elu", "elu"},
                                                        {"nn.relu", "relu"},
                                                        {"nn.selu", "selu"},
                                                        {"nn.softsign", "softsign"},
                                                        {"stop_gradient", "identity"}};
  return table;
}

}  // namespace

// What compat.v1 has of its own besides other names of arguments: image.resize, which does not look at the
// centers of pixels.
Status lift_tf_function(Operation& op) {
  const std::string exported = op.text("function");
  if (exported == "image.resize") return lift_tf_resize(op);
  const std::string old = "compat.v1.";
  const std::string name = exported.starts_with(old) ? exported.substr(old.size()) : exported;
  if (const auto found = elementwise().find(name); found != elementwise().end())
    return lift_common_function(op, found->second, "x", "y");
  if (const auto found = lifts().find(name); found != lifts().end()) return found->second(op);
  return Operation::unsupported("function 'tf." + exported + "' is not known here");
}

Status lift_tf_indexing(Operation& op) {
  return lift_indexing(op, 1, "slice_spec");
}

}  // namespace fetafix::formats::keras
