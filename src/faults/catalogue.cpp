#include <array>

#include "faults/pattern.h"

namespace fetafix::faults {

// The one list of patterns; adding one is a file, a line here and a test.
std::span<const Pattern> catalogue() {
  static const std::array patterns{
      Pattern{"training-mode", "graph", "BatchNormalization left in training mode", training_mode},
      Pattern{"attribute", "hyperparameters", "a hyperparameter differs in its resolved meaning", attribute},
      Pattern{"pad-amounts", "hyperparameters", "a Pad operator pads other borders", pad_amounts},
      Pattern{"misplaced-pad", "hyperparameters", "the padding stands behind the convolution", misplaced_pad},
      Pattern{"activation-scale", "quantization",
              "the scale of an activation is not the one that biases behind it were counted with",
              activation_scale},
      Pattern{"activation-zero-point", "quantization",
              "a quantized tensor's range lies beside that of its activation function",
              activation_zero_point},
      Pattern{"tensor", "parameters", "a stored tensor is not the source's", tensor},
      Pattern{"folded-tensor", "parameters", "weights or bias differ after folding normalization",
              folded_tensor},
      Pattern{"operator-type", "graph", "another operator stands in its place", operator_type},
      Pattern{"extra-operator", "graph", "an operator that the source does not have", extra_operator},
      Pattern{"replaced-operator", "graph", "an elementwise operator with other operands stands in its place",
              replaced_operator},
      Pattern{"extra-transpose", "tensor-structure", "a Transpose that the source does not have",
              extra_transpose},
      Pattern{"rewired-operand", "graph", "an operand reads another value", rewired_operand},
      Pattern{"missing-operator", "graph",
              "operators of the source are missing (a lost bias, a lost activation)", missing_operator},
  };
  return patterns;
}

}  // namespace fetafix::faults
