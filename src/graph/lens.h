// A lens at work: between a constant as the file stores it and as the view shows it.
#pragma once

#include "graph/graph.h"

namespace fetafix::graph {

// view = transpose(native as `native_shape`, permutation) as `view_shape`; empty: none.
Tensor to_view(const Tensor& native, const std::vector<int>& permutation, const Shape& view_shape);
// The inverse. A view of another size than before gives a native tensor of another size, if the shapes allow.
Result<Tensor> to_native(const Tensor& view, const Lens& lens, const Shape& old_view_shape);

// The constant of the view that an operator of the file reads by a slot; null: there is none.
const Value* constant_behind(const Graph& view, int op, int slot);

}  // namespace fetafix::graph
