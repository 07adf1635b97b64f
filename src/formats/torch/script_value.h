// What a name stands for while a TorchScript program is read (script_run.h): numbers and lists that its text
// says, modules, and names of what only a run computes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/torch/pickle.h"
#include "formats/torch/script_text.h"

namespace fetafix::formats::torch {

// What is known of a tensor's dimensions; shared by tensors that have the same number of them, so that one
// says it for all.
struct Rank {
  int count = -1;              // -1: not known
  std::vector<int64_t> sizes;  // empty: not known; -1: depends on the run
};

// A number that only a run knows: a size of a tensor, or what is computed of some.
struct Size;
using SizePtr = std::shared_ptr<const Size>;

struct ScriptValue {
  enum class Kind : uint8_t {
    none,
    boolean,
    integer,
    real,
    text,
    list,
    tuple,
    tensor,    // text: its name in the program
    size,      // size
    sizes,     // all sizes of the tensor `text`
    module,    // object, text: its path
    function,  // text: "__torch__....relu"
    device,    // text
    unknown    // text: why
  };
  Kind kind = Kind::none;
  bool rank_would_tell = false;  // of an unknown one: whether the number of dimensions of an input decides it
  bool is_tensor = false;        // of numbers and sizes: a tensor without dimensions that holds it
  int depth = 0;                 // of lists in lists
  int64_t integer = 0;
  double real = 0;
  std::string text;
  std::shared_ptr<std::vector<ScriptValue>> items;  // of list and tuple; a list's are shared by its names
  SizePtr size;
  const PickleValue* object = nullptr;

  bool is(Kind of) const { return kind == of; }
};

struct Size {
  std::string name;  // "sym_size", "add", "sub", "mul", "floordiv"
  std::string tensor;
  int64_t dim = 0;
  ScriptValue a, b;  // of arithmetic
  int depth = 0;     // of arithmetic in arithmetic
};

using ValueKind = ScriptValue::Kind;

ScriptValue script_none();
ScriptValue script_boolean(bool value);
ScriptValue script_integer(int64_t value);
ScriptValue script_real(double value);
ScriptValue script_text(std::string value);
ScriptValue script_list(std::vector<ScriptValue> items);
ScriptValue script_tuple(std::vector<ScriptValue> items);
ScriptValue script_tensor(std::string name);
ScriptValue script_unknown(std::string why, bool rank_would_tell = false);
ScriptValue script_size(Size size);

// TorchScript counts types of elements in another way than exported programs do (c10/core/ScalarType.h).
DType script_type(int64_t number);
int64_t script_type_number(DType dtype);  // -1: it has none

// Of numbers, texts and lists of them (script_numbers.cpp): what an operator gives; nullopt: it is none of
// those that are computed here. Operands that depend on the run give a size or an unknown.
std::optional<ScriptValue> computed(const std::string& name, const std::vector<ScriptValue>& operands);

}  // namespace fetafix::formats::torch
