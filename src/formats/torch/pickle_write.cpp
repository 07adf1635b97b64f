#include "formats/torch/pickle_write.h"

#include "formats/torch/file.h"
#include "formats/torch/pickle_machine.h"

namespace fetafix::formats::torch {
namespace {

const std::string no_hooks = "ccollections\nOrderedDict\n)R";

// The lowest byte first.
std::string number(uint64_t value, size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i, value >>= 8) out.push_back(static_cast<char>(value));
  return out;
}
std::string pickled(int64_t value) {
  return "\x8a\x08" + number(static_cast<uint64_t>(value), 8);
}
std::string pickled(bool value) {
  return value ? "\x88" : "\x89";
}
std::string pickled(const std::vector<int64_t>& numbers) {
  std::string out = "(";
  for (int64_t one : numbers) out += pickled(one);
  return out + "t";
}

}  // namespace

std::string pickled(const std::string& text) {
  return "X" + number(text.size(), 4) + text;
}

Result<std::string> pickled(const PickledItem& item) {
  const std::string type(storage_of(item.dtype));
  const auto count = element_count(item.sizes);
  if (type.empty() || !count)
    return Error{ErrorKind::unsupported,
                 "a weight of type " + std::string(dtype_name(item.dtype)) + " is not written into a pickle"};
  const std::string storage = "(" + pickled(std::string("storage")) + "ctorch\n" + type + "\n" +
                              pickled(item.key) + pickled(std::string("cpu")) + pickled(*count) + "tQ";
  const std::string tensor = "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + pickled(int64_t{0}) +
                             pickled(item.sizes) + pickled(plain_meta(item.dtype, item.sizes).strides) +
                             pickled(item.requires_grad) + no_hooks + "tR";
  if (!item.is_parameter) return tensor;
  return "ctorch._utils\n_rebuild_parameter\n(" + tensor + pickled(item.requires_grad) + no_hooks + "tR";
}

}  // namespace fetafix::formats::torch
