// Tensors that an operator can't do without. Names: PyTorch 2.15's schemas of its operators.
#pragma once

#include <string>
#include <vector>

namespace fetafix::formats::torch {

// In PyTorch's order; empty: not known here, or it takes a list of tensors.
std::vector<std::string> required_operands(const std::string& target);

}  // namespace fetafix::formats::torch
