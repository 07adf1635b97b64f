// Further inputs made of one: a right repair is exact there too.
#pragma once

#include "data/preprocess.h"

namespace fetafix::data {

// `tensor` is [N,C,H,W] or [N,H,W,C] (or without N) of any type; the result has the same. Error kind `usage`
// for another rank.
Result<Tensor> flip_horizontal(const Tensor& tensor, Layout layout);
// Rows and columns in another order, which the seed and the size alone decide: no picture any more, and every
// pixel as likely as before.
Result<Tensor> scatter(const Tensor& tensor, Layout layout, uint64_t seed);
// Content moves down by `dy` and right by `dx` (negative: up, left); the border that comes in repeats the
// edge.
Result<Tensor> shift(const Tensor& tensor, Layout layout, int dy, int dx);

}  // namespace fetafix::data
