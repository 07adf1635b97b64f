// A copy of a bundle with other tensors in it.
#pragma once

#include <map>

#include "tensor_bundle/bundle.h"

namespace fetafix::tensor_bundle {

// Writes to `to_prefix` a copy of the bundle in which these tensors are at these keys; their type and shape
// may be others than before. All else stays byte for byte: a tensor of the same size is overwritten where it
// was, another one goes to the end of its shard (where it was, the old bytes stay); of the index only its
// entry changes. Makes the folder. The index comes last: a copy that was cut short has none. Files that are
// there are replaced, but not the bundle itself. Errors: `usage` (a key that is not there, the bundle's own
// prefix), `unsupported` (strings and partitioned variables, a type that TensorFlow does not have), `file`.
Status write_patched(const Bundle& from, const std::map<std::string, Tensor>& replaced,
                     const std::filesystem::path& to_prefix);

}  // namespace fetafix::tensor_bundle
