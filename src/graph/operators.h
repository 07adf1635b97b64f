// Which operators the view's language has.
#pragma once

#include <string_view>

namespace fetafix::graph {

// Whether ONNX's own domain has that operator in the view's opset. What it has not no runtime computes,
// whatever file names it.
bool is_operator(std::string_view type);

// Whether all that it does is to give the same elements other dimensions or another order.
bool only_moves(std::string_view type);

}  // namespace fetafix::graph
