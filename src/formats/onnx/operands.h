// How many operands an operator can't do without.
#pragma once

#include <string>

namespace fetafix::formats::onnx {

// Of the standard operators that the rest of the program takes apart; 0 of others. Source: the ONNX operator
// specification.
int fewest_operands(const std::string& type);

}  // namespace fetafix::formats::onnx
