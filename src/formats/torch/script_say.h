// Operators and their arguments in TorchScript's words: the way back from a program's document to text.
#pragma once

#include <functional>

#include "base/json.h"
#include "formats/torch/script.h"

namespace fetafix::formats::torch {

// How the text names a value of the program. Error `unsupported`: it has no name there.
using SayValue = std::function<Result<std::string>(const std::string& name)>;

// {"as_ints": [1, 1]} as "[1, 1]".
Result<std::string> say_content(const Json& content, const SayValue& say);

// A node of the document as a call: "torch.conv2d(x, w, None, [1, 1])".
Result<std::string> say_call(const Json& node, const SayValue& say);

// "torch.ops.aten.conv2d.default" as "torch.conv2d".
std::string say_operator(const std::string& target);

// An attribute by its path from a module on: `getattr(self.stem, "0").weight`. Error `unsupported`: there is
// no such attribute.
Result<std::string> say_attribute(const PickleValue& module, const std::string& self,
                                  const std::string& path);

// The top module's forward as one list of calls that gives `wanted` besides its results, as they are when
// they are computed: the text of its code's entry.
struct FlatText {
  std::string entry, text;
};
Result<FlatText> flat_text(const File& file, const std::vector<std::string>& wanted);

// The archive's constants with further ones: the entries to replace and to add.
struct MoreConstants {
  std::vector<ZipEntry> replaced, added;
};
Result<MoreConstants> with_constants(const File& file, const std::vector<Tensor>& tensors);

}  // namespace fetafix::formats::torch
