// What functions in a graph of layers are called with (functions.cpp), and what those of keras.ops and of
// TensorFlow have in common. Arguments are told by name and by their place among those given by position;
// one that is left out is the function's default.
#pragma once

#include "formats/keras/lift_families.h"

namespace fetafix::formats::keras {

// The literal of an argument; of a function of Keras 3 it may also stand among the settings. Null: left out,
// or a tensor.
const Json& literal_of(const Operation& op, size_t position, const std::string& name);
// The first of several names that is there, for arguments that changed their name; else the first.
std::string name_of_argument(const Operation& op, std::initializer_list<const char*> names);

// A number, or numbers in lists of equal lengths, as a tensor; whole numbers alone are int64. nullopt: other.
std::optional<Tensor> literal_tensor(const Json& literal);
// The same as an operand of the type of the first tensor that the function is called with.
Result<Operand> literal_operand(Operation& op, const Json& literal, const std::string& name);
// An argument that is a tensor or numbers.
Result<Operand> operand_at(Operation& op, size_t position, const std::string& name);
// A list of them: of tensors, numbers or both.
Result<std::vector<Operand>> operands_at(Operation& op, size_t position, const std::string& name);
// Whole numbers: one, or a list without lists.
std::optional<std::vector<int64_t>> integers_at(const Operation& op, size_t position,
                                                const std::string& name);
std::optional<int64_t> integer_at(const Operation& op, size_t position, const std::string& name,
                                  int64_t otherwise);
std::optional<float> number_at(const Operation& op, size_t position, const std::string& name,
                               float otherwise);
bool truth_at(const Operation& op, size_t position, const std::string& name);
std::string text_at(const Operation& op, size_t position, const std::string& name,
                    const std::string& otherwise);
// Whether an argument is left out, or says what it says by itself.
bool is_default(const Operation& op, size_t position, const std::string& name, const Json& otherwise);

// Elementwise functions and the product of matrices by the names that both generations share.
Status lift_common_function(Operation& op, const std::string& name, const std::string& first,
                            const std::string& second);
// A function that is one of the activation functions, by that one's name.
Status lift_activation_function(Operation& op, const char* name);
Status lift_reduction(Operation& op, const char* type, const std::string& axis, const std::string& keepdims);
Status lift_softmax_function(Operation& op, const char* type, const std::string& axis);
Status lift_reshape_function(Operation& op, const std::string& shape);
Status lift_transpose_function(Operation& op, const std::string& axes);
Status lift_concat_function(Operation& op, const std::string& values);
Status lift_square(Operation& op);
Status lift_sloped(Operation& op, const char* type, const std::string& slope, float otherwise);
Status lift_clip_function(Operation& op, const std::string& least, const std::string& most);

// lift_parts.cpp: what takes tensors apart and puts them together.
Status lift_indexing(Operation& op, size_t position, const std::string& indices);
Status lift_strided_slice(Operation& op);
Status lift_slice_function(Operation& op);
Status lift_reverse(Operation& op);
Status lift_split_function(Operation& op, const std::string& parts);
Status lift_stack(Operation& op, const std::string& values);
Status lift_unstack(Operation& op);
Status lift_new_axis(Operation& op, const std::string& axis);
Status lift_squeeze(Operation& op, const std::string& axis);
Status lift_tile(Operation& op);
Status lift_broadcast(Operation& op);
Status lift_gather(Operation& op);
Status lift_pad_function(Operation& op);

// lift_tf_windows.cpp: TensorFlow's functions on images, which have channels last.
Status lift_tf_convolution(Operation& op);
Status lift_tf_depthwise(Operation& op);
Status lift_tf_transposed(Operation& op);
Status lift_tf_max_pool(Operation& op);
Status lift_tf_average_pool(Operation& op);
Status lift_tf_pool(Operation& op);
Status lift_tf_resize(Operation& op);
Status lift_tf_normalization(Operation& op);
Status lift_tf_local_response(Operation& op);
Status lift_tf_depth_to_space(Operation& op);
Status lift_tf_space_to_depth(Operation& op);
// lift_tf_blocks.cpp
Status lift_tf_space_to_batch(Operation& op);
Status lift_tf_batch_to_space(Operation& op);

}  // namespace fetafix::formats::keras
