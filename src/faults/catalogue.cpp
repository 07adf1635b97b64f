#include <array>

#include "faults/pattern.h"

namespace fetafix::faults {

// The one list of patterns; adding one is a file, a line here and a test.
std::span<const Pattern> catalogue() {
  static const std::array patterns{
      Pattern{"training-mode", "graph", "BatchNormalization left in training mode", training_mode},
      Pattern{"attribute", "hyperparameters", "a hyperparameter differs in its resolved meaning", attribute},
      Pattern{"epsilon", "hyperparameters",
              "the epsilon of a normalization that one side writes as several operators", epsilon},
      Pattern{"pad-amounts", "hyperparameters", "a Pad operator pads other borders", pad_amounts},
      Pattern{"misplaced-pad", "hyperparameters", "the padding stands behind the convolution", misplaced_pad},
      Pattern{"activation-scale", "quantization",
              "the scale of an activation is not the one that biases behind it were counted with",
              activation_scale},
      Pattern{"activation-zero-point", "quantization",
              "a quantized tensor's range lies beside that of its activation function",
              activation_zero_point},
      Pattern{"tensor", "parameters", "a stored tensor is not the source's", tensor},
      Pattern{"recurrent-tensor", "parameters",
              "parameters of a recurrent layer that one side writes as a loop, or in another order of gates",
              recurrent_tensor},
      Pattern{"normalization-parameter", "parameters",
              "one parameter of a normalization that the source has folded", normalization_parameter},
      Pattern{"affine", "parameters", "a normalization that stands by itself scales or shifts otherwise",
              affine_parameter},
      Pattern{"scale-and-shift", "parameters",
              "the scale or shift of a normalization that the two sides write as other operators",
              scale_and_shift},
      Pattern{"folded-tensor", "parameters", "weights or bias differ after folding normalization",
              folded_tensor},
      Pattern{"misfit-tensor", "tensor-structure",
              "stored numbers of a size that does not go with what the operator reads", misfit_tensor},
      Pattern{"reshape-size", "tensor-structure", "a Reshape to sizes that its operand does not have",
              reshape_size},
      Pattern{"missing-reshape", "tensor-structure", "a lost Reshape or Flatten", missing_reshape},
      Pattern{"operator-type", "graph", "another operator stands in its place", operator_type},
      Pattern{"extra-operator", "graph", "an operator that the source does not have", extra_operator},
      Pattern{"replaced-operator", "graph", "an elementwise operator with other operands stands in its place",
              replaced_operator},
      Pattern{"idle-operator", "graph",
              "an activation function that does nothing stands where the source has one that does",
              idle_operator},
      Pattern{"extra-transpose", "tensor-structure", "a Transpose that the source does not have",
              extra_transpose},
      Pattern{"transpose-order", "tensor-structure", "a Transpose that makes another order of dimensions",
              transpose_order},
      Pattern{"missing-transpose", "tensor-structure", "a Transpose before a Reshape was lost",
              missing_transpose},
      Pattern{"rewired-operand", "graph", "an operand reads another value", rewired_operand},
      Pattern{"rewired-operator", "graph", "operands are swapped or are other values than in the source",
              rewired_operator},
      Pattern{"missing-operator", "graph",
              "operators of the source are missing (a lost bias, a lost activation)", missing_operator},
      Pattern{"known-activation", "graph",
              "an activation function that the source writes out is missing or another", known_activation},
      Pattern{"enumerated-attribute", "hyperparameters",
              "another of an attribute's few values computes what the source does", enumerated_attribute},
      Pattern{"upstream-tensor", "parameters",
              "numbers that are not the source's, shown by a later operator alone", upstream_tensor},
      Pattern{"replaced-segment", "graph",
              "the source's operators in place of those that compute something else", replaced_segment},
  };
  return patterns;
}

}  // namespace fetafix::faults
