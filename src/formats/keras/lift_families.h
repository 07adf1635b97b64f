// The lift functions, by file.
#pragma once

#include "formats/keras/lift.h"

namespace fetafix::formats::keras {

// lift_conv.cpp
Status lift_conv(Operation& op);
Status lift_depthwise_conv(Operation& op);
Status lift_separable_conv(Operation& op);
Status lift_transposed_conv(Operation& op);
// lift_pool.cpp
Status lift_max_pool(Operation& op);
Status lift_average_pool(Operation& op);
Status lift_global_max_pool(Operation& op);
Status lift_global_average_pool(Operation& op);
Status lift_up_sampling(Operation& op);
Status lift_resizing(Operation& op);
// lift_shape.cpp
Status lift_zero_padding(Operation& op);
Status lift_cropping(Operation& op);
Status lift_flatten(Operation& op);
Status lift_reshape(Operation& op);
Status lift_permute(Operation& op);
Status lift_repeat_vector(Operation& op);
Status lift_nothing(Operation& op);
// lift_dense.cpp
Status lift_dense(Operation& op);
Status lift_einsum_dense(Operation& op);
Status lift_embedding(Operation& op);
Status lift_time_distributed(Operation& op);
// lift_normalize.cpp
Status lift_batch_normalization(Operation& op);
Status lift_layer_normalization(Operation& op);
Status lift_group_normalization(Operation& op);
Status lift_unit_normalization(Operation& op);
Status lift_rescaling(Operation& op);
Status lift_normalization(Operation& op);
Status lift_layer_scale(Operation& op);
// lift_activation.cpp
Status lift_activation(Operation& op);
Status lift_relu(Operation& op);
Status lift_leaky_relu(Operation& op);
Status lift_prelu(Operation& op);
Status lift_elu(Operation& op);
Status lift_softmax(Operation& op);
// lift_merge.cpp
Status lift_add(Operation& op);
Status lift_subtract(Operation& op);
Status lift_multiply(Operation& op);
Status lift_average(Operation& op);
Status lift_maximum(Operation& op);
Status lift_minimum(Operation& op);
Status lift_concatenate(Operation& op);
Status lift_scaled_sum(Operation& op);
// lift_recurrent.cpp
Status lift_lstm(Operation& op);
Status lift_gru(Operation& op);
Status lift_simple_rnn(Operation& op);
Status lift_bidirectional(Operation& op);
// lift_attention.cpp
Status lift_attention(Operation& op);
// lift_functions.cpp: keras.ops of Keras 3
Status lift_function(Operation& op);
// lift_tf_functions.cpp: TFOpLambda and SlicingOpLambda of Keras 2
Status lift_tf_function(Operation& op);
Status lift_tf_indexing(Operation& op);

// y + bias where the layer has one (weight k).
Result<Operand> with_bias(Operation& op, const Operand& y, size_t k);

}  // namespace fetafix::formats::keras
