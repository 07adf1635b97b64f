// Which entries of the checkpoint fill which variable: read from the operators that restore them, as TensorFlow's own
// loader runs them.
#pragma once

#include "formats/tensorflow/file.h"

namespace fetafix::formats::tensorflow {

// Keys of the checkpoint by the variable's name; several where it is stored more than once.
using Variables = std::map<std::string, std::vector<std::string>>;
Variables variables_of(const File& file);

// The name of the variable that a node makes (VarHandleOp, VariableV2): handles that share a name are one variable.
// "": it makes none.
std::string variable_name(const wire::Node& node);

}  // namespace fetafix::formats::tensorflow
