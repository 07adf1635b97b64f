// The lift functions, one for each kind of operator, by the file that holds them.
#pragma once

#include "formats/same_padding.h"
#include "formats/tflite/lift.h"

namespace fetafix::formats::tflite {

// Padding and output size along one axis, as TFLite computes them.
Window resolve_padding(schema::Padding padding, int64_t input, int64_t kernel, int64_t stride,
                       int64_t dilation);

// lift_conv.cpp
Status lift_conv(Operation& op);
Status lift_depthwise_conv(Operation& op);
Status lift_transpose_conv(Operation& op);
Status lift_conv_3d(Operation& op);

// lift_dense.cpp
Status lift_fully_connected(Operation& op);
Status lift_batch_matmul(Operation& op);

// lift_hybrid.cpp: the kernels that quantize float activations at run time, for weights stored as int8
bool is_hybrid(const Operation& op, int input_slot, int weight_slot);
// What such a kernel sees of `value`: rounded to 8 bits, with one range for each index of all axes but
// `axes`.
Result<Operand> as_hybrid_sees(Operation& op, const Operand& value, const std::vector<int64_t>& axes,
                               bool asymmetric);

// lift_while.cpp
Status lift_while(Operation& op);

// lift_pool.cpp
Status lift_average_pool(Operation& op);
Status lift_max_pool(Operation& op);
Status lift_l2_pool(Operation& op);
Status lift_resize_bilinear(Operation& op);
Status lift_resize_nearest(Operation& op);
Status lift_depth_to_space(Operation& op);
Status lift_space_to_depth(Operation& op);

// lift_unary.cpp
Status lift_unary(Operation& op);
Status lift_rsqrt(Operation& op);
Status lift_square(Operation& op);
Status lift_clip(Operation& op);
Status lift_leaky_relu(Operation& op);
Status lift_prelu(Operation& op);
Status lift_gelu(Operation& op);
Status lift_cast(Operation& op);
Status lift_zeros_like(Operation& op);

// lift_binary.cpp
Status lift_arithmetic(Operation& op);
Status lift_binary(Operation& op);
Status lift_not_equal(Operation& op);
Status lift_squared_difference(Operation& op);
Status lift_floor_div(Operation& op);
Status lift_floor_mod(Operation& op);
Status lift_add_n(Operation& op);
Status lift_select(Operation& op);

// lift_reduce.cpp
Status lift_reduce(Operation& op);
Status lift_reduce_logical(Operation& op);
Status lift_arg(Operation& op);
Status lift_top_k(Operation& op);
Status lift_cumsum(Operation& op);

// lift_normalize.cpp
Status lift_softmax(Operation& op);
Status lift_log_softmax(Operation& op);
Status lift_l2_normalization(Operation& op);
Status lift_local_response(Operation& op);

// lift_shape.cpp
Status lift_reshape(Operation& op);
Status lift_transpose(Operation& op);
Status lift_expand_dims(Operation& op);
Status lift_squeeze(Operation& op);
Status lift_shape(Operation& op);
Status lift_rank(Operation& op);
Status lift_tile(Operation& op);
Status lift_broadcast_to(Operation& op);
Status lift_fill(Operation& op);
Status lift_range(Operation& op);
Status lift_space_to_batch(Operation& op);
Status lift_batch_to_space(Operation& op);

// lift_join.cpp
Status lift_concatenation(Operation& op);
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
Status lift_embedding_lookup(Operation& op);
Status lift_scatter_nd(Operation& op);
Status lift_where(Operation& op);
Status lift_one_hot(Operation& op);

// lift_recurrent.cpp
Status lift_sequence_lstm(Operation& op);

// lift_quantize.cpp
Status lift_quantize(Operation& op);
Status lift_dequantize(Operation& op);
Status lift_fake_quant(Operation& op);

}  // namespace fetafix::formats::tflite
