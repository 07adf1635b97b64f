// A pickle as plain values. Nothing in it is executed: the few functions that PyTorch's files call are known
// by name and done here (a tensor of a storage, an ordered dict, TorchScript's typed lists); any other name
// is an error that says it.
//
// Protocols 0 to 5, as torch.save and torch.jit.save write them. Bounded whatever a file says: bytes, values,
// places in containers, depth, and what the values would be if those that are shared were written out for
// each that holds them. So a walk that follows every item ends soon; no value contains itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "tensor/tensor.h"

namespace fetafix::formats::torch {

// Elements that lie elsewhere: in the archive's entry "data/KEY" beside the pickle.
struct PickleStorage {
  std::string key;
  DType dtype = DType::unknown;  // unknown: complex, quantized or eight bits
  bool untyped = false;          // bytes of no type; the tensor says it
  std::string location;          // the device: "cpu"
  int64_t count = 0;             // elements; bytes if untyped
};

// Offset and strides count elements and are what the file says: nothing of them is checked against the
// storage, whose size this reader does not know. None is negative; as many sizes as strides.
struct PickleTensor {
  PickleStorage storage;
  DType dtype = DType::unknown;
  int64_t offset = 0;
  Shape sizes;
  std::vector<int64_t> strides;
  bool requires_grad = false;
  bool is_parameter = false;
};

struct PickleValue {
  enum class Kind : uint8_t {
    none,
    boolean,
    integer,
    real,
    text,
    bytes,
    list,
    tuple,  // a torch.Size too
    dict,   // an ordered one too; the attributes that one may have (`_metadata`) are left out
    set,
    storage,
    tensor,
    name,    // of something of PyTorch's that is a value: "torch.float32", "torch.strided"; a device: "cpu"
    object,  // of a class of TorchScript's: `text` is its name, beginning with "__torch__."
  };
  using Item = const PickleValue*;  // never null

  Kind kind = Kind::none;
  int64_t integer = 0;  // of a boolean 0 or 1
  double real = 0;
  std::string text;         // of text (UTF-8 as the file has it), bytes, name and object
  std::vector<Item> items;  // of list, tuple and set in order; of a dict key, value, key, value
  // Of an object: what __setstate__ or the constructor gets, most often a dict of attributes, a tuple for
  // what is no module (enumerations, named tuples, packed weights). Null: nothing.
  Item state = nullptr;
  // `type_tag`: TorchScript's type of a list or dict, where it says one ("Dict[str, float]", "List[int]").
  std::string type_tag;
  std::unique_ptr<PickleTensor> tensor;  // of a tensor; of a storage with nothing set but `storage`

  bool is(Kind of) const { return kind == of; }
  // The value of a dict's text key; null: it is not there, or this is no dict. An object's attributes:
  // `state->find(name)`.
  Item find(std::string_view key) const;
};

// "a list", "an object", ...: for messages.
std::string_view kind_name(PickleValue::Kind kind);

// The values live as long as one of its copies does.
class Pickle {
 public:
  class Values;
  Pickle(std::shared_ptr<const Values> values, const PickleValue* root)
      : values_(std::move(values)), root_(root) {}
  const PickleValue& root() const { return *root_; }

 private:
  std::shared_ptr<const Values> values_;
  const PickleValue* root_;
};

// Error kind `file`: damaged or hostile, with the byte; `unsupported`: well formed, with something else than
// plain values in it (a function or a class by its name, an integer of more than 64 bits).
Result<Pickle> read_pickle(BytesView bytes);

}  // namespace fetafix::formats::torch
