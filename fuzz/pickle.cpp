// The reader of pickles: any bytes. What it gives can be walked from end to end.
#include "formats/torch/pickle.h"

#include "fuzz/fuzz.h"

namespace fetafix::formats::torch {
namespace {

using Kind = PickleValue::Kind;

void walk(const PickleValue& value, int depth, uint64_t& count) {
  fuzz::promise(depth <= 200, "values are not deeper than the reader says");
  fuzz::promise(++count <= uint64_t{1} << 24, "a walk ends soon");
  const bool holds =
      value.is(Kind::list) || value.is(Kind::tuple) || value.is(Kind::dict) || value.is(Kind::set);
  fuzz::promise(holds || value.items.empty(), "only containers have items");
  fuzz::promise(!value.is(Kind::dict) || value.items.size() % 2 == 0, "each key has a value");
  fuzz::promise((value.is(Kind::tensor) || value.is(Kind::storage)) == (value.tensor != nullptr),
                "tensors and storages say what they are");
  if (value.tensor)
    fuzz::promise(value.tensor->offset >= 0 && value.tensor->sizes.size() == value.tensor->strides.size(),
                  "a tensor has a stride for each size");
  fuzz::promise(!value.state || value.is(Kind::object), "only objects have a state");
  for (const PickleValue* item : value.items) walk(*item, depth + 1, count);
  if (value.state) walk(*value.state, depth + 1, count);
}

}  // namespace
}  // namespace fetafix::formats::torch

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fetafix;
  const auto pickle = formats::torch::read_pickle(fuzz::input(data, size));
  if (pickle.ok()) {
    uint64_t count = 0;
    formats::torch::walk(pickle->root(), 1, count);
  } else {
    fuzz::promise(pickle.error().kind == ErrorKind::file || pickle.error().kind == ErrorKind::unsupported,
                  "a pickle that can't be read is a fault of the file");
  }
  return 0;
}
