// Further tensors behind a TorchScript archive's constants. The pickle is a tuple of tensors; what is written
// behind its last item is what PyTorch's own pickler writes for a tensor, without its memo.
#include <set>

#include "formats/torch/script_say.h"

namespace fetafix::formats::torch {
namespace {

// Instructions of pickles (Python's pickletools.py).
constexpr char mark = '(', tuple = 't', stop = '.', empty_tuple = ')', one_item = '\x85',
               three_items = '\x87';
constexpr size_t start = 2;  // behind the protocol's number

std::string storage_name(DType dtype) {
  switch (dtype) {
    case DType::float16:
      return "HalfStorage";
    case DType::float64:
      return "DoubleStorage";
    case DType::bfloat16:
      return "BFloat16Storage";
    case DType::int64:
      return "LongStorage";
    case DType::int32:
      return "IntStorage";
    case DType::int16:
      return "ShortStorage";
    case DType::int8:
      return "CharStorage";
    case DType::uint8:
      return "ByteStorage";
    case DType::boolean:
      return "BoolStorage";
    default:
      return "FloatStorage";
  }
}

std::string number(int64_t value) {
  std::string out = "\x8a";  // as a long: so many bytes, the lowest first
  out += '\x08';
  for (int i = 0; i < 8; ++i) out += static_cast<char>((static_cast<uint64_t>(value) >> (8 * i)) & 0xff);
  return out;
}

std::string text(const std::string& value) {
  std::string out = "X";
  for (int i = 0; i < 4; ++i) out += static_cast<char>((value.size() >> (8 * i)) & 0xff);
  return out + value;
}

std::string name(const std::string& module, const std::string& what) {
  return "c" + module + "\n" + what + "\n";
}

std::string numbers(const std::vector<int64_t>& values) {
  std::string out(1, mark);
  for (const int64_t value : values) out += number(value);
  return out + tuple;
}

std::string pickled(const Tensor& tensor, const std::string& key) {
  std::vector<int64_t> strides(tensor.shape().size());
  int64_t next = 1;
  for (size_t axis = strides.size(); axis-- > 0; next *= tensor.shape()[axis]) strides[axis] = next;
  const std::string storage = mark + text("storage") + name("torch", storage_name(tensor.dtype())) +
                              text(key) + text("cpu") + number(tensor.size()) + tuple + "Q";
  const std::string no_hooks = name("collections", "OrderedDict") + empty_tuple + "R";
  return name("torch._utils", "_rebuild_tensor_v2") + mark + storage + number(0) + numbers(tensor.shape()) +
         numbers(strides) + "\x89" + no_hooks + tuple + "R";
}

// `items` behind those that the tuple has.
Result<std::string> appended(const std::string& pickle, const std::string& items) {
  const Error other{ErrorKind::unsupported,
                    "the file's list of constants is written in a way that is not known"};
  if (pickle.size() < start + 2 || pickle[0] != '\x80' || pickle.back() != stop) return other;
  const char last = pickle[pickle.size() - 2];
  const std::string inner = pickle.substr(start, pickle.size() - start - 2), head = pickle.substr(0, start);
  if (last == empty_tuple && inner.empty()) return head + mark + items + tuple + stop;
  if (last == tuple && inner.starts_with(mark)) return head + inner + items + tuple + stop;
  if (last >= one_item && last <= three_items) return head + mark + inner + items + tuple + stop;
  return other;
}

}  // namespace

Result<MoreConstants> with_constants(const File& file, const std::vector<Tensor>& tensors) {
  MoreConstants out;
  if (tensors.empty()) return out;
  std::set<std::string> names;
  for (const ZipView& entry : file.entries) names.insert(entry.name);
  const std::string entry = file.prefix + "constants.pkl";
  FETAFIX_TRY(const std::vector<ZipEntry> entries, unzip(*file.bytes, "archive", size_t{256} << 20, {entry}));
  std::string items, pickle;
  for (const ZipEntry& one : entries)
    if (one.name == entry) pickle.assign(reinterpret_cast<const char*>(one.bytes.data()), one.bytes.size());
  size_t key = 0;
  for (const Tensor& tensor : tensors) {
    while (!names.insert(file.prefix + "constants/" + std::to_string(key)).second) ++key;
    items += pickled(tensor, std::to_string(key));
    const auto bytes = tensor.bytes();
    out.added.push_back(
        {file.prefix + "constants/" + std::to_string(key), Bytes(bytes.begin(), bytes.end())});
  }
  FETAFIX_TRY(const std::string written, appended(pickle, items));
  const BytesView bytes = as_bytes(written);
  out.replaced.push_back({entry, Bytes(bytes.begin(), bytes.end())});
  return out;
}

}  // namespace fetafix::formats::torch
