// The lift functions, one for each kind of operator, by the file that holds them.
#pragma once

#include "formats/torch/lift.h"

namespace fetafix::formats::torch {

// lift_conv.cpp
Status lift_conv(Operation& op);
Status lift_transpose_conv(Operation& op);
Status lift_convolution(Operation& op);

// lift_pool.cpp
Status lift_max_pool(Operation& op);
Status lift_average_pool(Operation& op);
Status lift_adaptive_average_pool(Operation& op);
Status lift_adaptive_max_pool(Operation& op);

// lift_dense.cpp
Status lift_linear(Operation& op);
Status lift_add_product(Operation& op);
Status lift_matmul(Operation& op);
Status lift_batch_add_product(Operation& op);
Status lift_einsum(Operation& op);
Status lift_attention(Operation& op);

// lift_normalize.cpp
Status lift_batch_norm(Operation& op);
Status lift_instance_norm(Operation& op);
Status lift_layer_norm(Operation& op);
Status lift_group_norm(Operation& op);
Status lift_native_group_norm(Operation& op);
Status lift_softmax(Operation& op);
Status lift_dropout(Operation& op);

// lift_activation.cpp
Status lift_unary(Operation& op);
Status lift_relu6(Operation& op);
Status lift_hardtanh(Operation& op);
Status lift_clamp(Operation& op);
Status lift_leaky_relu(Operation& op);
Status lift_elu(Operation& op);
Status lift_gelu(Operation& op);
Status lift_silu(Operation& op);
Status lift_mish(Operation& op);
Status lift_hardsigmoid(Operation& op);
Status lift_softplus(Operation& op);
Status lift_log_sigmoid(Operation& op);
Status lift_prelu(Operation& op);
Status lift_glu(Operation& op);
Status lift_rsqrt(Operation& op);
Status lift_square(Operation& op);
Status lift_log_of_base(Operation& op);
Status lift_expm1(Operation& op);
Status lift_log1p(Operation& op);

// lift_binary.cpp
Status lift_sum(Operation& op);
Status lift_difference_from(Operation& op);
Status lift_product(Operation& op);
Status lift_quotient(Operation& op);
Status lift_power(Operation& op);
Status lift_extreme(Operation& op);
Status lift_comparison(Operation& op);
Status lift_logical(Operation& op);
Status lift_remainder(Operation& op);
Status lift_where(Operation& op);
Status lift_masked_fill(Operation& op);

// lift_reduce.cpp
Status lift_reduce(Operation& op);
Status lift_extreme_along(Operation& op);
Status lift_arg(Operation& op);
Status lift_variance(Operation& op);
Status lift_norm(Operation& op);
Status lift_top_k(Operation& op);
Status lift_cumsum(Operation& op);

// lift_shape.cpp
Status lift_identity(Operation& op);
Status lift_reshape(Operation& op);
Status lift_flatten(Operation& op);
Status lift_unflatten(Operation& op);
Status lift_permute(Operation& op);
Status lift_swap_axes(Operation& op);
Status lift_matrix_transpose(Operation& op);
Status lift_squeeze(Operation& op);
Status lift_unsqueeze(Operation& op);
Status lift_expand(Operation& op);
Status lift_repeat(Operation& op);
Status lift_pixel_shuffle(Operation& op);
Status lift_pixel_unshuffle(Operation& op);
Status lift_channel_shuffle(Operation& op);

// lift_join.cpp
Status lift_cat(Operation& op);
Status lift_stack(Operation& op);
Status lift_split(Operation& op);
Status lift_chunk(Operation& op);
Status lift_unbind(Operation& op);
Status lift_pad(Operation& op);
Status lift_resize(Operation& op);

// lift_slice.cpp
Status lift_slice(Operation& op);
Status lift_narrow(Operation& op);
Status lift_select(Operation& op);
Status lift_flip(Operation& op);
Status lift_roll(Operation& op);
Status lift_embedding(Operation& op);
Status lift_index_select(Operation& op);
Status lift_gather(Operation& op);
Status lift_index(Operation& op);

// lift_make.cpp
Status lift_full(Operation& op);
Status lift_full_like(Operation& op);
Status lift_arange(Operation& op);
Status lift_cast(Operation& op);
Status lift_cast_like(Operation& op);
Status lift_size(Operation& op);
Status lift_size_arithmetic(Operation& op);
Status lift_size_tensor(Operation& op);

// lift_recurrent.cpp
Status lift_lstm(Operation& op);
Status lift_gru(Operation& op);
Status lift_rnn(Operation& op);

}  // namespace fetafix::formats::torch
