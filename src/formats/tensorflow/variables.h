// Which entries of the checkpoint fill which variable: read from the operators that restore them, as
// TensorFlow's own loader runs them.
#pragma once

#include "formats/tensorflow/file.h"

namespace fetafix::formats::tensorflow {

// Where a variable is stored. Keras stores its own twice: one copy for the restoring operators, which is the
// last, one for tf.saved_model.load, which goes by the checkpoint's object graph.
struct Variable {
  std::vector<std::string> keys;
  bool copies_differ =
      false;  // one that is stored as the same variable has other content, and is not among the keys
};
using Variables = std::map<std::string, Variable>;  // by name
Variables variables_of(const File& file);

// The name of the variable that a node makes (VarHandleOp, VariableV2): handles that share a name are one
// variable.
// "": it makes none.
std::string variable_name(const wire::Node& node);

}  // namespace fetafix::formats::tensorflow
