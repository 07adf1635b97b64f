// The other way than upgrade.h: an operator of the view in the words of an older operator set.
#pragma once

#include "graph/edit.h"

namespace fetafix::formats::onnx {

// That an operator can't be said in this operator set as the view has it.
Error written_otherwise(const std::string& type, int opset);

// What newer operator sets turned into operands becomes attributes again. Error kind `unsupported`: this
// operator set has no operator that computes the same.
Result<graph::InsertNode> in_old_form(graph::InsertNode insert, int opset);

}  // namespace fetafix::formats::onnx
