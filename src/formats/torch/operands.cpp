#include "formats/torch/operands.h"

#include <set>

namespace fetafix::formats::torch {

std::vector<std::string> required_operands(const std::string& target) {
  if (!target.starts_with("aten.")) return {};
  const size_t dot = target.find('.', 5);
  const std::string name = target.substr(5, dot - 5), overload = target.substr(dot + 1);
  static const std::set<std::string> lists{"cat",    "stack",  "concat",  "hstack",
                                           "vstack", "einsum", "meshgrid"};
  static const std::set<std::string> makers{"arange", "full", "zeros", "ones", "scalar_tensor", "eye"};
  if (lists.contains(name) || makers.contains(name) || name == "where") return {};
  if (name == "embedding") return {"weight", "indices"};
  if (name.starts_with("conv") || name == "linear") return {"input", "weight"};
  static const std::set<std::string> inputs{"batch_norm",
                                            "layer_norm",
                                            "group_norm",
                                            "instance_norm",
                                            "rms_norm",
                                            "native_layer_norm",
                                            "native_batch_norm",
                                            "_native_batch_norm_legit_no_training",
                                            "native_group_norm",
                                            "dropout",
                                            "feature_dropout",
                                            "native_dropout",
                                            "lstm",
                                            "gru",
                                            "rnn_tanh",
                                            "rnn_relu"};
  if (inputs.contains(name) || overload == "vec") return {"input"};
  if (name == "scaled_dot_product_attention") return {"query", "key", "value"};
  if (name == "pow" && overload == "Scalar") return {"exponent"};
  if (name == "mm" || name == "bmm") return {"self", "mat2"};
  if (name == "addmm") return {"self", "mat1", "mat2"};
  static const std::set<std::string> pairs{"matmul", "maximum", "minimum"};
  if (pairs.contains(name)) return {"self", "other"};
  static const std::set<std::string> sums{"add", "sub", "mul", "div", "add_", "sub_", "mul_", "div_"};
  if (sums.contains(name) && overload == "Tensor") return {"self", "other"};
  return {"self"};
}

}  // namespace fetafix::formats::torch
