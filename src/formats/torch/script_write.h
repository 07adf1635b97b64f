// What edits changed of a TorchScript program's document, as text in the places where its calls stand.
//
// A changed argument is written over the one in the text; an inserted call goes around the expression whose
// value it takes, a removed one leaves its operand there. A method that several calls share and not all mean
// alike gets a copy of its own, and so do its callers up to one that is called once.
#pragma once

#include <map>
#include <set>

#include "base/json.h"
#include "formats/torch/program.h"
#include "formats/torch/script.h"

namespace fetafix::formats::torch {

struct ScriptChanges {
  const Program& program;                          // as the file has it
  const Json& document;                            // edited; nodes in the order of the program's
  const std::vector<std::pair<int, Json>>& added;  // calls, and the operator that each stands in front of
  const std::set<int>& removed;
  const std::map<std::string, int>& constants;  // names of new tensors, and their numbers in CONSTANTS
};

// Entries of code with their new texts. Error kind `unsupported`: a value that has no name where it is to be
// read.
Result<std::map<std::string, std::string>> written_script(const File& file, const ScriptChanges& changes);

}  // namespace fetafix::formats::torch
