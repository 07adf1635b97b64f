// The lift functions, one for each kind of operator, by the file that holds them.
#pragma once

#include "formats/tensorflow/lift.h"

namespace fetafix::formats::tensorflow {

// lift_conv.cpp
Status lift_conv(Operation& op);
Status lift_depthwise_conv(Operation& op);
Status lift_transpose_conv(Operation& op);
Status lift_bias_add(Operation& op);

// lift_dense.cpp
Status lift_matmul(Operation& op);
Status lift_batch_matmul(Operation& op);
Status lift_einsum(Operation& op);

// lift_pool.cpp
Status lift_pool(Operation& op);
Status lift_resize(Operation& op);
Status lift_depth_to_space(Operation& op);
Status lift_space_to_depth(Operation& op);

// lift_unary.cpp
Status lift_unary(Operation& op);
Status lift_rsqrt(Operation& op);
Status lift_square(Operation& op);
Status lift_relu6(Operation& op);
Status lift_clip(Operation& op);
Status lift_leaky_relu(Operation& op);
Status lift_expm1(Operation& op);
Status lift_log1p(Operation& op);
Status lift_erfc(Operation& op);
Status lift_cast(Operation& op);
Status lift_filled_like(Operation& op);

// lift_binary.cpp
Status lift_binary(Operation& op);
Status lift_not_equal(Operation& op);
Status lift_squared_difference(Operation& op);
Status lift_floor_div(Operation& op);
Status lift_floor_mod(Operation& op);
Status lift_div_no_nan(Operation& op);
Status lift_add_n(Operation& op);
Status lift_select(Operation& op);

// lift_reduce.cpp
Status lift_reduce(Operation& op);
Status lift_arg(Operation& op);
Status lift_top_k(Operation& op);
Status lift_cumsum(Operation& op);

// lift_while.cpp
Status lift_while(Operation& op);
Status lift_list_of_tensor(Operation& op);
Status lift_empty_list(Operation& op);
Status lift_list_set(Operation& op);
Status lift_list_get(Operation& op);

// lift_normalize.cpp
Status lift_batch_norm(Operation& op);
Status lift_softmax(Operation& op);
Status lift_local_response(Operation& op);
Status lift_fake_quant(Operation& op);

// lift_shape.cpp
Status lift_identity(Operation& op);
Status lift_reshape(Operation& op);
Status lift_transpose(Operation& op);
Status lift_expand_dims(Operation& op);
Status lift_squeeze(Operation& op);
Status lift_shape(Operation& op);
Status lift_rank(Operation& op);
Status lift_size(Operation& op);
Status lift_tile(Operation& op);
Status lift_broadcast_to(Operation& op);
Status lift_fill(Operation& op);
Status lift_range(Operation& op);
Status lift_space_to_batch(Operation& op);
Status lift_batch_to_space(Operation& op);

// lift_join.cpp
Status lift_concat(Operation& op);
Status lift_pack(Operation& op);
Status lift_unpack(Operation& op);
Status lift_split(Operation& op);
Status lift_split_v(Operation& op);
Status lift_pad(Operation& op);
Status lift_mirror_pad(Operation& op);

// lift_slice.cpp
Status lift_slice(Operation& op);
Status lift_strided_slice(Operation& op);
Status lift_reverse(Operation& op);
Status lift_reverse_sequence(Operation& op);

// lift_gather.cpp
Status lift_gather(Operation& op);
Status lift_gather_nd(Operation& op);
Status lift_scatter_nd(Operation& op);
Status lift_where(Operation& op);
Status lift_one_hot(Operation& op);

}  // namespace fetafix::formats::tensorflow
