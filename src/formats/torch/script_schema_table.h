// Facts of PyTorch 2.15's operators: name.overload|arguments|results, one operator a line (script_schema.h
// says how types are written; = may be left out, * in front: by name alone). Those that lift, those that
// traced and scripted modules call besides, and their forms that write into an operand. Long because PyTorch
// is.
#pragma once

#include <string_view>

namespace fetafix::formats::torch {

inline constexpr std::string_view schema_table = R"(
_adaptive_avg_pool2d.default|self:T output_size:i#|T
_convolution.default|input:T weight:T bias:T? stride:i* padding:i* dilation:i* transposed:b output_padding:i* groups:i benchmark:b deterministic:b cudnn_enabled:b allow_tf32:b=|T
_log_softmax.default|self:T dim:i half_to_float:b|T
_native_batch_norm_legit_no_training.default|input:T weight:T? bias:T? running_mean:T running_var:T momentum:f eps:f|T T T
_native_multi_head_attention.default|query:T key:T value:T embed_dim:i num_head:i qkv_weight:T qkv_bias:T proj_weight:T proj_bias:T mask:T?= need_weights:b= average_attn_weights:b= mask_type:i?=|T T
_softmax.default|self:T dim:i half_to_float:b|T
_to_copy.default|self:T *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?= *non_blocking:b= *memory_format:m?=|T
_transformer_encoder_layer_fwd.default|src:T embed_dim:i num_heads:i qkv_weight:T qkv_bias:T proj_weight:T proj_bias:T use_gelu:b norm_first:b eps:f norm_weight_1:T norm_bias_1:T norm_weight_2:T norm_bias_2:T ffn_weight_1:T ffn_bias_1:T ffn_weight_2:T ffn_bias_2:T mask:T?= mask_type:i?=|T
_unsafe_view.default|self:T size:i*|T
_upsample_bicubic2d_aa.default|self:T output_size:i# align_corners:b scales_h:f?= scales_w:f?=|T
_upsample_bicubic2d_aa.vec|input:T output_size:i*? align_corners:b scale_factors:f*?|T
_upsample_bilinear2d_aa.default|self:T output_size:i# align_corners:b scales_h:f?= scales_w:f?=|T
_upsample_bilinear2d_aa.vec|input:T output_size:i*? align_corners:b scale_factors:f*?|T
_upsample_nearest_exact1d.default|self:T output_size:i# scales:f?=|T
_upsample_nearest_exact1d.vec|input:T output_size:i*? scale_factors:f*?|T
_upsample_nearest_exact2d.default|self:T output_size:i# scales_h:f?= scales_w:f?=|T
_upsample_nearest_exact2d.vec|input:T output_size:i*? scale_factors:f*?|T
_upsample_nearest_exact3d.default|self:T output_size:i# scales_d:f?= scales_h:f?= scales_w:f?=|T
_upsample_nearest_exact3d.vec|input:T output_size:i*? scale_factors:f*?|T
abs.default|self:T|T
abs_.default|self:T|T
acos.default|self:T|T
acosh.default|self:T|T
adaptive_avg_pool1d.default|self:T output_size:i#|T
adaptive_avg_pool2d.default|self:T output_size:i#|T
adaptive_avg_pool3d.default|self:T output_size:i#|T
adaptive_max_pool1d.default|self:T output_size:i#|T T
adaptive_max_pool2d.default|self:T output_size:i#|T T
adaptive_max_pool3d.default|self:T output_size:i#|T T
add.Tensor|self:T other:T *alpha:n=|T
add.Scalar|self:T other:n alpha:n=|T
add_.Tensor|self:T other:T *alpha:n=|T
add_.Scalar|self:T other:n alpha:n=|T
addbmm.default|self:T batch1:T batch2:T *beta:n= *alpha:n=|T
addcdiv.default|self:T tensor1:T tensor2:T *value:n=|T
addcmul.default|self:T tensor1:T tensor2:T *value:n=|T
addmm.default|self:T mat1:T mat2:T *beta:n= *alpha:n=|T
addmm.dtype|self:T mat1:T mat2:T out_dtype:y *beta:n= *alpha:n=|T
affine_grid_generator.default|theta:T size:i* align_corners:b|T
alias.default|self:T|T
all.default|self:T|T
all.dim|self:T dim:i keepdim:b=|T
all.dims|self:T dim:i*?= keepdim:b=|T
alpha_dropout.default|input:T p:f train:b|T
amax.default|self:T dim:i#= keepdim:b=|T
amin.default|self:T dim:i#= keepdim:b=|T
any.default|self:T|T
any.dim|self:T dim:i keepdim:b=|T
any.dims|self:T dim:i*?= keepdim:b=|T
arange.default|end:n *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?=|T
arange.start|start:n end:n *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?=|T
arange.start_step|start:n end:n step:n= *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?=|T
argmax.default|self:T dim:i?= keepdim:b=|T
argmin.default|self:T dim:i?= keepdim:b=|T
argsort.default|self:T dim:i= descending:b=|T
argsort.stable|self:T *stable:b *dim:i= *descending:b=|T
asin.default|self:T|T
asinh.default|self:T|T
atan.default|self:T|T
atan2.default|self:T other:T|T
atanh.default|self:T|T
avg_pool1d.default|self:T kernel_size:i# stride:i#= padding:i#= ceil_mode:b= count_include_pad:b=|T
avg_pool2d.default|self:T kernel_size:i# stride:i#= padding:i#= ceil_mode:b= count_include_pad:b= divisor_override:i?=|T
avg_pool3d.default|self:T kernel_size:i# stride:i#= padding:i#= ceil_mode:b= count_include_pad:b= divisor_override:i?=|T
baddbmm.default|self:T batch1:T batch2:T *beta:n= *alpha:n=|T
baddbmm.dtype|self:T batch1:T batch2:T out_dtype:y *beta:n= *alpha:n=|T
batch_norm.default|input:T weight:T? bias:T? running_mean:T? running_var:T? training:b momentum:f eps:f cudnn_enabled:b|T
bernoulli.default|self:T *generator:g?=|T
bernoulli.p|self:T p:f *generator:g?=|T
bernoulli.Tensor|self:T p:T *generator:g?=|T
bilinear.default|input1:T input2:T weight:T bias:T?=|T
bitwise_and.Tensor|self:T other:T|T
bitwise_and.Scalar|self:T other:n|T
bitwise_and.Scalar_Tensor|self:n other:T|T
bitwise_left_shift.Tensor|self:T other:T|T
bitwise_left_shift.Tensor_Scalar|self:T other:n|T
bitwise_left_shift.Scalar_Tensor|self:n other:T|T
bitwise_not.default|self:T|T
bitwise_or.Tensor|self:T other:T|T
bitwise_or.Scalar|self:T other:n|T
bitwise_or.Scalar_Tensor|self:n other:T|T
bitwise_right_shift.Tensor|self:T other:T|T
bitwise_right_shift.Tensor_Scalar|self:T other:n|T
bitwise_right_shift.Scalar_Tensor|self:n other:T|T
bitwise_xor.Tensor|self:T other:T|T
bitwise_xor.Scalar|self:T other:n|T
bitwise_xor.Scalar_Tensor|self:n other:T|T
bmm.default|self:T mat2:T|T
bmm.dtype|self:T mat2:T out_dtype:y|T
broadcast_tensors.default|tensors:T*|T*
broadcast_to.default|self:T size:i*|T
cat.default|tensors:T* dim:i=|T
cdist.default|x1:T x2:T p:f= compute_mode:i?=|T
ceil.default|self:T|T
ceil_.default|self:T|T
celu.default|self:T alpha:n=|T
celu_.default|self:T alpha:n=|T
channel_shuffle.default|self:T groups:i|T
chunk.default|self:T chunks:i dim:i=|T*
clamp.default|self:T min:n?= max:n?=|T
clamp.Tensor|self:T min:T?= max:T?=|T
clamp_.default|self:T min:n?= max:n?=|T
clamp_.Tensor|self:T min:T?= max:T?=|T
clamp_max.default|self:T max:n|T
clamp_max.Tensor|self:T max:T|T
clamp_max_.default|self:T max:n|T
clamp_max_.Tensor|self:T max:T|T
clamp_min.default|self:T min:n|T
clamp_min.Tensor|self:T min:T|T
clamp_min_.default|self:T min:n|T
clamp_min_.Tensor|self:T min:T|T
clip.default|self:T min:n?= max:n?=|T
clip.Tensor|self:T min:T?= max:T?=|T
clone.default|self:T *memory_format:m?=|T
col2im.default|self:T output_size:i# kernel_size:i# dilation:i# padding:i# stride:i#|T
column_stack.default|tensors:T*|T
concat.default|tensors:T* dim:i=|T
constant_pad_nd.default|self:T pad:i* value:n=|T
contiguous.default|self:T *memory_format:m=|T
conv1d.default|input:T weight:T bias:T?= stride:i#= padding:i#= dilation:i#= groups:i=|T
conv1d.padding|input:T weight:T bias:T?= stride:i#= padding:s= dilation:i#= groups:i=|T
conv2d.default|input:T weight:T bias:T?= stride:i#= padding:i#= dilation:i#= groups:i=|T
conv2d.padding|input:T weight:T bias:T?= stride:i#= padding:s= dilation:i#= groups:i=|T
conv3d.default|input:T weight:T bias:T?= stride:i#= padding:i#= dilation:i#= groups:i=|T
conv3d.padding|input:T weight:T bias:T?= stride:i#= padding:s= dilation:i#= groups:i=|T
conv_tbc.default|self:T weight:T bias:T pad:i=|T
conv_transpose1d.default|input:T weight:T bias:T?= stride:i#= padding:i#= output_padding:i#= groups:i= dilation:i#=|T
conv_transpose2d.input|input:T weight:T bias:T?= stride:i#= padding:i#= output_padding:i#= groups:i= dilation:i#=|T
conv_transpose3d.input|input:T weight:T bias:T?= stride:i#= padding:i#= output_padding:i#= groups:i= dilation:i#=|T
convolution.default|input:T weight:T bias:T? stride:i* padding:i* dilation:i* transposed:b output_padding:i* groups:i|T
copy.default|self:T src:T non_blocking:b=|T
copy_.default|self:T src:T non_blocking:b=|T
copy_.Tensor|self:T other:T|T
copy_.int|self:T other:i|T
copy_.float|self:T other:f|T
cos.default|self:T|T
cosh.default|self:T|T
cosine_similarity.default|x1:T x2:T dim:i= eps:f=|T
cpu.default|self:T|T
cross.default|self:T other:T dim:i?=|T
cross_entropy_loss.default|self:T target:T weight:T?= reduction:i= ignore_index:i= label_smoothing:f=|T
cumsum.default|self:T dim:i *dtype:y?=|T
deg2rad.default|self:T|T
dequantize.self|self:T|T
dequantize.tensors|tensors:T*|T*
dequantize.tensor|qtensor:T|T
dequantize.list|qtensors:T*|T*
detach.default|self:T|T
detach_.default|self:T|T
diff.default|self:T n:i= dim:i= prepend:T?= append:T?=|T
div.Tensor|self:T other:T|T
div.Scalar|self:T other:n|T
div.Tensor_mode|self:T other:T *rounding_mode:s?|T
div.Scalar_mode|self:T other:n *rounding_mode:s?|T
div_.Tensor|self:T other:T|T
div_.Tensor_mode|self:T other:T *rounding_mode:s?|T
div_.Scalar|self:T other:n|T
div_.Scalar_mode|self:T other:n *rounding_mode:s?|T
dot.default|self:T tensor:T|T
dropout.default|input:T p:f train:b|T
dropout_.default|self:T p:f train:b|T
dstack.default|tensors:T*|T
einsum.default|equation:s tensors:T* *path:i*?=|T
einsum.sublist|a:T|T
elu.default|self:T alpha:n= scale:n= input_scale:n=|T
elu_.default|self:T alpha:n= scale:n= input_scale:n=|T
embedding.default|weight:T indices:T padding_idx:i= scale_grad_by_freq:b= sparse:b=|T
empty.memory_format|size:i* *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?= *memory_format:m?=|T
empty_like.default|self:T *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?= *memory_format:m?=|T
eq.Tensor|self:T other:T|T
eq.Scalar|self:T other:n|T
eq.Tensor_list|a:T* b:T*|b
erf.default|self:T|T
exp.default|self:T|T
exp_.default|self:T|T
expand.default|self:T size:i* *implicit:b=|T
expand_as.default|self:T other:T|T
expm1.default|self:T|T
feature_alpha_dropout.default|input:T p:f train:b|T
feature_dropout.default|input:T p:f train:b|T
feature_dropout_.default|self:T p:f train:b|T
fft_irfft.default|self:T n:i?= dim:i= norm:s?=|T
fft_rfft.default|self:T n:i?= dim:i= norm:s?=|T
fill_.Scalar|self:T value:n|T
fill_.Tensor|self:T value:T|T
fix.default|self:T|T
flatten.using_ints|self:T start_dim:i= end_dim:i=|T
flip.default|self:T dims:i*|T
floor.default|self:T|T
floor_.default|self:T|T
floor_divide.default|self:T other:T|T
floor_divide.Scalar|self:T other:n|T
fmax.default|self:T other:T|T
fmin.default|self:T other:T|T
fmod.Tensor|self:T other:T|T
fmod.Scalar|self:T other:n|T
frac.default|self:T|T
fractional_max_pool2d.default|self:T kernel_size:i# output_size:i# random_samples:T|T T
fractional_max_pool2d.output|self:T kernel_size:i# output_size:i# random_samples:T *output:T *indices:T|T T
frobenius_norm.dim|self:T dim:i# keepdim:b=|T
full.default|size:i* fill_value:n *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?=|T
full_like.default|self:T fill_value:n *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?= *memory_format:m?=|T
gather.default|self:T dim:i index:T *sparse_grad:b=|T
ge.Tensor|self:T other:T|T
ge.Scalar|self:T other:n|T
gelu.default|self:T *approximate:s=|T
glu.default|self:T dim:i=|T
grid_sampler.default|input:T grid:T interpolation_mode:i padding_mode:i align_corners:b|T
group_norm.default|input:T num_groups:i weight:T?= bias:T?= eps:f= cudnn_enabled:b=|T
gru.input|input:T hx:T params:T* has_biases:b num_layers:i dropout:f train:b bidirectional:b batch_first:b|T T
gru.data|data:T batch_sizes:T hx:T params:T* has_biases:b num_layers:i dropout:f train:b bidirectional:b|T T
gt.Tensor|self:T other:T|T
gt.Scalar|self:T other:n|T
hardshrink.default|self:T lambd:n=|T
hardsigmoid.default|self:T|T
hardsigmoid_.default|self:T|T
hardswish.default|self:T|T
hardswish_.default|self:T|T
hardtanh.default|self:T min_val:n= max_val:n=|T
hardtanh_.default|self:T min_val:n= max_val:n=|T
heaviside.default|self:T values:T|T
hsplit.int|self:T sections:i|T*
hsplit.array|self:T indices:i*|T*
hstack.default|tensors:T*|T
hypot.default|self:T other:T|T
im2col.default|self:T kernel_size:i# dilation:i# padding:i# stride:i#|T
imag.default|self:T|T
index.Tensor|self:T indices:T?*|T
index.Tensor_hacked_twin|self:T indices:T*|T
index.list_Tensor|self:T* el:T|i
index_copy.default|self:T dim:i index:T source:T|T
index_put.default|self:T indices:T?* values:T accumulate:b=|T
index_put.hacked_twin|self:T indices:T* values:T accumulate:b=|T
index_select.default|self:T dim:i index:T|T
instance_norm.default|input:T weight:T? bias:T? running_mean:T? running_var:T? use_input_stats:b momentum:f eps:f cudnn_enabled:b|T
isfinite.default|self:T|T
isinf.default|self:T|T
isnan.default|self:T|T
istft.default|self:T n_fft:i hop_length:i?= win_length:i?= window:T?= center:b= normalized:b= onesided:b?= length:i?= return_complex:b=|T
item.default|self:T|n
kthvalue.default|self:T k:i dim:i= keepdim:b=|T T
kthvalue.values|self:T k:i dim:i= keepdim:b= *values:T *indices:T|T T
l1_loss.default|self:T target:T reduction:i=|T
layer_norm.default|input:T normalized_shape:i* weight:T?= bias:T?= eps:f= cudnn_enable:b=|T
le.Tensor|self:T other:T|T
le.Scalar|self:T other:n|T
leaky_relu.default|self:T negative_slope:n=|T
leaky_relu_.default|self:T negative_slope:n=|T
lerp.Scalar|self:T end:T weight:n|T
lerp.Tensor|self:T end:T weight:T|T
lift_fresh_copy.default|self:T|T
linalg_vector_norm.default|self:T ord:n= dim:i#?= keepdim:b= *dtype:y?=|T
linear.default|input:T weight:T bias:T?=|T
linspace.Tensor_Tensor|start:T end:T steps:i *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?=|T
linspace.Tensor_Scalar|start:T end:n steps:i *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?=|T
linspace.Scalar_Tensor|start:n end:T steps:i *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?=|T
linspace.default|start:n end:n steps:i *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?=|T
log.default|self:T|T
log10.default|self:T|T
log1p.default|self:T|T
log2.default|self:T|T
log_sigmoid.default|self:T|T
log_softmax.int|self:T dim:i dtype:y?=|T
logaddexp.default|self:T other:T|T
logical_and.default|self:T other:T|T
logical_not.default|self:T|T
logical_or.default|self:T other:T|T
logical_xor.default|self:T other:T|T
logit.default|self:T eps:f?=|T
logsumexp.default|self:T dim:i# keepdim:b=|T
lstm.input|input:T hx:T* params:T* has_biases:b num_layers:i dropout:f train:b bidirectional:b batch_first:b|T T T
lstm.data|data:T batch_sizes:T hx:T* params:T* has_biases:b num_layers:i dropout:f train:b bidirectional:b|T T T
lt.Tensor|self:T other:T|T
lt.Scalar|self:T other:n|T
masked_fill.Scalar|self:T mask:T value:n|T
masked_fill.Tensor|self:T mask:T value:T|T
masked_fill_.Scalar|self:T mask:T value:n|T
masked_fill_.Tensor|self:T mask:T value:T|T
masked_select.default|self:T mask:T|T
matmul.default|self:T other:T|T
max.other|self:T other:T|T
max.default|self:T|T
max.dim|self:T dim:i keepdim:b=|T T
max_pool1d.default|self:T kernel_size:i# stride:i#= padding:i#= dilation:i#= ceil_mode:b=|T
max_pool1d_with_indices.default|self:T kernel_size:i# stride:i#= padding:i#= dilation:i#= ceil_mode:b=|T T
max_pool2d.default|self:T kernel_size:i# stride:i#= padding:i#= dilation:i#= ceil_mode:b=|T
max_pool2d_with_indices.default|self:T kernel_size:i# stride:i#= padding:i#= dilation:i#= ceil_mode:b=|T T
max_pool3d.default|self:T kernel_size:i# stride:i#= padding:i#= dilation:i#= ceil_mode:b=|T
max_unpool2d.default|self:T indices:T output_size:i#|T
maximum.default|self:T other:T|T
mean.default|self:T *dtype:y?=|T
mean.dim|self:T dim:i#? keepdim:b= *dtype:y?=|T
median.default|self:T|T
median.dim|self:T dim:i keepdim:b=|T T
median.dim_values|self:T dim:i keepdim:b= *values:T *indices:T|T T
meshgrid.default|tensors:T*|T*
meshgrid.indexing|tensors:T* *indexing:s|T*
min.other|self:T other:T|T
min.default|self:T|T
min.dim|self:T dim:i keepdim:b=|T T
minimum.default|self:T other:T|T
mish.default|self:T|T
mish_.default|self:T|T
mm.default|self:T mat2:T|T
mm.dtype|self:T mat2:T out_dtype:y|T
mode.default|self:T dim:i= keepdim:b=|T T
mode.values|self:T dim:i= keepdim:b= *values:T *indices:T|T T
movedim.int|self:T source:i destination:i|T
movedim.intlist|self:T source:i* destination:i*|T
mse_loss.default|self:T target:T reduction:i=|T
mul.Tensor|self:T other:T|T
mul.Scalar|self:T other:n|T
mul_.Tensor|self:T other:T|T
mul_.Scalar|self:T other:n|T
multinomial.default|self:T num_samples:i replacement:b= *generator:g?=|T
mv.default|self:T vec:T|T
nan_to_num.default|self:T nan:f?= posinf:f?= neginf:f?=|T
narrow.default|self:T dim:i start:i length:i|T
narrow.Tensor|self:T dim:i start:T length:i|T
native_batch_norm.default|input:T weight:T? bias:T? running_mean:T? running_var:T? training:b momentum:f eps:f|T T T
native_group_norm.default|input:T weight:T? bias:T? N:i C:i HxW:i group:i eps:f|T T T
native_layer_norm.default|input:T normalized_shape:i* weight:T? bias:T? eps:f|T T T
ne.Tensor|self:T other:T|T
ne.Scalar|self:T other:n|T
ne.Tensor_list|a:T* b:T*|b
neg.default|self:T|T
neg_.default|self:T|T
new_full.default|self:T size:i* fill_value:n *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?=|T
new_ones.default|self:T size:i* *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?=|T
new_zeros.default|self:T size:i* *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?=|T
nll_loss.default|self:T target:T weight:T?= reduction:i= ignore_index:i=|T
nonzero.default|self:T|T
norm.Scalar|self:T p:n=|T
norm.ScalarOpt_dim|self:T p:n? dim:i# keepdim:b=|T
norm.ScalarOpt_dim_dtype|self:T p:n? dim:i# keepdim:b *dtype:y|T
norm.ScalarOpt_dtype|self:T p:n? *dtype:y|T
numel.default|self:T|i
one_hot.default|self:T num_classes:i=|T
ones.default|size:i* *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?=|T
ones_like.default|self:T *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?= *memory_format:m?=|T
outer.default|self:T vec2:T|T
pad.default|self:T pad:i* mode:s= value:f?=|T
permute.default|self:T dims:i*|T
pin_memory.default|self:T device:d?=|T
pixel_shuffle.default|self:T upscale_factor:i|T
pixel_unshuffle.default|self:T downscale_factor:i|T
pow.Tensor_Tensor|self:T exponent:T|T
pow.Tensor_Scalar|self:T exponent:n|T
pow.Scalar|self:n exponent:T|T
pow_.Scalar|self:T exponent:n|T
pow_.Tensor|self:T exponent:T|T
prelu.default|self:T weight:T|T
prod.default|self:T *dtype:y?=|T
prod.dim_int|self:T dim:i keepdim:b= *dtype:y?=|T
quantize_per_tensor.default|self:T scale:f zero_point:i dtype:y|T
quantize_per_tensor.tensor_qparams|self:T scale:T zero_point:T dtype:y|T
quantize_per_tensor.tensors|tensors:T* scales:T zero_points:T dtype:y|T*
rad2deg.default|self:T|T
rand_like.default|self:T *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?= *memory_format:m?=|T
rand_like.generator|self:T *generator:g? *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?= *memory_format:m?=|T
randn_like.default|self:T *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?= *memory_format:m?=|T
randn_like.generator|self:T *generator:g? *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?= *memory_format:m?=|T
real.default|self:T|T
reciprocal.default|self:T|T
reciprocal_.default|self:T|T
reflection_pad1d.default|self:T padding:i#|T
reflection_pad2d.default|self:T padding:i#|T
reflection_pad3d.default|self:T padding:i#|T
relu.default|self:T|T
relu6.default|self:T|T
relu6_.default|self:T|T
relu_.default|self:T|T
remainder.Tensor|self:T other:T|T
remainder.Scalar|self:T other:n|T
remainder.Scalar_Tensor|self:n other:T|T
repeat.default|self:T repeats:i*|T
replication_pad1d.default|self:T padding:i#|T
replication_pad2d.default|self:T padding:i#|T
replication_pad3d.default|self:T padding:i#|T
requires_grad_.default|self:T requires_grad:b=|T
reshape.default|self:T shape:i*|T
reshape_as.default|self:T other:T|T
rnn_relu.input|input:T hx:T params:T* has_biases:b num_layers:i dropout:f train:b bidirectional:b batch_first:b|T T
rnn_relu.data|data:T batch_sizes:T hx:T params:T* has_biases:b num_layers:i dropout:f train:b bidirectional:b|T T
rnn_tanh.input|input:T hx:T params:T* has_biases:b num_layers:i dropout:f train:b bidirectional:b batch_first:b|T T
rnn_tanh.data|data:T batch_sizes:T hx:T params:T* has_biases:b num_layers:i dropout:f train:b bidirectional:b|T T
roll.default|self:T shifts:i# dims:i#=|T
round.default|self:T|T
round.decimals|self:T *decimals:i|T
round_.default|self:T|T
round_.decimals|self:T *decimals:i|T
rrelu.default|self:T lower:n= upper:n= training:b= generator:g?=|T
rsqrt.default|self:T|T
rsqrt_.default|self:T|T
rsub.Tensor|self:T other:T *alpha:n=|T
rsub.Scalar|self:T other:n alpha:n=|T
scalar_tensor.default|s:n *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?=|T
scaled_dot_product_attention.default|query:T key:T value:T attn_mask:T?= dropout_p:f= is_causal:b= *scale:f?= *enable_gqa:b=|T
scatter.value|self:T dim:i index:T value:n|T
scatter.src|self:T dim:i index:T src:T|T
scatter.reduce|self:T dim:i index:T src:T *reduce:s|T
scatter.value_reduce|self:T dim:i index:T value:n *reduce:s|T
select.int|self:T dim:i index:i|T
select_scatter.default|self:T src:T dim:i index:i|T
selu.default|self:T|T
selu_.default|self:T|T
set_.source_Tensor|self:T source:T|T
set_.default|self:T|T
set_.source_Tensor_storage_offset|self:T source:T storage_offset:i size:i* stride:i*=|T
sgn.default|self:T|T
sigmoid.default|self:T|T
sigmoid_.default|self:T|T
sign.default|self:T|T
silu.default|self:T|T
silu_.default|self:T|T
sin.default|self:T|T
sinc.default|self:T|T
sinh.default|self:T|T
slice.Tensor|self:T dim:i= start:i?= end:i?= step:i=|T
slice_scatter.default|self:T src:T dim:i= start:i?= end:i?= step:i=|T
softmax.int|self:T dim:i dtype:y?=|T
softplus.default|self:T beta:n= threshold:n=|T
softshrink.default|self:T lambd:n=|T
sort.default|self:T dim:i= descending:b=|T T
sort.stable|self:T *stable:b? *dim:i= *descending:b=|T T
sort.values_stable|self:T *stable:b? *dim:i= *descending:b= *values:T *indices:T|T T
sort.values|self:T dim:i= descending:b= *values:T *indices:T|T T
sort.Tensor|self:T* reverse:b=|
split.Tensor|self:T split_size:i dim:i=|T*
split.sizes|self:T split_size:i* dim:i=|T*
split.default|self:T split_sizes:i* dim:i=|T*
split_with_sizes.default|self:T split_sizes:i* dim:i=|T*
split_with_sizes_copy.default|self:T split_sizes:i* dim:i=|T*
sqrt.default|self:T|T
sqrt_.default|self:T|T
square.default|self:T|T
squeeze.default|self:T|T
squeeze.dim|self:T dim:i|T
squeeze.dims|self:T dim:i*|T
squeeze_.default|self:T|T
squeeze_.dim|self:T dim:i|T
squeeze_.dims|self:T dim:i*|T
stack.default|tensors:T* dim:i=|T
std.default|self:T unbiased:b=|T
std.dim|self:T dim:i#? unbiased:b= keepdim:b=|T
std.correction|self:T dim:i#?= *correction:n?= *keepdim:b=|T
std_mean.default|self:T unbiased:b=|T T
std_mean.dim|self:T dim:i#? unbiased:b= keepdim:b=|T T
std_mean.correction|self:T dim:i#?= *correction:n?= *keepdim:b=|T T
stft.default|self:T n_fft:i hop_length:i?= win_length:i?= window:T?= normalized:b= onesided:b?= return_complex:b?= align_to_window:b?=|T
stft.center|self:T n_fft:i hop_length:i?= win_length:i?= window:T?= center:b= pad_mode:s= normalized:b= onesided:b?= return_complex:b?= align_to_window:b?=|T
sub.Tensor|self:T other:T *alpha:n=|T
sub.Scalar|self:T other:n alpha:n=|T
sub_.Tensor|self:T other:T *alpha:n=|T
sub_.Scalar|self:T other:n alpha:n=|T
sum.dim_IntList|self:T dim:i#? keepdim:b= *dtype:y?=|T
sum.default|self:T *dtype:y?=|T
swapaxes.default|self:T axis0:i axis1:i|T
swapdims.default|self:T dim0:i dim1:i|T
sym_size.int|self:T dim:i|i
t.default|self:T|T
t_.default|self:T|T
tan.default|self:T|T
tanh.default|self:T|T
tanh_.default|self:T|T
tensor.bool|t:b *dtype:y?= *device:d?= *requires_grad:b=|T
tensor.float|t:f *dtype:y?= *device:d?= *requires_grad:b=|T
tensor.int|t:i *dtype:y?= *device:d?= *requires_grad:b=|T
tensor_split.sections|self:T sections:i dim:i=|T*
tensor_split.indices|self:T indices:i* dim:i=|T*
tensor_split.tensor_indices_or_sections|self:T tensor_indices_or_sections:T dim:i=|T*
threshold.default|self:T threshold:n value:n|T
threshold_.default|self:T threshold:n value:n|T
tile.default|self:T dims:i*|T
to.device|self:T device:d dtype:y non_blocking:b= copy:b= memory_format:m?=|T
to.dtype|self:T dtype:y non_blocking:b= copy:b= memory_format:m?=|T
to.other|self:T other:T non_blocking:b= copy:b= memory_format:m?=|T
to.dtype_layout|self:T *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?= *non_blocking:b= *copy:b= *memory_format:m?=|T
to.prim_Device|self:T device:d? dtype:i?= non_blocking:b= copy:b=|T
to.prim_dtype|self:T dtype:i?= non_blocking:b= copy:b=|T
topk.default|self:T k:i dim:i= largest:b= sorted:b=|T T
topk.values|self:T k:i dim:i= largest:b= sorted:b= *values:T *indices:T|T T
transpose.int|self:T dim0:i dim1:i|T
transpose_.default|self:T dim0:i dim1:i|T
trapz.x|y:T x:T *dim:i=|T
trapz.dx|y:T *dx:f= *dim:i=|T
tril.default|self:T diagonal:i=|T
triu.default|self:T diagonal:i=|T
true_divide.Tensor|self:T other:T|T
true_divide.Scalar|self:T other:n|T
trunc.default|self:T|T
type_as.default|self:T other:T|T
unbind.int|self:T dim:i=|T*
unflatten.int|self:T dim:i sizes:i*|T
unfold.default|self:T dimension:i size:i step:i|T
unique_consecutive.default|self:T return_inverse:b= return_counts:b= dim:i?=|T T T
unsqueeze.default|self:T dim:i|T
unsqueeze_.default|self:T dim:i|T
upsample_bicubic2d.default|self:T output_size:i# align_corners:b scales_h:f?= scales_w:f?=|T
upsample_bicubic2d.vec|input:T output_size:i*? align_corners:b scale_factors:f*?|T
upsample_bilinear2d.default|self:T output_size:i# align_corners:b scales_h:f?= scales_w:f?=|T
upsample_bilinear2d.vec|input:T output_size:i*? align_corners:b scale_factors:f*?|T
upsample_linear1d.default|self:T output_size:i# align_corners:b scales:f?=|T
upsample_linear1d.vec|input:T output_size:i*? align_corners:b scale_factors:f*?|T
upsample_nearest1d.default|self:T output_size:i# scales:f?=|T
upsample_nearest1d.vec|input:T output_size:i*? scale_factors:f*?|T
upsample_nearest2d.default|self:T output_size:i# scales_h:f?= scales_w:f?=|T
upsample_nearest2d.vec|input:T output_size:i*? scale_factors:f*?|T
upsample_nearest3d.default|self:T output_size:i# scales_d:f?= scales_h:f?= scales_w:f?=|T
upsample_nearest3d.vec|input:T output_size:i*? scale_factors:f*?|T
upsample_trilinear3d.default|self:T output_size:i# align_corners:b scales_d:f?= scales_h:f?= scales_w:f?=|T
upsample_trilinear3d.vec|input:T output_size:i*? align_corners:b scale_factors:f*?|T
var.default|self:T unbiased:b=|T
var.dim|self:T dim:i#? unbiased:b= keepdim:b=|T
var.correction|self:T dim:i#?= *correction:n?= *keepdim:b=|T
var_mean.default|self:T unbiased:b=|T T
var_mean.dim|self:T dim:i#? unbiased:b= keepdim:b=|T T
var_mean.correction|self:T dim:i#?= *correction:n?= *keepdim:b=|T T
view.default|self:T size:i*|T
view.dtype|self:T dtype:y|T
view_as.default|self:T other:T|T
view_as_complex.default|self:T|T
view_as_real.default|self:T|T
vsplit.int|self:T sections:i|T*
vsplit.array|self:T indices:i*|T*
vstack.default|tensors:T*|T
where.self|condition:T self:T other:T|T
where.ScalarOther|condition:T self:T other:n|T
where.ScalarSelf|condition:T self:n other:T|T
where.Scalar|condition:T self:n other:n|T
where.default|condition:T|T*
zero_.default|self:T|T
zeros.default|size:i* *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?=|T
zeros_like.default|self:T *dtype:y?= *layout:l?= *device:d?= *pin_memory:b?= *memory_format:m?=|T
)";

}  // namespace fetafix::formats::torch
