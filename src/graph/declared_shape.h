// What two models of one function may declare for the same input.
#pragma once

#include "tensor/tensor.h"

namespace fetafix::graph {

// What an input may be declared as that another model declares as `other` (-1, 0: a dimension that is not
// known), but for what `declared` may be: those dimensions, and for images those of the other layout, the
// likest first.
std::vector<Shape> other_declarations(const Shape& declared, const Shape& other);

// Whether `declared` differs from `other`, in either layout, in the number of channels alone, and has one
// that no picture has.
bool has_other_channels(const Shape& declared, const Shape& other);

// Whether `declared` are pictures of another size than `other`, in either layout, with as many channels.
bool has_other_size(const Shape& declared, const Shape& other);

// Whether `declared` has the sizes of `other` in an order that no picture has, its channels in between: a
// converter took one layout for the other.
bool has_other_order(const Shape& declared, const Shape& other);

// Any of these: both models can't be given the same picture.
bool is_other_picture(const Shape& declared, const Shape& other);

}  // namespace fetafix::graph
