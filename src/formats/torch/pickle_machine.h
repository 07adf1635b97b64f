// The parts of the pickle reader: what its values are while it reads, and what a call of a known name gives.
#pragma once

#include <deque>

#include "formats/torch/pickle.h"

namespace fetafix::formats::torch {

// All values of one pickle, and what they may amount to. One after the other, so that the deepest of files is
// thrown away as easily as any.
class Pickle::Values {
 public:
  // Error kind `file`: more than any honest file has.
  Result<PickleValue*> add(PickleValue::Kind kind);
  Result<PickleValue*> add_text(PickleValue::Kind kind, std::string text);
  // To be asked for before memory is taken that the file has not as many bytes for: places in containers, and
  // copies.
  Status charge(uint64_t bytes);
  Status charge_places(uint64_t count) { return charge(count * sizeof(PickleValue*)); }
  // When all is read: each text and each integer is a key of a dict once.
  void merge_equal_keys();

 private:
  std::deque<PickleValue> values_;
  uint64_t memory_ = 0;
};

using Values = Pickle::Values;
using PickleKind = PickleValue::Kind;

// A global: a `name`. Error kind `unsupported`: it is none that is known here.
Result<PickleValue*> pickle_global(Values& values, const std::string& module, const std::string& name);
// What the global gives when it is called. Error kind `file`: not with these arguments.
Result<PickleValue*> pickle_call(Values& values, const PickleValue& callee, const PickleValue& arguments);
// What a persistent id names: a storage.
Result<PickleValue*> pickle_storage(Values& values, const PickleValue& id);
// The type of storage of torch's that has elements of a type: "FloatStorage". Empty: none has.
std::string_view storage_of(DType dtype);
// Gives an object its state; PyTorch's ordered dicts have one that says nothing of their items.
Status pickle_build(PickleValue& object, const PickleValue& state);

// Texts as they stand on a line: 'a\n\x00' in quotes, as Python 2 writes them; Latin-1 with \uXXXX or
// \UXXXXXXXX for all else. The second is UTF-8.
Result<std::string> unquoted(std::string_view line);
Result<std::string> unescaped(std::string_view line);

// Whether nothing contains itself, keys are what Python takes, and the values are no more than a walk may
// follow.
Status check_pickle(const PickleValue& root);

}  // namespace fetafix::formats::torch
